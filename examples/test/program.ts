// The commands of the examples as a user starts them, and what their runs leave in their folders.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Checkpoint, readCheckpoint } from '../training/checkpoint-file.js';
import type { JobState } from '../training/study.js';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** @param program path of its main file below examples/, and arguments */
export function start([program, ...args]: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const main = new URL(`../${program}`, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args]);
  let out = '';
  let err = '';
  child.stdout.on('data', (text: Buffer) => {
    out += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }) as Ended);
  return { child, ended };
}

export const run = (...args: string[]): Promise<Ended> => start(args).ended;

/** Shows what the program wrote only when it failed. */
export const succeeds = (t: Test, { code, err }: Ended): boolean =>
  t.equal(code, 0, code === 0 ? 'ends with code 0' : err);

export const readRecord = async <R>(directory: string): Promise<R> =>
  JSON.parse(await readFile(join(directory, 'results.json'), 'utf8')) as R;

export async function readJob(directory: string, id: string): Promise<Checkpoint<JobState>> {
  const checkpoint = await readCheckpoint<JobState>(join(directory, 'checkpoints', `${id}.safetensors`));
  if (!checkpoint) throw new Error(`no checkpoint of ${id}`);
  return checkpoint;
}

/** Of the clock, the command line and the machine. */
const accidental = ['seconds', 'startedAt', 'command', 'environment'];

/** What a run computed: its record without what is accidental, and all tensors of its checkpoints. */
export async function outcome(directory: string): Promise<unknown> {
  const record = await readRecord<{ settings: { command?: string } }>(directory);
  // A kill in the middle of writing leaves a temporary file beside the checkpoints.
  const files = (await readdir(join(directory, 'checkpoints'))).filter((file) => file.endsWith('.safetensors'));
  const ids = files.map((file) => file.replace('.safetensors', '')).sort();
  const tensors = await Promise.all(ids.map(async (id) => [id, (await readJob(directory, id)).tensors] as const));
  const lasting = JSON.stringify(record, (key, value: unknown) => (accidental.includes(key) ? undefined : value));
  return { record: JSON.parse(lasting) as unknown, tensors: new Map(tensors) };
}

/** Resolves when the job's checkpoint is in the middle of an epoch after the first. */
export async function inTheMiddle(directory: string, id: string): Promise<void> {
  for (;;) {
    const state = await readJob(directory, id).then(
      (checkpoint) => checkpoint.state,
      () => undefined,
    );
    if (state?.finished) throw new Error(`${id} was finished before it could be interrupted`);
    if (state && state.training.epochs.length > 0 && state.training.step > 0) return;
    await sleep(2);
  }
}

/**
 * Starts a run, kills the program (SIGKILL) in the middle of each of the jobs in turn, resumes, and lets it end.
 * @param begin program and arguments, with `--out directory`
 */
export async function killedAndResumed(t: Test, begin: string[], directory: string, jobs: string[]): Promise<void> {
  const resume = [begin[0], '--resume', directory];
  const studies = begin[0].startsWith('paper/') ? [begin[0], begin[1], ...resume.slice(1)] : resume;
  let next = begin;
  for (const id of jobs) {
    const { child, ended } = start([...next, '--checkpoint-every', '0', '--workers', '1']);
    await Promise.race([inTheMiddle(directory, id), ended]);
    child.kill('SIGKILL');
    t.match(await ended, { code: null, signal: 'SIGKILL' });
    t.equal((await readJob(directory, id)).state.finished, false, `${id} was in the middle`);
    next = studies;
  }
  succeeds(t, await run(...studies));
}
