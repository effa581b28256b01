/** The machine and the program that a record comes from. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { deviceInfo } from 'gld-loss';
import type { RunEnvironment } from '../report/types.js';

/** @param threads of the loss */
export function environment(framework: string, threads: number): RunEnvironment {
  const { version, cpu } = deviceInfo();
  const commit = currentCommit();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: totalmem(),
    os: `${type()} ${release()}`,
    node: process.version,
    framework,
    version,
    engineLevel: cpu.level,
    threads,
    ...(commit ? { commit } : {}),
  };
}

function currentCommit(): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined; // no git, or not a working tree
  }
}
