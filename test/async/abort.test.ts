// AbortSignal: queued work never runs, running work stops, and the promise settles with the signal's reason.
import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { deviceInfo, GldLoss, gldLoss, gldLossAsync, type AbortSignalLike, type Inputs } from 'gld-loss';
import { surrogateGld } from 'gld-loss/surrogate';
import t from 'tap';
import { big, slow, small } from '../support/async-inputs.js';
import { controllers } from '../support/signals.js';

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'a result',
    (reason: unknown) => reason,
  );

t.test('aborted before the call', async (t) => {
  const reason = new Error('not today');
  t.equal(await reasonOf(gldLossAsync(small(), { signal: AbortSignal.abort(reason) })), reason);
  t.match(await reasonOf(gldLossAsync(small(), { signal: AbortSignal.abort() })), { name: 'AbortError' });
  const kept = new GldLoss();
  t.equal(await reasonOf(kept.computeAsync(small(), { signal: AbortSignal.abort(reason) })), reason);
  t.equal(await reasonOf(kept.computeAsync(small(), { signal: AbortSignal.abort(7) })), 7, 'whatever the reason is');
  kept.dispose();
});

t.test('signals that throw: nothing runs, or the promise rejects all the same', async (t) => {
  const thrown = new Error('strange signal');
  const signal = (change: object): AbortSignal =>
    ({
      aborted: false,
      addEventListener() {},
      removeEventListener() {},
      ...change,
    }) as unknown as AbortSignal;
  const throws = () => {
    throw thrown;
  };
  for (const change of [{ addEventListener: throws }, { removeEventListener: throws }]) {
    t.equal(await reasonOf(gldLossAsync(small(), { signal: signal(change) })), thrown);
  }
  const unknown = Object.defineProperty(signal({}), 'aborted', { get: throws });
  t.equal(await reasonOf(gldLossAsync(small(), { signal: unknown })), thrown);
  const kept = new GldLoss();
  t.equal(await reasonOf(kept.computeAsync(small(), { signal: signal({ addEventListener: throws }) })), thrown);
  t.same(await kept.computeAsync(small()), gldLoss(small()), 'its memory serves again');
  kept.dispose();

  let abort = (): void => undefined;
  const unreadable = signal({ addEventListener: (_: string, listener: () => void) => (abort = listener) });
  Object.defineProperty(unreadable, 'reason', { get: throws });
  const { threads } = deviceInfo().cpu;
  const blocking = Array.from({ length: 2 * threads }, () => gldLossAsync(big(4000), slow));
  const queued = reasonOf(gldLossAsync(small(), { signal: unreadable }));
  abort();
  t.equal(await queued, thrown, 'in place of the reason');
  await Promise.all(blocking);

  const unmarked = signal({ addEventListener: (_: string, listener: () => void) => (abort = listener) });
  const running = reasonOf(gldLossAsync(big(10000), { ...slow, signal: unmarked }));
  await delay(1);
  abort();
  t.match(await running, { name: 'AbortError' }, 'a signal that tells its listeners alone');

  const incomplete = { aborted: false, addEventListener() {} } as unknown as AbortSignal;
  t.match(await reasonOf(gldLossAsync(small(), { signal: incomplete })), {
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'signal',
  });
});

t.test('aborted while queued: rejected at once', async (t) => {
  const { threads } = deviceInfo().cpu;
  const blocking = Array.from({ length: 2 * threads }, () => gldLossAsync(big(4000), slow));
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const queued = Array.from({ length: 8 }, () => reasonOf(gldLossAsync(small(), { signal: controller.signal })));
  let finished = 0;
  for (const promise of blocking) void promise.then(() => (finished += 1));
  controller.abort(reason);
  t.same(await Promise.all(queued), Array(8).fill(reason));
  t.ok(finished < blocking.length, 'before the work ahead of them was done');
  t.same(getEventListeners(controller.signal, 'abort'), [], 'no listener is left');
  await Promise.all(blocking);
});

