/** Presets: the numbers of the recipes, their warm-up, and what they refuse. */
import { gldLoss, gldPreset } from 'gld-loss';
import t from 'tap';

const rounded = (value: number) => Number(value.toPrecision(6));

t.test('the paper', async (t) => {
  const { loss, schedule, learningRate, ...rest } = gldPreset('paper', { stepsPerEpoch: 782 });
  t.match(rest, { epochs: 200, batchSize: 64, optimizer: { momentum: 0.9, weightDecay: 5e-4 } });
  t.match(loss, { alpha: 0.7, beta: 500, localWeight: 1, relation: { reduction: { rows: 320 } } });
  const epochs = [1, 99.9, 100, 149.9, 150, 199.9, 300];
  t.strictSame(
    epochs.map((epoch) => rounded(learningRate(782 * epoch))),
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001],
  );
  t.strictSame(schedule(0), { alpha: 0, beta: 0, localWeight: 0 });
  t.strictSame(schedule(782 * 20), { alpha: 0.7, beta: 500, localWeight: 1 });
});

t.test('a short training', async (t) => {
  const { epochs, loss, schedule, learningRate } = gldPreset('short', {
    stepsPerEpoch: 10,
    grid: [1, 2],
    batchSize: 32,
  });
  t.equal(epochs, 12);
  t.strictSame(loss.grid, [1, 2]);
  t.equal(rounded(learningRate(4)), rounded(0.2 * (0.5 + 0.5 * Math.cos((Math.PI * 4) / 120))), 'half way up');
  t.equal(rounded(learningRate(60)), 0.2, 'half way along the cosine');
  t.equal(learningRate(120), 0);
  t.equal(schedule(6).beta, 250, 'the terms come in over a tenth of the steps');
});

t.test('its options are those of the loss', async (t) => {
  const { loss, schedule } = gldPreset('short', { stepsPerEpoch: 10, epochs: 3 });
  const side = (seed: number) => ({
    features: { data: Float32Array.from({ length: 96 }, (_, i) => Math.sin(seed * i)), shape: [2, 3, 4, 4] },
    weight: { data: Float32Array.from({ length: 12 }, (_, i) => Math.cos(seed * i)), shape: [4, 3] },
  });
  t.ok(
    Number.isFinite(gldLoss({ teacher: side(1), student: side(2), labels: [0, 1] }, { ...loss, ...schedule(1) }).loss),
  );
});

t.test('wrong calls', async (t) => {
  const call = (name: unknown, options?: unknown) => () =>
    gldPreset(name as 'paper', options as { stepsPerEpoch: number });
  t.throws(call('papers', {}), { code: 'ERR_GLD_OPTION', argument: 'name', message: /did you mean paper/ });
  t.throws(call(undefined, {}), { code: 'ERR_GLD_ARG_TYPE', argument: 'name' });
  t.throws(call('paper'), { code: 'ERR_GLD_ARG_TYPE', argument: 'stepsPerEpoch' });
  t.throws(call('paper', { stepsPerEpoch: 0 }), { code: 'ERR_GLD_OPTION', argument: 'stepsPerEpoch' });
  for (const options of [
    { stepsPerEpoch: Number.MAX_VALUE },
    { stepsPerEpoch: 1e300, epochs: Number.MAX_SAFE_INTEGER },
  ]) {
    t.throws(call('short', options), { code: 'ERR_GLD_OPTION', argument: 'stepsPerEpoch' });
  }
  t.throws(call('paper', { stepsPerEpoch: 1, epochs: 1.5 }), { code: 'ERR_GLD_OPTION', argument: 'epochs' });
  t.throws(call('paper', { stepsPerEpoch: 1, batchSize: '8' }), { code: 'ERR_GLD_ARG_TYPE', argument: 'batchSize' });
  t.throws(call('paper', { stepsPerEpoch: 1, epoch: 3 }), { code: 'ERR_GLD_OPTION', argument: 'epoch' });
  t.throws(() => gldPreset('paper', { stepsPerEpoch: 1 }).learningRate(-1), {
    code: 'ERR_GLD_OPTION',
    argument: 'step',
  });
});
