/** Prints the growth of the heap over many calls as JSON. Arguments: WAY THREADS; needs --expose-gc */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { GldLoss, gldLoss } from 'gld-loss';
import { present } from '../tools/present.js';
import type { Growth, Way } from './allocations.js';
import { cases } from './cases.js';
import { makeInputs } from './inputs.js';

const [way, threads] = [process.argv[2] as Way, Number(process.argv[3])];
const on = present(cases.find(({ group }) => group === 'overhead'));
const made = makeInputs(on);
const side = (name: string) => ({
  features: made[`${name}.features`],
  weight: made[`${name}.weight`],
  bias: made[`${name}.bias`],
});
const inputs = { teacher: side('teacher'), student: side('student'), labels: made.labels };
const settings = { grid: on.sizes.grid, threads };
const loss = new GldLoss(settings);
const out = {
  out: {
    features: new Float32Array(inputs.student.features.data.length),
    weight: new Float32Array(inputs.student.weight.data.length),
    bias: new Float32Array(inputs.student.bias.data.length),
  },
};
const calls: Record<Way, () => unknown> = {
  function: () => gldLoss(inputs, settings),
  compute: () => loss.compute(inputs),
  out: () => loss.compute(inputs, out),
};
const call = calls[way];

function statistics(): Omit<Growth, 'calls' | 'collections'> {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers, malloced: getHeapStatistics().malloced_memory };
}

let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] });

async function grow(count: number): Promise<Growth> {
  // The second one finds what the first one's finalizers let go.
  for (let round = 0; round < 2; round++) {
    present(gc)();
    await observed();
  }
  collections = 0;
  const before = statistics();
  for (let i = 0; i < count; i++) call();
  const after = statistics();
  await observed();
  const grown = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof typeof before]]);
  return { calls: count, collections, ...(Object.fromEntries(grown) as typeof after) };
}

/** What the observer is told, it is told later. */
async function observed(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}

// Until the compiler is done with what runs all the time.
for (let i = 0; i < 20_000; i++) call();
let grown = await grow(20_000);
// What allocates much is collected in between, unless there are fewer calls.
for (let count = 4000; grown.collections > 0 && count >= 100; count /= 2) grown = await grow(count);
console.log(JSON.stringify(grown));
