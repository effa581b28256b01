/** The contenders by name, and opening those that are wanted. */
import type { Scratch } from '../scratch.js';
import { Absent, type Contender } from './index.js';
import type { ContenderName } from './names.js';
import { ours } from './ours.js';
import { findPyTorch, openPyTorch, type Found } from './pytorch.js';
import { typescript } from './typescript.js';

export interface Opened {
  contenders: Contender[];
  /** Why others take no part. */
  absent: Record<string, string>;
  /** What references and memory are computed with, whether or not it takes part. */
  pytorch?: Found;
}

async function open(
  name: ContenderName,
  threads: readonly number[],
  scratch: Scratch,
  found: () => Promise<Found>,
): Promise<Contender> {
  if (name === 'gld-loss') return ours;
  if (name === 'typescript') return typescript;
  // Loaded when wanted: it takes a second.
  if (name === 'tfjs') return (await import('./tfjs.js')).openTfjs(threads);
  return openPyTorch(name, await found(), scratch);
}

/** @param reference whether PyTorch is wanted for references, too */
export async function openContenders(
  names: readonly ContenderName[],
  threads: readonly number[],
  reference: boolean,
  scratch: Scratch,
): Promise<Opened> {
  let finding: Promise<Found> | undefined;
  const found = () => (finding ??= findPyTorch());
  const contenders: Contender[] = [];
  const absent: Record<string, string> = {};
  for (const name of names) {
    try {
      contenders.push(await open(name, threads, scratch, found));
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      absent[name] = error.message;
    }
  }
  const wanted = reference || names.some((name) => name.startsWith('pytorch'));
  const pytorch = wanted ? await found().catch(() => undefined) : undefined;
  return { contenders, absent, ...(pytorch && { pytorch }) };
}
