/** The folder of a run and the files in it. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCheckpoint } from './checkpoint-file.js';
import { writeFileAtomically } from './files.js';
import { UsageError } from './options.js';
import type { Job, JobState } from './study.js';

/** settings.json: what --resume needs. */
export interface RunHeader<Settings = unknown> {
  version: 1;
  startedAt: string;
  command: string;
  settings: Settings;
}

export const checkpointPath = (directory: string, id: string): string =>
  join(directory, 'checkpoints', `${id}.safetensors`);
export const resultsPath = (directory: string): string => join(directory, 'results.json');
export const reportPath = (directory: string): string => join(directory, 'report.html');
const headerPath = (directory: string): string => join(directory, 'settings.json');

export const defaultDirectory = (name: string, now: Date): string =>
  join('runs', `${name}-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}`);

/** @throws UsageError when there is something where a new run is to be. */
export async function expectFree(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new UsageError(`--out ${directory}: expected a folder, found a file`);
    throw error;
  });
  if (entries.length > 0) {
    const hint = `to go on with the run in it: --resume ${directory}`;
    throw new UsageError(`--out ${directory}: expected a new or empty folder; ${hint}`);
  }
}

/** Makes the folder of a new run. */
export async function createRun(directory: string, header: RunHeader): Promise<void> {
  await mkdir(join(directory, 'checkpoints'), { recursive: true });
  await writeFileAtomically(headerPath(directory), `${JSON.stringify(header, null, 2)}\n`);
}

/**
 * @param option that named the folder, for messages
 * @throws UsageError when the folder does not hold a run
 */
export async function readHeader<Settings>(directory: string, option = '--resume'): Promise<RunHeader<Settings>> {
  let text: string;
  try {
    text = await readFile(headerPath(directory), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new UsageError(`${option} ${directory}: expected the folder of a run, found no settings.json in it`);
  }
  const header = JSON.parse(text) as RunHeader<Settings>;
  if (header.version !== 1)
    throw new UsageError(`${option} ${directory}: the run is of another version of the program`);
  return header;
}

/** The states in the checkpoints of these jobs, by id; without those that have none yet. Needs no tfjs. */
export async function readStates(directory: string, jobs: readonly Job[]): Promise<Map<string, JobState>> {
  const states = new Map<string, JobState>();
  for (const { id } of jobs) {
    const checkpoint = await readCheckpoint<JobState>(checkpointPath(directory, id));
    if (checkpoint) states.set(id, checkpoint.state);
  }
  return states;
}
