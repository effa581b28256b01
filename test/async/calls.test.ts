// Work off the event loop: what comes out, what may happen to the arguments meanwhile, and that the loop stays free.
import { GldLoss, gldLoss, gldLossAsync, type GldError } from 'gld-loss';
import t from 'tap';
import { big, slow, small } from '../support/async-inputs.js';

t.test('the results are those of synchronous calls', async (t) => {
  const inputs = [1, 2, 3, 4, 5, 6, 7, 8].map(small);
  const expected = inputs.map((each) => gldLoss(each));
  t.same(await Promise.all(inputs.map((each) => gldLossAsync(each))), expected, 'gldLossAsync');
  const kept = new GldLoss();
  t.same(await Promise.all(inputs.map((each) => kept.computeAsync(each))), expected, 'one GldLoss, all at once');
  t.same(
    inputs.map((each) => kept.compute(each)),
    expected,
    'and then synchronously',
  );
  kept.dispose();
});

t.test('results stay as they are while later calls use the memory again', async (t) => {
  const kept = new GldLoss();
  const inputs = [1, 2, 3, 4, 5, 6].map(small);
  const results = [];
  for (const each of inputs) results.push(await kept.computeAsync(each), kept.compute(each));
  await Promise.all(inputs.map((each) => kept.computeAsync(each)));
  t.same(
    results,
    inputs.flatMap((each) => [gldLoss(each), gldLoss(each)]),
  );
  kept.dispose();
});

t.test('synchronous calls while asynchronous ones run', async (t) => {
  const kept = new GldLoss(slow);
  const running = kept.computeAsync(big());
  const expected = gldLoss(small(), slow);
  t.same(kept.compute(small()), expected);
  t.same(gldLoss(small(), slow), expected);
  t.same(await running, gldLoss(big(), slow));
});

t.test('inputs may change, or go, as soon as the call has returned', async (t) => {
  const expected = gldLoss(small());
  const changed = small();
  const running = gldLossAsync(changed);
  (changed.student.features.data as Float32Array).fill(NaN);
  (changed.labels as Int32Array).fill(99);
  t.same(await running, expected, 'changed');

  const detached = small();
  const transferred = gldLossAsync(detached);
  for (const { data } of Object.values(detached.student).filter((value) => typeof value === 'object')) {
    structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
  }
  t.same(await transferred, expected, 'transferred');
});

t.test('inputs in memory that other threads may write to', async (t) => {
  const inputs = small();
  const share = (array: Float32Array): Float32Array => {
    const shared = new Float32Array(new SharedArrayBuffer(array.byteLength));
    shared.set(array);
    return shared;
  };
  const features = { ...inputs.student.features, data: share(inputs.student.features.data as Float32Array) };
  const shared = { ...inputs, student: { ...inputs.student, features } };
  t.same(gldLoss(shared), gldLoss(inputs));
  const running = gldLossAsync(shared);
  features.data.fill(NaN);
  t.same(await running, gldLoss(inputs));
});

t.test('out buffers are written when the work is done, not before', async (t) => {
  const expected = gldLoss(small());
  const out = { weight: new Float32Array(120).fill(7), bias: new Float32Array(10).fill(7) };
  const running = gldLossAsync(small(), { out });
  t.ok(
    out.weight.every((value) => value === 7),
    'untouched at first',
  );
  const result = await running;
  t.equal(result.gradients?.weight?.data, out.weight);
  t.same(result, expected);
});

t.test('an out buffer that is gone when the work is done', async (t) => {
  const bias = new Float32Array(10);
  const running = gldLossAsync(small(), { out: { bias } });
  structuredClone(bias.buffer, { transfer: [bias.buffer] });
  const error = await running.catch((reason: unknown) => reason);
  t.type(error, TypeError);
  t.match(error, { code: 'ERR_GLD_DETACHED', argument: 'out.bias' });
  t.match((error as GldError).message, /keeps its 10 elements until the result is there, got one of 0/);
});

t.test('an out buffer on an input is refused as in synchronous calls', async (t) => {
  const inputs = small();
  const weight = inputs.student.weight.data as Float32Array;
  await t.rejects(gldLossAsync(inputs, { out: { weight } }), { code: 'ERR_GLD_OVERLAP', argument: 'out.weight' });
});

t.test('dispose() lets calls under way finish', async (t) => {
  const kept = new GldLoss(slow);
  const running = [big(), small(), big()].map((inputs) => kept.computeAsync(inputs));
  kept.dispose();
  await t.rejects(kept.computeAsync(small()), { code: 'ERR_GLD_DISPOSED' });
  t.same(
    await Promise.all(running),
    [big(), small(), big()].map((inputs) => gldLoss(inputs, slow)),
  );
});

t.test('the event loop stays free', async (t) => {
  let [timers, immediates, done] = [0, 0, false];
  const timer = setInterval(() => (timers += 1), 1);
  const spin = (): void => {
    immediates += 1;
    if (!done) setImmediate(spin);
  };
  spin();
  await Promise.all([1, 2, 3].map(() => gldLossAsync(big(5000), slow)));
  done = true;
  clearInterval(timer);
  t.ok(timers > 5, `${timers} timers fired`);
  t.ok(immediates > 20, `${immediates} turns of the loop`);
});

t.test('hundreds of calls at once', async (t) => {
  const expected = gldLoss(small());
  const kept = new GldLoss();
  const all = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? kept.computeAsync(small()) : gldLossAsync(small())));
  const results = await Promise.all(all);
  t.ok(results.every(({ loss }) => loss === expected.loss));
  t.same(results[399], expected);
  t.same(results[398], expected);
  kept.dispose();
});
