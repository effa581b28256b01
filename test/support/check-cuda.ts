/** Runs npm run check:cuda, as it is compiled, and returns what it said. */
import { spawnSync } from 'node:child_process';
import { at } from '../../tools/support.js';

export function checkCuda(
  args: string[],
  env: { [name: string]: string } = {},
): { status: number | null; stdout: string; stderr: string } {
  // Nothing that only development needs: neither a loader of TypeScript nor its options.
  const { NODE_OPTIONS: _options, ...rest } = process.env;
  const child = spawnSync(process.execPath, [at('build/check/benchmarks/cuda/main.js'), ...args], {
    env: { ...rest, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { status: child.status, stdout: child.stdout, stderr: child.stderr };
}
