/** The folder of a run and the files in it. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../tfjs/files.js';
import { UsageError } from './options.js';
import type { Settings } from './settings.js';

/** settings.json: what --resume needs. */
export interface RunHeader {
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

export const defaultDirectory = (dataset: string, now: Date): string =>
  join('runs', `${dataset}-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}`);

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

/** @throws UsageError when the folder does not hold a run. */
export async function readHeader(directory: string): Promise<RunHeader> {
  let text: string;
  try {
    text = await readFile(headerPath(directory), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new UsageError(`--resume ${directory}: expected the folder of a run, found no settings.json in it`);
  }
  const header = JSON.parse(text) as RunHeader;
  if (header.version !== 1) throw new UsageError(`--resume ${directory}: the run is of another version of the program`);
  return header;
}
