/** The whole loss on a GPU: the same wherever its tensors are, with results and buffers there. Accuracy: conformance.ts. */
import { CudaTensor, gldLoss, gldLossAsync, GldLoss, type AnyGradient, type AnyInputs, type GldResult } from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { gld } from '../../reference/gld.js';
import { arrayError, lossError } from '../../support/compare.js';
import { problem } from '../../support/problems.js';
import { encodeInputs } from '../../support/tensors.js';
import { homes, move, moved, valuesOf, type Home } from './support.js';

const names = ['features', 'weight', 'bias', 'logits'] as const;
const small = problem({
  samples: 4,
  classes: 6,
  teacher: { channels: 5, map: [4, 4] },
  student: { channels: 7, map: [5, 6], layout: 'NHWC', weightLayout: 'CK' },
});
const { given: hostInputs, exact } = encodeInputs(small, 'float32');
const expected = gld(exact);

t.test('the same bits whichever way', async (t) => {
  const kept = new GldLoss({ device: 'cuda' });
  const first = gldLoss(hostInputs, { device: 'cuda' });
  const bits = (result: GldResult<AnyGradient>) => [
    result.loss,
    ...names.slice(0, 3).map((name) => Array.from(valuesOf(present(result.gradients)[name])) as unknown),
  ];
  for (const home of homes) {
    const inputs = move(hostInputs, home);
    t.same(bits(gldLoss(inputs, { device: 'cuda' })), bits(first), home);
    t.same(bits(await gldLossAsync(inputs, { device: 'cuda' })), bits(first), `${home}, async`);
    for (let i = 0; i < 3; i += 1) t.same(bits(kept.compute(inputs)), bits(first), `${home}, one GldLoss`);
    t.same(bits(await kept.computeAsync(inputs)), bits(first), `${home}, one GldLoss, async`);
  }
  kept.dispose();
});

t.test('each gradient is where its tensor is, in its layout', async (t) => {
  const student = hostInputs.student as unknown as Record<string, never>;
  const mixed = {
    ...hostInputs,
    student: { ...student, weight: moved(student.weight, 'tensor') },
  } as unknown as AnyInputs;
  const { gradients } = gldLoss(mixed);
  t.match(gradients?.features, { shape: [4, 5, 6, 7], dtype: 'float32' });
  t.type((present(gradients).features as { data: unknown }).data, Float32Array);
  t.type(gradients?.weight, CudaTensor);
  t.match(gradients?.weight, { shape: [7, 6], dtype: 'float32', device: 'cuda', deviceId: 0 });
});

t.test('which gradients', async (t) => {
  const inputs = move(hostInputs, 'tensor');
  t.same(Object.keys(gldLoss(inputs, { gradients: ['weight'] }).gradients ?? {}), ['weight']);
  t.equal(gldLoss(inputs, { gradients: false }).gradients, undefined);
  t.throws(() => gldLoss(inputs, { gradients: ['logits'] }), { code: 'ERR_GLD_OPTION', argument: 'gradients' });
});

t.test('out: arrays, tensors and addresses, of inputs anywhere', async (t) => {
  const shapes = { features: [4, 5, 6, 7], weight: [7, 6], bias: [6] };
  const size = (shape: number[]) => shape.reduce((a, b) => a * b);
  const kinds = {
    arrays: (shape: number[]) => new Float32Array(size(shape)).fill(NaN),
    tensors: (shape: number[]) => CudaTensor.empty(Int32Array.from(shape)),
    addresses: (shape: number[]) => moved({ data: new Float32Array(size(shape)).fill(NaN), shape }, 'pointer'),
  };
  const kept = new GldLoss({ device: 'cuda' });
  for (const home of ['host', 'tensor'] as Home[]) {
    for (const [kind, make] of Object.entries(kinds)) {
      for (const way of ['gldLoss', 'gldLossAsync', 'compute', 'compute again', 'computeAsync']) {
        const out = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, make(shape)])) as never;
        const inputs = move(hostInputs, home);
        const settings = { device: 'cuda' as const, out };
        const { gradients } = await (way === 'gldLoss'
          ? gldLoss(inputs, settings)
          : way === 'gldLossAsync'
            ? gldLossAsync(inputs, settings)
            : way === 'computeAsync'
              ? kept.computeAsync(inputs, { out })
              : kept.compute(inputs, { out }));
        for (const name of ['features', 'weight', 'bias'] as const) {
          const what = `${home}, ${kind}, ${way}, ${name}`;
          const [got, lent] = [gradients?.[name], out[name] as any];
          t.ok(arrayError(valuesOf(got), present(expected.gradients[name]).data) < 1e-5, what);
          if (kind === 'arrays') t.equal((got as { data: unknown }).data, lent);
          if (kind === 'tensors') t.equal(got, lent);
          if (kind === 'addresses') t.equal((got as CudaTensor).ptr, lent.ptr);
        }
      }
    }
  }
  kept.dispose();
});

t.test('labels on the GPU are checked there', async (t) => {
  const labels = CudaTensor.from({ data: Int32Array.of(0, 1, 6, 2), shape: [4] });
  const wrong = { ...hostInputs, labels } as AnyInputs;
  t.throws(() => gldLoss(wrong), { code: 'ERR_GLD_LABEL', argument: 'labels' });
  await t.rejects(gldLossAsync(wrong), { code: 'ERR_GLD_LABEL' });
  labels.write({ data: Int32Array.of(0, 1, 5, 2), shape: [4] });
  t.equal(gldLoss(wrong).loss, gldLoss({ ...hostInputs, labels: [0, 1, 5, 2] }, { device: 'cuda' }).loss);
});

t.test('precision', async (t) => {
  for (const [precision, limit] of [
    ['float32', 1e-6],
    ['tf32', 1e-2],
    ['bf16', 1e-1],
  ] as const) {
    const { loss } = gldLoss(hostInputs, { device: 'cuda', precision });
    t.ok(lossError(loss, expected.loss) < limit, `${precision}: ${lossError(loss, expected.loss)}`);
  }
});

t.test('NaN and infinity lead to NaN or infinity, as on the CPU', async (t) => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const { given } = encodeInputs(small, 'float32');
    (given.student as unknown as { features: { data: Float32Array } }).features.data[3] = value;
    const [here, there] = [gldLoss(given), gldLoss(move(given, 'tensor'))];
    t.notOk(Number.isFinite(there.loss), `${value}`);
    t.equal(Number.isFinite(there.terms.relation), Number.isFinite(here.terms.relation));
  }
});
