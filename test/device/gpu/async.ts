/** Asynchronous calls on a GPU: results, what may happen meanwhile, abort, and how many streams there are. */
import { getEventListeners } from 'node:events';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { CudaTensor, GldLoss, gldLoss, gldLossAsync, type GldAsyncOptions, type GldOptions } from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { big, slow, small } from '../../support/async-inputs.js';
import { controllers } from '../../support/signals.js';
import {
  collect,
  counts,
  delayed,
  isStandIn,
  move,
  skipUnlessEmulated,
  skipUnlessStandIn,
  submitted,
  valuesOf,
} from './support.js';

const cuda: GldOptions = { device: 'cuda' };
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'a result',
    (reason: unknown) => reason,
  );

t.test('the results are those of synchronous calls', async (t) => {
  const inputs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(small);
  const expected = inputs.map((each) => gldLoss(each, cuda));
  t.same(await Promise.all(inputs.map((each) => gldLossAsync(each, cuda))), expected, 'gldLossAsync');
  const kept = new GldLoss(cuda);
  t.same(await Promise.all(inputs.map((each) => kept.computeAsync(each))), expected, 'one GldLoss, all at once');
  t.same(
    inputs.map((each) => kept.compute(each)),
    expected,
    'and then synchronously',
  );
  kept.dispose();
});

t.test('synchronous calls while asynchronous ones run, on the GPU and on the CPU', async (t) => {
  const options: GldOptions = { ...slow, ...cuda };
  const kept = new GldLoss(options);
  const running = kept.computeAsync(big(200));
  t.same(kept.compute(small()), gldLoss(small(), options));
  t.same(gldLoss(small()), await gldLossAsync(small()));
  t.same(await running, gldLoss(big(200), options));
  kept.dispose();
});

t.test('inputs in CPU memory may change, or go, as soon as the call has returned, queued or not', async (t) => {
  const expected = gldLoss(small(), cuda);
  const calls = Array.from({ length: 12 }, () => {
    const inputs = small();
    const running = gldLossAsync(inputs, cuda);
    (inputs.labels as Int32Array).fill(99);
    for (const { data } of Object.values(inputs.student).filter((value) => typeof value === 'object')) {
      (data as Float32Array).fill(NaN);
      structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
    }
    return running;
  });
  for (const result of await Promise.all(calls)) t.same(result, expected);
});

t.test('out buffers are written when the work is done, and must be there then', async (t) => {
  const out = { weight: new Float32Array(120).fill(7), bias: new Float32Array(10).fill(7) };
  const running = gldLossAsync(small(), { ...cuda, out });
  t.ok(
    out.weight.every((value) => value === 7),
    'untouched at first',
  );
  const result = await running;
  t.equal(result.gradients?.weight?.data, out.weight);
  t.same(result, gldLoss(small(), cuda));
  const bias = new Float32Array(10);
  const gone = gldLossAsync(small(), { ...cuda, out: { bias } });
  structuredClone(bias.buffer, { transfer: [bias.buffer] });
  await t.rejects(gone, { code: 'ERR_GLD_DETACHED', argument: 'out.bias' });
});

t.test('hundreds of calls at once, on few streams', async (t) => {
  const expected = gldLoss(small(), cuda);
  const before = counts()?.streams ?? 0;
  const kept = new GldLoss(cuda);
  const all = Array.from({ length: 300 }, (_, i) =>
    i % 2 === 0 ? kept.computeAsync(small()) : gldLossAsync(small(), cuda),
  );
  const results = await Promise.all(all);
  t.ok(results.every(({ loss }) => loss === expected.loss));
  t.same(results[299], expected);
  if (counts() !== undefined)
    t.ok(present(counts()).streams - before <= 8, `${present(counts()).streams - before} more streams`);
  kept.dispose();
});

t.test('a GldLoss keeps its stream', skipUnlessEmulated, async (t) => {
  const kept = new GldLoss(cuda);
  const inputs = move(small(), 'tensor');
  kept.compute(inputs, { out: {} });
  const before = present(counts());
  for (let i = 0; i < 20; i += 1) kept.compute(inputs, { out: {} });
  for (let i = 0; i < 20; i += 1) await kept.computeAsync(inputs);
  gldLoss(big(50), cuda);
  for (let i = 0; i < 20; i += 1) kept.compute(inputs, { out: {} });
  const after = present(counts());
  t.ok(after.works - before.works >= 61, 'all on the GPU');
  t.ok(after.streams - before.streams <= 1, 'only that of the other call');
  kept.dispose();
  t.ok(present(counts()).streams < after.streams, 'dispose() closes it');
});

t.test('dispose() lets calls under way finish, queued ones too', async (t) => {
  const kept = new GldLoss(cuda);
  const expected = gldLoss(small(), cuda);
  const running = Array.from({ length: 9 }, () => kept.computeAsync(small()));
  kept.dispose();
  await t.rejects(kept.computeAsync(small()), { code: 'ERR_GLD_DISPOSED' });
  for (const result of await Promise.all(running)) t.same(result, expected);
});

t.test('the event loop stays free', skipUnlessStandIn, async (t) => {
  // Calls that would take minutes.
  await delayed(600_000, async () => {
    const controller = new AbortController();
    const settings: GldAsyncOptions = { ...cuda, signal: controller.signal };
    let settled = 0;
    const running = [1, 2, 3, 4, 5, 6].map(() =>
      reasonOf(gldLossAsync(small(), settings)).finally(() => (settled += 1)),
    );
    for (let turns = 0; turns < 100; turns += 1) await turn();
    t.equal(gldLoss(small()).loss, (await gldLossAsync(small())).loss, 'the CPU computes meanwhile');
    t.equal(settled, 0);
    controller.abort('enough');
    t.same(await Promise.all(running), Array(6).fill('enough'));
  });
});

