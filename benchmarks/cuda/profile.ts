/** Times of single kernels, by NVIDIA's profiler nsys where it is installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Data } from '../data.js';
import { Scratch } from '../scratch.js';
import { commandOf, listen } from './parts.js';
import type { KernelTimes } from './record.js';
import type { Target } from '../../test/conformance/target.js';
import { cases } from './timings/cases.js';
import { ours } from './timings/ours.js';

/** Of the program that is profiled; the first ones of a shape are queued and captured, the others replayed. */
const calls = 20;

export function nsysVersion(): string | undefined {
  const { status, stdout } = spawnSync('nsys', ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/version (\S+)/.exec(stdout)?.[1] ?? 'unknown') : undefined;
}

/** What is profiled: one case with its inputs on the device. */
export async function runForProfile(target: Target, name: string): Promise<void> {
  const on = cases.find((one) => one.name === name);
  if (!on) throw new Error(`there is no case '${name}'`);
  const { operation, layout, sizes } = on;
  const scratch = new Scratch();
  const participant = ours(target, new Data({ operation, layout, sizes }, scratch), 'device', 'float32');
  await participant.time(calls);
  await participant.close?.();
  scratch.close();
}

/** The fields of a line of CSV; names of kernels have commas and stand in quotes. */
const fields = (line: string) =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );

/** From `nsys stats --report cuda_gpu_kern_sum --format csv`: kernels by their share of a call's time. */
export function parseKernels(csv: string): KernelTimes['kernels'] {
  const rows = csv.split('\n').map(fields);
  const head = rows.findIndex((row) => row.includes('Total Time (ns)') && row.includes('Name'));
  if (head < 0) return [];
  const column = (name: string) => rows[head].indexOf(name);
  const [total, instances, name] = ['Total Time (ns)', 'Instances', 'Name'].map(column) as [number, number, number];
  return rows
    .slice(head + 1)
    .filter((row) => row.length > name && Number(row[total]) > 0)
    .map((row) => ({
      name: row[name],
      seconds: Number(row[total]) / 1e9 / calls,
      launches: Number(row[instances]) / calls,
    }));
}

/** Kernel times of a case per call; a text says why there are none. */
export async function profile(device: string, name: string, seconds: number): Promise<KernelTimes | string> {
  const folder = mkdtempSync(join(tmpdir(), 'gld-loss-profile-'));
  try {
    const report = join(folder, 'report');
    const command = commandOf({ part: 'profile', device, quick: true, seconds, case: name });
    // Node by node: else a replayed graph is one item.
    const options = [
      'profile',
      '--trace=cuda',
      '--cuda-graph-trace=node',
      '--sample=none',
      '--cpuctxsw=none',
      '-o',
      report,
    ];
    const ended = await listen(['nsys', ...options, ...command], seconds, () => undefined);
    if (ended.trouble !== undefined) return `nsys ${ended.trouble}: ${ended.output.trim().split('\n').at(-1) ?? ''}`;
    const stats = spawnSync(
      'nsys',
      ['stats', '--report', 'cuda_gpu_kern_sum', '--format', 'csv', `${report}.nsys-rep`],
      { encoding: 'utf8' },
    );
    const kernels = parseKernels(stats.stdout ?? '');
    if (kernels.length === 0) return `nsys saw no kernels: ${(stats.stderr ?? '').trim().split('\n').at(-1) ?? ''}`;
    return { case: name, kernels };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
