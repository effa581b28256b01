// Paths and process helpers shared by the build tools.
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
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

/** Runs a program of node_modules/.bin or of the system with our output streams; throws when it fails. */
export function run(program: string, args: string[], options: SpawnSyncOptions = {}): void {
  const path = `${at('node_modules/.bin')}:${process.env.PATH}`;
  const child = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env: { ...(options.env ?? process.env), PATH: path },
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

/** Modification time of the newest file at or under the given paths, in ms; 0 when there is none. */
export function newest(...paths: string[]): number {
  let time = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    const inside = stat.isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [];
    time = Math.max(time, stat.isDirectory() ? newest(...inside) : stat.mtimeMs);
  }
  return time;
}