t.test('aborted before, while queued, while running, afterwards', async (t) => {
  await delayed(40, async () => {
    const reason = new Error('not today');
    t.equal(await reasonOf(gldLossAsync(small(), { ...cuda, signal: AbortSignal.abort(reason) })), reason, 'before');

    const controller = new AbortController();
    const settings: GldAsyncOptions = { ...cuda, signal: controller.signal };
    const blocking = Array.from({ length: 4 }, () => gldLossAsync(small(), cuda));
    const queued = Array.from({ length: 5 }, () => reasonOf(gldLossAsync(small(), settings)));
    let finished = 0;
    for (const each of blocking) void each.then(() => (finished += 1));
    controller.abort(reason);
    t.same(await Promise.all(queued), Array(5).fill(reason), 'queued');
    if (isStandIn) t.equal(finished, 0, 'at once');
    t.same(getEventListeners(controller.signal, 'abort'), [], 'no listener is left');
    await Promise.all(blocking);

    const kept = new GldLoss(cuda);
    const second = new AbortController();
    const out = { bias: new Float32Array(10).fill(7) };
    const before = counts();
    const running = reasonOf(kept.computeAsync(small(), { signal: second.signal, out }));
    await submitted(before);
    second.abort(reason);
    t.equal(await running, reason, 'running');
    t.ok(
      out.bias.every((value) => value === 7),
      'out is untouched',
    );
    t.same(await kept.computeAsync(small()), gldLoss(small(), cuda), 'the stream serves again');
    kept.dispose();

    const third = new AbortController();
    const result = await gldLossAsync(small(), { ...cuda, signal: third.signal });
    third.abort();
    t.same(result, gldLoss(small(), cuda), 'afterwards');
  });
});

t.test('signals that are not the built-in ones: waiting for a turn, and running', async (t) => {
  await delayed(40, async () => {
    for (const [name, Controller] of Object.entries(controllers)) {
      const controller = new Controller();
      const { signal } = controller;
      const running = Array.from({ length: 9 }, () => reasonOf(gldLossAsync(small(), { ...cuda, signal })));
      controller.abort('enough');
      const expected = 'reason' in signal ? 'enough' : { name: 'AbortError' };
      for (const each of await Promise.all(running)) t.match(each, expected, name);
    }
  });
});

t.test('what the signal of a queued call throws is its own: the call before it has its result', async (t) => {
  await delayed(20, async () => {
    const thrown = new Error('strange signal');
    const signal = {
      aborted: false,
      addEventListener() {},
      removeEventListener: () => {
        throw thrown;
      },
    } as unknown as AbortSignal;
    const before = Array.from({ length: 4 }, () => gldLossAsync(small(), cuda));
    const strange = reasonOf(gldLossAsync(small(), { ...cuda, signal }));
    const after = Array.from({ length: 5 }, () => gldLossAsync(small(), cuda));
    const expected = gldLoss(small(), cuda);
    for (const result of await Promise.all([...before, ...after])) t.same(result, expected);
    t.equal(await strange, thrown);
  });
});

t.test('at any moment: every promise settles, with the result or with the reason', async (t) => {
  const { loss } = gldLoss(small(), cuda);
  const outcomes = { result: 0, reason: 0 };
  for (let round = 0; round < 40; round += 1) {
    const controller = new AbortController();
    const calls = Array.from({ length: 7 }, () =>
      gldLossAsync(move(small(), round % 2 === 0 ? 'tensor' : 'host'), { ...cuda, signal: controller.signal }).then(
        (result) => (result.loss === loss ? 'result' : 'another result'),
        (reason: unknown) => (reason === round ? 'reason' : String(reason)),
      ),
    );
    if (round % 3 === 0) await Promise.resolve();
    else if (round % 3 === 1) await delay(round / 8);
    else await calls[0];
    controller.abort(round);
    for (const outcome of await Promise.all(calls)) {
      if (outcome !== 'result' && outcome !== 'reason') t.fail(`round ${round}: ${outcome}`);
      else outcomes[outcome] += 1;
    }
  }
  t.equal(outcomes.result + outcomes.reason, 280);
  t.ok(outcomes.reason > 0 && outcomes.result > 0, JSON.stringify(outcomes));
});

t.test('gradients of an aborted call are freed', skipUnlessStandIn, async (t) => {
  const inputs = move(small(), 'tensor');
  await collect();
  const before = present(counts());
  const controller = new AbortController();
  const running = delayed(600_000, async () => {
    const promise = reasonOf(gldLossAsync(inputs, { signal: controller.signal }));
    await submitted(before);
    controller.abort(7);
    return promise;
  });
  t.equal(await running, 7);
  t.ok(present(counts()).blocks <= before.blocks);
});

t.test('a tensor as out', async (t) => {
  const inputs = move(small(), 'tensor');
  const out = { weight: CudaTensor.empty([10, 12]) };
  const { gradients } = await gldLossAsync(inputs, { out });
  t.equal(gradients?.weight, out.weight);
  t.same([...(valuesOf(out.weight) as Float32Array)], [...present(gldLoss(small(), cuda).gradients?.weight).data]);
});
