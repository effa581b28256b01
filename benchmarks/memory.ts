/** Peak memory of the relation loss against the number of rows, each point in a process of its own. */
import { fileURLToPath } from 'node:url';
import { runScript } from './child.js';
import { memorySizes } from './cases.js';
import { flopLimit, tooLarge, tooLong } from './contenders/index.js';
import { qualified } from './contenders/names.js';
import { pythonMemory } from './contenders/python.js';
import { type Interpreter, memoryLimit, relationBytes } from './contenders/pytorch.js';
import { relationFlops, type Method } from './floor.js';
import type { MemoryPoint } from './record.js';

const script = fileURLToPath(new URL('memory-child.ts', import.meta.url));

interface Source {
  contender: string;
  variant?: string;
  skipped(m: number, K: number): string | undefined;
  peak(m: number, K: number): Promise<number>;
}

function sources(contenders: readonly string[], pytorch: Interpreter | undefined, threads: number): Source[] {
  const own = (['moments', 'pairwise'] as const).map(
    (method: Method): Source => ({
      contender: 'gld-loss',
      variant: method,
      skipped: (m, K) => tooLong(relationFlops(method, m, K, 'gradients'), flopLimit),
      peak: (m, K) => runScript<number>(script, [method, threads, m, K].map(String)),
    }),
  );
  const theirs = (of: Interpreter): Source => ({
    contender: qualified('pytorch', of.label),
    skipped: (m) => tooLarge(relationBytes(m), memoryLimit),
    peak: async (m, K) => pythonMemory(of.python, threads, m, K),
  });
  return [...own, ...(pytorch ? [theirs(pytorch)] : [])].filter(({ contender }) => contenders.includes(contender));
}

export async function measureMemory(
  contenders: readonly string[],
  pytorch: Interpreter | undefined,
  threads: number,
  told: (text: string) => void,
): Promise<MemoryPoint[]> {
  const points: MemoryPoint[] = [];
  for (const { contender, variant, skipped, peak } of sources(contenders, pytorch, threads)) {
    for (const { m, K } of memorySizes) {
      const point = { contender, ...(variant !== undefined && { variant }), m, K };
      const reason = skipped(m, K);
      // What the gradient takes is an output, though it is made in the call.
      const bytes = reason === undefined ? Math.max(0, (await peak(m, K)) - 4 * m * K) : 0;
      points.push({ ...point, bytes, ...(reason !== undefined && { skipped: reason }) });
      if (reason === undefined) told(`${contender} ${variant ?? ''} m ${m}: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
    }
  }
  return points;
}
