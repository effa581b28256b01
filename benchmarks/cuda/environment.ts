/** What a run was made on, and where its results go. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import type { DeviceFacts, Environment } from './record.js';

/** The package's folder, above this file wherever that is: compiled, or as it was written. */
export const root = (() => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'gld-loss')
      return folder;
  }
  throw new Error('the package gld-loss was not found above this program');
})();

function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const head = git('rev-parse', '--short', 'HEAD');
  if (head.status !== 0) return 'unknown';
  const { stdout } = git('status', '--porcelain', '--untracked-files=no');
  return `${head.stdout.trim()}${stdout === '' ? '' : '-dirty'}`;
}

export function describeEnvironment(device: DeviceFacts, selection: string): Environment {
  return {
    date: new Date().toISOString(),
    seconds: 0,
    selection,
    commit: commit(),
    device,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    gldLoss: deviceInfo().version,
    versions: {},
  };
}

/** 'NVIDIA H100 80GB HBM3' → benchmarks/results/cuda-h100-80gb-hbm3.json. Only a real GPU's results belong there. */
export function defaultFile({ kind, name }: DeviceFacts): string {
  const slug = name
    .toLowerCase()
    .replace(/^nvidia\s+/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return kind === 'gpu'
    ? join(root, 'benchmarks/results', `cuda-${slug}.json`)
    : join(root, 'build', `check-cuda-${kind}.json`);
}
