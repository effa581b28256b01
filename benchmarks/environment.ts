/** What a run was made on. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import type { Environment } from './record.js';

/** Of the tree that this file is in, compiled or as it was written. */
function git(...args: string[]): string | undefined {
  const child = spawnSync('git', args, { cwd: dirname(fileURLToPath(import.meta.url)), encoding: 'utf8' });
  return child.status === 0 ? child.stdout.trim() : undefined;
}

function commit(): string {
  const hash = git('rev-parse', '--short', 'HEAD');
  if (hash === undefined) return 'unknown';
  return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}-dirty`;
}

function system(): string {
  const kernel = `${type()} ${release()}`;
  try {
    const [, name] = /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
    return name ? `${name}, ${kernel}` : kernel;
  } catch {
    return kernel;
  }
}

type Machine = Pick<Environment, 'commit' | 'cpu' | 'cores' | 'memoryGiB' | 'os' | 'node' | 'gldLoss'>;

/** The machine and what runs on it. */
export function describeMachine(): Machine {
  return {
    commit: commit(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: system(),
    node: process.versions.node,
    gldLoss: deviceInfo().version,
  };
}

type Run = Pick<Environment, 'date' | 'seconds' | 'selection' | 'versions' | 'absent'>;

export function describeEnvironment(run: Run): Environment {
  const { cpu } = deviceInfo();
  return { ...run, ...describeMachine(), level: cpu.level, levels: cpu.available };
}
