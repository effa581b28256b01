// What the garbage collector may take, what it must not take, and that nothing piles up. Needs node --expose-gc.
import { setImmediate as turn } from 'node:timers/promises';
import { GldLoss, gldLoss, gldLossAsync, type Inputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { big, slow, small } from '../support/async-inputs.js';

const gc = present(globalThis.gc);

/** Collects until nothing more comes free: finalizers run between turns of the loop. */
async function collect(): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    gc();
    await turn();
  }
}

t.test('what a running call uses is not collected', async (t) => {
  const expected = gldLoss(big(1500), slow);
  const running = [1, 2, 3, 4, 5, 6].map((i) => {
    const out = { logits: new Float32Array(1500 * 32) };
    return i % 2 === 0 ? gldLossAsync(big(1500), { ...slow, out }) : new GldLoss(slow).computeAsync(big(1500), { out });
  });
  let done = false;
  void Promise.allSettled(running).then(() => (done = true));
  for (; !done; await turn()) gc();
  for (const result of await Promise.all(running)) t.same(result, expected);
});

t.test('what a finished call used is collected', async (t) => {
  const weak: { [name: string]: WeakRef<object> } = {};
  const calls: { [name: string]: (inputs: Inputs, kept: GldLoss) => unknown } = {
    gldLoss: (inputs) => gldLoss(inputs),
    gldLossAsync: (inputs) => gldLossAsync(inputs),
    'GldLoss.compute': (inputs, kept) => kept.compute(inputs),
    'GldLoss.computeAsync': (inputs, kept) => kept.computeAsync(inputs),
    'an aborted call': async (inputs, kept) => {
      const controller = new AbortController();
      const running = kept.computeAsync(inputs, { signal: controller.signal });
      controller.abort();
      await running.catch(() => undefined);
    },
    'a wrong call': (inputs) => {
      try {
        gldLoss({ ...inputs, labels: [99] });
      } catch {
        // as it should
      }
    },
  };
  // In a function of its own: what the interpreter's registers of a frame still hold is not collected.
  const follow = async (name: string, call: (inputs: Inputs, kept: GldLoss) => unknown): Promise<void> => {
    const inputs = small();
    const kept = new GldLoss();
    const result = await call(inputs, kept);
    weak[`${name}: inputs`] = new WeakRef(inputs.student.features.data);
    weak[`${name}: GldLoss`] = new WeakRef(kept);
    if (typeof result === 'object' && result !== null) weak[`${name}: result`] = new WeakRef(result);
  };
  for (const [name, call] of Object.entries(calls)) await follow(name, call);
  await collect();
  for (const [what, reference] of Object.entries(weak)) t.equal(reference.deref(), undefined, what);
});

/** Inputs of a megabyte a map: a few hundred leaked ones would show. */
function wide(): Inputs {
  const features = { data: new Float32Array(2 ** 18).fill(0.5), shape: [16, 64, 16, 16] };
  const weight = { data: Float32Array.from({ length: 640 }, (_, i) => Math.sin(i)), shape: [10, 64] };
  return { teacher: { features, weight }, student: { features, weight } };
}

const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

t.test('nothing piles up over many calls', async (t) => {
  const inputs = wide();
  const kept = new GldLoss();
  const rounds: { [name: string]: () => Promise<unknown> } = {
    gldLoss: async () => gldLoss(inputs),
    compute: async () => kept.compute(inputs),
    gldLossAsync: () => gldLossAsync(inputs),
    'four at a time': () => Promise.all([1, 2, 3, 4].map(() => kept.computeAsync(inputs))),
    'a new object each, never disposed': async () => new GldLoss().compute(inputs),
    'a new object each, disposed': async () => {
      const each = new GldLoss();
      await each.computeAsync(inputs);
      each.dispose();
    },
    aborted: async () => {
      const controller = new AbortController();
      const running = [1, 2, 3].map(() => kept.computeAsync(inputs, { signal: controller.signal }));
      controller.abort();
      await Promise.allSettled(running);
    },
  };
  for (const [name, round] of Object.entries(rounds)) {
    for (let i = 0; i < 150; i += 1) await round();
    await collect();
    const before = process.memoryUsage();
    for (let i = 0; i < 300; i += 1) await round();
    await collect();
    const after = process.memoryUsage();
    const buffers = megabytes(after.arrayBuffers - before.arrayBuffers);
    const external = megabytes(after.external - before.external);
    const rss = megabytes(after.rss - before.rss);
    t.ok(buffers < 16, `${name}: ${buffers} MiB more in array buffers`);
    t.ok(external < 16, `${name}: ${external} MiB more of external memory`);
    // Each round makes at least a megabyte, so that a leak is 300 of them; the allocator may keep less than that.
    t.ok(rss < 200, `${name}: ${rss} MiB more in all`);
  }
  kept.dispose();
});

t.test('asynchronous calls of one GldLoss copy into memory that they had before', async (t) => {
  const inputs = wide();
  const out = { features: new Float32Array(2 ** 18), weight: new Float32Array(640) };
  const arrays = (): number => process.memoryUsage().arrayBuffers;
  await collect();
  const base = arrays();
  const kept = new GldLoss();
  /** Bytes of array buffers that a call has when it has copied its inputs, beyond those before it. */
  const grows = async (): Promise<number> => {
    const before = arrays();
    const running = kept.computeAsync(inputs, { out });
    const during = arrays() - before;
    await running;
    return during;
  };
  const copies = 3 * 2 ** 20;
  t.ok((await grows()) > copies, 'the first one has none');
  await grows();
  for (let call = 0; call < 3; call += 1) t.ok((await grows()) < 2 ** 16, 'a later one has');
  await collect();
  t.ok(arrays() - base > copies, 'it is kept');
  kept.dispose();
  await collect();
  t.ok(arrays() - base < 2 ** 16, 'until dispose()');
  const last = new GldLoss();
  const running = last.computeAsync(inputs, { out });
  last.dispose();
  await running;
  await collect();
  t.ok(arrays() - base < 2 ** 16, 'by a call that was under way then, too');
});
