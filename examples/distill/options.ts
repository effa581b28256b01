/** The command line's options: one table, from which parsing, checking and --help are made. */
import { availableParallelism } from 'node:os';
import { datasetNames } from '../data/index.js';
import { networkNames, parseNetwork } from '../tfjs/network-names.js';
import { armNames } from './arms.js';

/** Something the user asked for that cannot be; shown without a stack trace. */
export class UsageError extends Error {}

export interface OptionSpec<T> {
  /** Placeholder of the value in --help; none for a flag. */
  value?: string;
  help: string;
  /** @throws Error with "expected ..., got ..." */
  parse(text: string): T;
}

const quoted = (text: string) => `'${text}'`;

const flag = (help: string): OptionSpec<boolean> => ({ help, parse: () => true });

const text = (value: string, help: string): OptionSpec<string> => ({
  value, help,
  parse(input) {
    if (input === '') throw new Error('expected a path, got an empty text');
    return input;
  },
});

function number(value: string, low: number, high: number, help: string, integer = false): OptionSpec<number> {
  const range = high === Infinity ? `of at least ${low}` : `from ${low} to ${high}`;
  return {
    value, help,
    parse(input) {
      const result = input.trim() === '' ? NaN : Number(input);
      if (!(result >= low && result <= high && Number.isFinite(result)) || (integer && !Number.isInteger(result))) {
        throw new Error(`expected ${integer ? 'an integer' : 'a number'} ${range}, got ${quoted(input)}`);
      }
      return result;
    },
  };
}

const integer = (value: string, low: number, high: number, help: string) => number(value, low, high, help, true);

function choice<const T extends string>(names: readonly T[], help: string): OptionSpec<T> {
  return {
    value: names.join('|'), help,
    parse(input) {
      const found = names.find((name) => name === input);
      if (!found) throw new Error(`expected ${names.join(', ')}, got ${quoted(input)}${didYouMean(input, names)}`);
      return found;
    },
  };
}

function list<T>(value: string, item: OptionSpec<T>, help: string): OptionSpec<T[]> {
  return {
    value, help,
    parse(input) {
      const items = input.split(',').map((part) => item.parse(part.trim()));
      if (new Set(items).size < items.length) throw new Error(`expected each value once, got ${quoted(input)}`);
      return items;
    },
  };
}

const network = (help: string): OptionSpec<string> => ({
  value: 'NAME', help,
  parse(input) {
    parseNetwork(input);
    return input;
  },
});

const grid: OptionSpec<[number, number]> = {
  value: 'D|RxC',
  help: 'cells of the feature map that get local logits: D for D x D, or rows x columns (default 2)',
  parse(input) {
    const [, rows, columns = rows] = /^([1-9]\d?)(?:x([1-9]\d?))?$/.exec(input) ?? [];
    if (!rows) throw new Error(`expected a grid such as 2 or 2x4, got ${quoted(input)}`);
    return [Number(rows), Number(columns)];
  },
};

const cores = availableParallelism();

export const groups = {
  'What is run': {
    quick: flag('a run of at most 40 seconds, with fewer and shorter trainings'),
    dataset: choice(datasetNames, 'shapes is generated; the CIFAR sets are read from --data (default shapes)'),
    data: text('DIR', 'folder with the CIFAR files in the binary version, or its parent'),
    'train-size': integer('N', 2, 1e7, 'training images (default: 3000 for shapes, all for CIFAR)'),
    'test-size': integer('N', 1, 1e7, 'test images (default: 1000 for shapes, all for CIFAR)'),
    arms: list('A,B,...', choice(armNames, ''), `which students: ${armNames.join(', ')} (default all)`),
    seeds: list('N,N,...', integer('N', 0, 2 ** 32 - 1, ''),
      'one student per arm and seed; a seed decides initial weights and batches (default 1,2,3)'),
    'base-seed': integer('N', 0, 2 ** 32 - 1, 'seed of the data set and the teacher (default 1)'),
  },
  Training: {
    recipe: choice(['default', 'paper'],
      'paper: SGD with momentum 0.9, weight decay 5e-4, learning rate 0.1 times 0.1 at 50 % and 75 % of 200 epochs, ' +
      'batch 64, resnet110 teaches resnet20, augmentation. Weeks of work on a CPU. default: a cosine schedule, and ' +
      'networks and epochs that suit the data set'),
    teacher: network(`the teacher's network: ${networkNames}`),
    student: network('the student\'s network, likewise'),
    epochs: integer('N', 1, 1e5, 'epochs of a student'),
    'teacher-epochs': integer('N', 1, 1e5, 'epochs of the teacher (default: as --epochs if that is given)'),
    batch: integer('N', 2, 1e5, 'images per batch (default 64)'),
    lr: number('X', 1e-8, 100, 'first learning rate (default 0.1)'),
    'weight-decay': number('X', 0, 1, 'weight decay (default 5e-4)'),
    augment: flag('augment the training images: random shifts and flips (default)'),
    'no-augment': flag('do not'),
  },
  'The loss': {
    alpha: number('X', 0, 1, 'weight of the global KD term; the task term gets 1 - alpha (default 0.7)'),
    beta: number('X', 0, Infinity,
      'weight of the relation term (default 500). The term is a mean over all m x m pairs of the m = batch x ' +
      '(1 + cells) logit rows of a batch and shrinks as 1/m: 500 is the paper\'s value for m = 64 x 5 = 320. With ' +
      'another batch size or grid, scale beta with m, or use --reduction row'),
    reduction: choice(['matrix', 'row'],
      'matrix: the paper\'s mean over m x m entries. row: m times that, so that beta does not depend on m; its ' +
      'default is then 500 / 320 = 1.5625 (default matrix)'),
    metric: choice(['sqeuclidean', 'euclidean'], 'distances the relation term compares (default sqeuclidean)'),
    'local-weight': number('X', 0, Infinity, 'weight of the local term (default 1)'),
    grid,
    temperature: number('X', 1e-3, 1e3, 'temperature of the kd arm (default 4)'),
  },
  'Where and how': {
    out: text('DIR', 'folder for checkpoints, results.json and report.html (default runs/<dataset>-<time>)'),
    resume: text('DIR', 'go on with an interrupted run in its folder, with its settings; nothing is computed twice'),
    'checkpoint-every': number('S', 0, 1e6,
      'seconds between checkpoints inside an epoch; there is one after each epoch anyway (default 60)'),
    workers: integer('N', 1, 64, `trainings at a time, each in a worker thread (default ${Math.min(2, cores)})`),
    threads: integer('N', 1, 1024, 'threads of the loss in each (default: processors / workers)'),
    help: flag('this text'),
  },
} as const;

type Flattened = (typeof groups)['What is run'] & (typeof groups)['Training'] & (typeof groups)['The loss'] &
  (typeof groups)['Where and how'];
export type OptionName = keyof Flattened;
/** What was given on the command line, parsed. */
export type Arguments = { [K in OptionName]?: ReturnType<Flattened[K]['parse']> };

export const options = Object.assign({}, ...Object.values(groups)) as Record<OptionName, OptionSpec<unknown>>;

/** "; did you mean 'x'?" for the nearest of the names, if one is near. */
export function didYouMean(input: string, names: readonly string[], prefix = ''): string {
  const near = names.map((name) => ({ name, distance: editDistance(input, name) }))
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
