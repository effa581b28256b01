/** Options of a command line: tables from which parsing, checking and --help are made. */
import { availableParallelism } from 'node:os';
import { parseNetwork } from '../tfjs/network-names.js';

/** Something the user asked for that cannot be; shown without a stack trace. */
export class UsageError extends Error {}

export interface OptionSpec<T> {
  /** Placeholder of the value in --help; none for a flag. */
  value?: string;
  help: string;
  /** @throws Error with "expected ..., got ..." */
  parse(text: string): T;
}

export type OptionTable = Record<string, OptionSpec<unknown>>;
/** Tables by the heading they have in --help. */
export type OptionGroups = Record<string, OptionTable>;

/** What was given on the command line, parsed. */
export type Arguments<Table extends OptionTable> = { [K in keyof Table]?: ReturnType<Table[K]['parse']> };

const quoted = (text: string) => `'${text}'`;

export const flag = (help: string): OptionSpec<boolean> => ({ help, parse: () => true });

export const text = (value: string, help: string): OptionSpec<string> => ({
  value,
  help,
  parse(input) {
    if (input === '') throw new Error('expected a path, got an empty text');
    return input;
  },
});

export function number(value: string, low: number, high: number, help: string, integer = false): OptionSpec<number> {
  const range = high === Infinity ? `of at least ${low}` : `from ${low} to ${high}`;
  return {
    value,
    help,
    parse(input) {
      const result = input.trim() === '' ? NaN : Number(input);
      if (!(result >= low && result <= high && Number.isFinite(result)) || (integer && !Number.isInteger(result))) {
        throw new Error(`expected ${integer ? 'an integer' : 'a number'} ${range}, got ${quoted(input)}`);
      }
      return result;
    },
  };
}

export const integer = (value: string, low: number, high: number, help: string): OptionSpec<number> =>
  number(value, low, high, help, true);

export function choice<const T extends string>(names: readonly T[], help: string): OptionSpec<T> {
  return {
    value: names.join('|'),
    help,
    parse(input) {
      const found = names.find((name) => name === input);
      if (!found) throw new Error(`expected ${names.join(', ')}, got ${quoted(input)}${didYouMean(input, names)}`);
      return found;
    },
  };
}

export function list<T>(value: string, item: OptionSpec<T>, help: string): OptionSpec<T[]> {
  return {
    value,
    help,
    parse(input) {
      const items = input.split(',').map((part) => item.parse(part.trim()));
      if (new Set(items).size < items.length) throw new Error(`expected each value once, got ${quoted(input)}`);
      return items;
    },
  };
}

export const network = (help: string): OptionSpec<string> => ({
  value: 'NAME',
  help,
  parse(input) {
    parseNetwork(input);
    return input;
  },
});

const cores = availableParallelism();

/** Where and how a study is run: nothing here changes its numbers. */
export const conductOptions = {
  out: text('DIR', 'folder for checkpoints, results.json and report.html (default runs/<name>-<time>)'),
  resume: text('DIR', 'go on with an interrupted run in its folder, with its settings; nothing is computed twice'),
  'checkpoint-every': number(
    'S',
    0,
    1e6,
    'seconds between checkpoints inside an epoch; there is one after each epoch anyway (default 60)',
  ),
  workers: integer('N', 1, 64, `trainings at a time, each in a worker thread (default ${Math.min(2, cores)})`),
  threads: integer('N', 1, 1024, 'threads of the loss in each (default: processors / workers)'),
  help: flag('this text'),
} as const;

/** "; did you mean 'x'?" for the nearest of the names, if one is near. */
export function didYouMean(input: string, names: readonly string[], prefix = ''): string {
  const near = names
    .map((name) => ({ name, distance: editDistance(input, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (!near || near.distance > Math.max(1, Math.floor(near.name.length / 3))) return '';
  return `; did you mean '${prefix}${near.name}'?`;
}

/** Levenshtein's: the fewest insertions, deletions and replacements that turn a into b. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
