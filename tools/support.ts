// Paths and process helpers shared by the build tools.
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const at = (...parts: string[]) => join(root, ...parts);

/** csrc/sources.json: what the native build consists of. */
export interface Sources {
  addon: string[];
  cpu: string[];
  cuda: string[];
  simt: string[];
  levels: Record<string, Record<string, string[]>>;
}

export const sources = () => JSON.parse(readFileSync(at('csrc/sources.json'), 'utf8')) as Sources;

/** File names that a build for `arch` leaves beside each other: the addon first, then its engines. */
export function binaries(arch: string): string[] {
  const levels = sources().levels[arch];
  if (!levels) throw new Error(`csrc/sources.json lists no engine levels for ${arch}`);
  return ['gld_loss.node', ...Object.keys(levels).map((level) => `libgld_cpu_${level}.so`)];
}

/** The engine for GPUs, beside them where there was an nvcc to build it. */
export const cudaEngine = 'libgld_cuda.so';

/** Where programs are looked for: node_modules/.bin, then as elsewhere. */
export const programPath = () => `${at('node_modules/.bin')}:${process.env.PATH}`;

/** Runs a program of node_modules/.bin or of the system with our output streams; throws when it fails. */
export function run(program: string, args: string[], options: SpawnSyncOptions = {}): void {
  const child = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env: { ...(options.env ?? process.env), PATH: programPath() },
  });
  if (child.error) throw child.error;
  if (child.status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${child.status ?? child.signal}`);
}

/** Runs `main` and turns an error into one line and exit code 1: the failed program has already said the rest. */
export async function tool(main: () => void | Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
