/** What a run was made on. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { deviceInfo } from 'gld-loss';
import { root } from '../tools/support.js';
import type { Environment } from './record.js';

function git(...args: string[]): string | undefined {
  const child = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
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

type Run = Pick<Environment, 'date' | 'seconds' | 'selection' | 'versions' | 'absent'>;

export function describeEnvironment(run: Run): Environment {
  const { version, cpu } = deviceInfo();
  return {
    ...run,
    commit: commit(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: system(),
    node: process.versions.node,
    gldLoss: version,
    level: cpu.level,
    levels: cpu.available,
  };
}