for (const [name, Controller] of Object.entries(controllers)) {
  t.test(`signals that are not the built-in ones: ${name}`, async (t) => {
    const reason = new Error('not today');
    // Those that do not know of reasons leave it to us to name one.
    const expected = 'reason' in new Controller().signal ? reason : { name: 'AbortError', code: 20 };
    const framework = { isTensor: () => false, read: () => t.fail(), constant: () => ({}), dot: () => ({}) };
    const kept = new GldLoss(slow);
    const calls = {
      gldLossAsync: (inputs: Inputs, signal: AbortSignalLike) => gldLossAsync(inputs, { ...slow, signal }),
      computeAsync: (inputs: Inputs, signal: AbortSignalLike) => kept.computeAsync(inputs, { signal }),
      surrogate: (inputs: Inputs, signal: AbortSignalLike) =>
        surrogateGld(framework as never).surrogate(inputs, {
          relation: { ...slow.relation, reduction: 'matrix' },
          gradients: false,
          signal,
        }),
    };
    for (const [call, run] of Object.entries(calls)) {
      const unused = new Controller();
      t.match(await run(small(), unused.signal), { loss: gldLoss(small(), slow).loss }, call);
      unused.abort();

      const before = new Controller();
      before.abort(reason);
      t.match(await reasonOf(run(small(), before.signal)), expected, `${call}, aborted before`);

      const under = new Controller();
      const inputs = big(4000);
      const length = 2 * deviceInfo().cpu.threads;
      const outcomes = Array.from({ length }, () => reasonOf(run(inputs, under.signal)));
      under.abort(reason);
      for (const each of outcomes) t.match(await each, expected, `${call}, aborted while running and queued`);
    }
    kept.dispose();
    t.match(await reasonOf(gldLossAsync(small(), { signal: abortedWithout(Controller) })), { name: 'AbortError' });
  });
}

/** A signal that was aborted without a reason. */
function abortedWithout(Controller: (typeof controllers)[string]): AbortSignalLike {
  const controller = new Controller();
  controller.abort();
  return controller.signal;
}

t.test('aborted while running: stops, rejects, and the memory serves again', async (t) => {
  const kept = new GldLoss(slow);
  const out = { logits: new Float32Array(10000 * 32).fill(7) };
  const controller = new AbortController();
  const running = reasonOf(kept.computeAsync(big(10000), { signal: controller.signal, out }));
  await delay(30);
  controller.abort();
  const reason = await running;
  t.equal(reason, controller.signal.reason);
  t.ok(
    out.logits.every((value) => value === 7),
    'out is untouched',
  );
  t.same(getEventListeners(controller.signal, 'abort'), []);
  t.same(await kept.computeAsync(big()), gldLoss(big(), slow));
  kept.dispose();
});

t.test('a timeout', async (t) => {
  const reason = await reasonOf(gldLossAsync(big(10000), { ...slow, signal: AbortSignal.timeout(20) }));
  t.match(reason, { name: 'TimeoutError' });
});

t.test('aborted afterwards: nothing happens', async (t) => {
  const controller = new AbortController();
  const result = await gldLossAsync(small(), { signal: controller.signal });
  t.same(getEventListeners(controller.signal, 'abort'), [], 'no listener is left');
  controller.abort();
  t.same(result, gldLoss(small()));
  const wrong = gldLossAsync({} as never, { signal: new AbortController().signal });
  await t.rejects(wrong, { code: 'ERR_GLD_ARG_TYPE' });
});

t.test('one signal for many calls, dispose() among them', async (t) => {
  const kept = new GldLoss(slow);
  const controller = new AbortController();
  const inputs = big();
  const all = Array.from({ length: 30 }, () => reasonOf(kept.computeAsync(inputs, { signal: controller.signal })));
  await delay(5);
  kept.dispose();
  controller.abort('enough');
  const settled = await Promise.all(all);
  t.equal(settled.length, 30);
  t.ok(settled.every((outcome) => outcome === 'enough' || outcome === 'a result'));
  t.ok(settled.includes('enough'));
});

t.test('at any moment: every promise settles, with the result or with the reason', async (t) => {
  const choices = [small(), big(500), small(), big(1000), small()];
  const expected = choices.map((inputs) => gldLoss(inputs, slow).loss);
  const outcomes = { result: 0, reason: 0 };
  for (let round = 0; round < 60; round += 1) {
    const controller = new AbortController();
    const calls = choices.map((inputs, i) =>
      gldLossAsync(inputs, { ...slow, signal: controller.signal }).then(
        ({ loss }) => (loss === expected[i] ? 'result' : 'another result'),
        (reason: unknown) => (reason === round ? 'reason' : String(reason)),
      ),
    );
    if (round % 3 === 0) await Promise.resolve();
    else if (round % 3 === 1) await delay(round / 4);
    else await calls[0];
    controller.abort(round);
    for (const outcome of await Promise.all(calls)) {
      if (outcome !== 'result' && outcome !== 'reason') t.fail(`round ${round}: ${outcome}`);
      else outcomes[outcome] += 1;
    }
  }
  t.equal(outcomes.result + outcomes.reason, 300);
  t.ok(outcomes.reason > 0, `${outcomes.reason} aborted`);
});
