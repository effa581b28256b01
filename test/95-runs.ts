import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Checkpoint, readCheckpoint } from '../examples/training/checkpoint-file.js';
import type { JobState } from '../examples/training/study.js';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** A program of the examples as a process of its own. `first` are arguments that are always given. */
export function command(main: string, ...first: string[]) {
  const start = (args: string[]): { child: ChildProcess; ended: Promise<Ended> } => {
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...first, ...args]);
    let out = '';
    let err = '';
    child.stdout.on('data', (text: Buffer) => { out += text.toString(); });
    child.stderr.on('data', (text: Buffer) => { err += text.toString(); });
    const ended = once(child, 'close').then(([code, signal]) =>
      ({ code, signal, out, err }) as Ended);
    return { child, ended };
  };
  return { start, run: (...args: string[]) => start(args).ended };
}

/** Shows what the program wrote only when it failed. */
export const succeeds = (t: Test, { code, err }: Ended) => t.equal(code, 0, code === 0 ? 'ends with code 0' : err);

export async function readJob(directory: string, id: string): Promise<Checkpoint<JobState>> {
  const checkpoint = await readCheckpoint<JobState>(join(directory, 'checkpoints', `${id}.safetensors`));
  if (!checkpoint) throw new Error(`no checkpoint of ${id}`);
  return checkpoint;
}

/** The tensors in all checkpoints of a run, by job. */
export async function learnt(directory: string): Promise<Map<string, Checkpoint<JobState>['tensors']>> {
  // A kill in the middle of writing leaves a temporary file beside the checkpoints.
  const files = (await readdir(join(directory, 'checkpoints'))).filter((file) => file.endsWith('.safetensors'));
  const ids = files.map((file) => file.replace('.safetensors', '')).sort();
  return new Map(await Promise.all(ids.map(async (id) => [id, (await readJob(directory, id)).tensors] as const)));
}

/** Resolves when the job's checkpoint is in the middle of an epoch after the first. */
export async function inTheMiddle(directory: string, id: string): Promise<void> {
  for (;;) {
    const state = await readJob(directory, id).then((checkpoint) => checkpoint.state, () => undefined);
    if (state?.finished) throw new Error(`${id} was finished before it could be interrupted`);
    if (state && state.training.epochs.length > 0 && state.training.step > 0) return;
    await sleep(2);
  }
}
