/**
 * What a call leaves for the garbage collector, in a process of its own.
 * Usage: tsx benchmarks/allocations.ts, for a table of all ways to call.
 */
import { fileURLToPath } from 'node:url';
import { runScript } from './child.js';

const script = fileURLToPath(new URL('allocations-child.ts', import.meta.url));

export const ways = { function: 'gldLoss', compute: 'GldLoss.compute', out: 'GldLoss.compute with out' };
export type Way = keyof typeof ways;

export interface Growth {
  calls: number;
  /** Garbage collections during the calls; with one, the differences say nothing. */
  collections: number;
  /** Differences of the statistics over all calls, in bytes. */
  heapUsed: number;
  external: number;
  arrayBuffers: number;
  malloced: number;
}

/** Growth over many calls, during which the young generation has room for everything. */
export function growth(way: Way, threads: number): Promise<Growth> {
  return runScript<Growth>(
    script,
    [way, String(threads)],
    ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'],
  );
}

/** `external` contains the array buffers. */
export async function bytesPerCall(way: Way, threads: number): Promise<number> {
  const { calls, collections, heapUsed, external, malloced } = await growth(way, threads);
  if (collections > 0) throw new Error(`${way}: ${collections} garbage collections while ${calls} calls were measured`);
  return (heapUsed + external + malloced) / calls;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const way of Object.keys(ways) as Way[]) {
    const { calls, collections, ...bytes } = await growth(way, 1);
    const perCall = Object.entries(bytes).map(([name, count]) => `${name} ${(count / calls).toFixed(2)}`);
    const over = `bytes per call over ${calls} calls and ${collections} collections`;
    console.log(`${ways[way]}: ${over}: ${perCall.join(', ')}`);
  }
}
