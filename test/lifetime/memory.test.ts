// What the garbage collector may take, what it must not take, and that nothing piles up. Needs node --expose-gc.
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { classify, GldLoss, gldLoss, gldLossAsync, pool, relation, type GldResult, type Inputs } from 'gld-loss';
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

/**
 * Leaves memory full of NaN to the allocator, in the sizes of the results below. Every second array is returned: between those
 * that are kept, the others' memory does not go back to the system.
 */
async function soil(): Promise<readonly Float32Array[]> {
  const kept: Float32Array[] = [];
  for (const length of [2 ** 18, 2 ** 16, 2 ** 14, 2 ** 13]) {
    for (let i = 0; i < 8; i += 1) {
      kept.push(new Float32Array(length).fill(NaN));
      new Float32Array(length).fill(NaN);
    }
  }
  await collect();
  return kept;
}

t.test('nothing of what the memory of a result held before is left in it', async (t) => {
  const features = { data: new Float32Array(2 ** 18).fill(0.5), shape: [16, 64, 16, 16] };
  const logits = { data: Float32Array.from({ length: 2 ** 14 }, (_, i) => Math.sin(i)), shape: [2 ** 9, 2 ** 5] };
  const others = { data: logits.data.map((x) => x * x), shape: logits.shape };
  const pooled = { data: logits.data, shape: [2 ** 8, 2 ** 6] };
  const upstream = { data: new Float32Array(2 ** 16).fill(0.5), shape: [2 ** 8, 2 ** 8] };
  const kept = new GldLoss();
  const few = Float64Array.from({ length: 16 }, (_, i) => i % 2);
  const calls: { [name: string]: () => unknown } = {
    gldLoss: () => gldLoss(wide()),
    'samples that do not count': () => gldLoss({ ...wide(), sampleWeights: few }),
    gldLossAsync: () => gldLossAsync(wide()),
    compute: () => kept.compute(wide()),
    computeAsync: () => kept.computeAsync(wide()),
    pool: () => pool({ features }, { grid: 16 }),
    classify: () => classify({ pooled, weight: pooled }, { upstream }),
    relation: () => relation({ teacher: logits, student: others }),
  };
  for (const [name, call] of Object.entries(calls)) {
    const expected = await call();
    const around = await soil();
    for (let i = 0; i < 2; i += 1) t.same(await call(), expected, name);
    t.ok(
      around.every((array) => array.every(Number.isNaN)),
      'nor is anything else written to',
    );
  }
  kept.dispose();
});

t.test('a result stays what it was while many calls follow, and outlives what computed it', async (t) => {
  const inputs = wide();
  const expected = structuredClone(gldLoss(inputs));
  const kept = new GldLoss();
  const results: GldResult[] = [gldLoss(inputs), kept.compute(inputs), await kept.computeAsync(inputs)];
  // One of which nothing but a part of its memory is reachable.
  const part = present(kept.compute(inputs).gradients?.features).data.subarray(5, 5000);
  kept.dispose();
  const others = {
    ...inputs,
    student: { ...inputs.student, features: { data: new Float32Array(2 ** 18), shape: [16, 64, 16, 16] } },
  };
  for (let i = 0; i < 60; i += 1) {
    gldLoss(others);
    if (i % 10 === 0) await collect();
  }
  for (const result of results) t.same(result, expected);
  t.same(part, present(expected.gradients?.features).data.subarray(5, 5000));
});

t.test(
  'the arrays of a result are like any other: they may be transferred, and their buffers are theirs alone',
  async (t) => {
    const inputs = wide();
    const expected = structuredClone(gldLoss(inputs));
    const of = ({ gradients }: GldResult) => present(gradients?.features).data as Float32Array<ArrayBuffer>;
    const { port1, port2 } = new MessageChannel();
    const transfers: { [way: string]: (data: Float32Array<ArrayBuffer>) => Float32Array } = {
      structuredClone: (data) => structuredClone(data, { transfer: [data.buffer] }),
      postMessage: (data) => {
        port1.postMessage(data, [data.buffer]);
        return (receiveMessageOnPort(port2) as { message: Float32Array }).message;
      },
    };
    for (const [way, transfer] of Object.entries(transfers)) {
      const result = gldLoss(inputs);
      const data = of(result);
      t.equal(data.byteOffset, 0);
      t.equal(data.buffer.byteLength, data.byteLength);
      const there = transfer(data);
      t.equal(data.length, 0, `${way} takes the array`);
      for (let i = 0; i < 20; i += 1) gldLoss(inputs);
      await collect();
      t.same(there, of(expected), way);
      t.same(gldLoss(inputs), expected, `a call after ${way}`);
    }
    port1.close();
  },
);

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
