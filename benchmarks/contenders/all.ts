/** The contenders by name, and opening those that are wanted. */
import type { Scratch } from '../scratch.js';
import { Absent, type Contender } from './index.js';
import { type ContenderName, wayNames, type WayName } from './names.js';
import { ours } from './ours.js';
import { type Interpreter, openInterpreters, openPyTorch } from './pytorch.js';
import { typescript } from './typescript.js';

export interface Opened {
  contenders: Contender[];
  /** Why others take no part. */
  absent: Record<string, string>;
  /** What references and memory are computed with, whether or not it takes part: the first of the interpreters. */
  pytorch?: Interpreter;
}

export interface Wanted {
  names: readonly ContenderName[];
  /** Interpreters; none: the first that is found. */
  pythons: readonly string[];
  threads: readonly number[];
  /** Whether PyTorch is wanted for references, too. */
  reference: boolean;
}

const isWay = (name: ContenderName): name is WayName => (wayNames as readonly string[]).includes(name);

/** @throws UsageError for an interpreter that was asked for and has no PyTorch */
export async function openContenders(
  { names, pythons, threads, reference }: Wanted,
  scratch: Scratch,
): Promise<Opened> {
  const absent: Record<string, string> = {};
  async function attempt<T>(name: string, open: () => T | Promise<T>): Promise<T[]> {
    try {
      return [await open()];
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      absent[name] = error.message;
      return [];
    }
  }
  const wanted = reference || pythons.length > 0 || names.some(isWay);
  const [interpreters = []] = wanted ? await attempt('pytorch', () => openInterpreters(pythons)) : [];
  const contenders: Contender[] = [];
  for (const name of names) {
    if (name === 'gld-loss') contenders.push(ours);
    else if (name === 'typescript') contenders.push(typescript);
    // Loaded when wanted: it takes a second.
    else if (name === 'tfjs')
      contenders.push(...(await attempt(name, async () => (await import('./tfjs.js')).openTfjs(threads))));
    else {
      for (const interpreter of interpreters) {
        contenders.push(
          ...(await attempt(`${name}@${interpreter.label}`, () => openPyTorch(name, interpreter, scratch))),
        );
      }
    }
  }
  return { contenders, absent, ...(interpreters.length > 0 && { pytorch: interpreters[0] }) };
}
