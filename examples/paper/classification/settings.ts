/** What a run of the study is: its options and the numbers they stand for. */
import { basename, resolve } from 'node:path';
import type { DatasetOptions } from '../../data/index.js';
import { armNames, paperLoss } from '../../distill/arms.js';
import type { PairSettings } from '../../distill/jobs.js';
import { garmentTeacher } from '../../distill/settings.js';
import {
  type Arguments as ArgumentsOf,
  choice,
  flag,
  integer,
  list,
  network,
  number,
  text,
} from '../../training/options.js';
import { networkNames } from '../../tfjs/network-names.js';
import type { TableOf } from '../../training/study.js';
import { sgd } from '../backbones.js';

export const lengthNames = ['short', 'long'] as const;
export type LengthName = (typeof lengthNames)[number];

export interface ClassificationSettings {
  /** Of Fashion-MNIST. */
  images: DatasetOptions;
  /** One teacher and its students, trained for a short time and for a long one; their first learning rates are chosen. */
  lengths: Partial<Record<LengthName, PairSettings>>;
  /** Every arm tries each of these rates, with each of these seeds, and is judged by the validation images. */
  tries: { rates: number[]; seeds: number[] };
}

interface Preset {
  images: Required<Omit<DatasetOptions, 'seed' | 'dir' | 'testSize'>> & Pick<DatasetOptions, 'testSize'>;
  epochs: Record<LengthName, number>;
  rates: number[];
  seeds: number[];
}

const full: Preset = {
  images: { trainSize: 3000, validationSize: 2000 },
  epochs: { short: 10, long: 30 },
  rates: [0.05, 0.1, 0.2, 0.4],
  seeds: [1, 2, 3, 4, 5],
};
const quick: Preset = {
  images: { trainSize: 640, validationSize: 400, testSize: 1000 },
  epochs: { short: 2, long: 3 },
  rates: [0.1, 0.4],
  seeds: [1, 2],
};
const student = 'resnet8x0.25';

const seed = integer('N', 0, 2 ** 32 - 1, '');
const epochs = (name: LengthName) =>
  integer('N', 1, 1e5, `epochs of a student that is trained for a ${name} time (default ${full.epochs[name]})`);

export const groups = {
  'What is run': {
    quick: flag('fewer images, shorter trainings, fewer tries'),
    data: text('DIR', "folder with the four files of Fashion-MNIST (default: where Debian's package puts them)"),
    lengths: list(
      'A,B',
      choice(lengthNames, ''),
      `which lengths of training: ${lengthNames.join(', ')} (default both)`,
    ),
    arms: list('A,B,...', choice(armNames, ''), `which students: ${armNames.join(', ')} (default all)`),
    seeds: list(
      'N,N,...',
      seed,
      `one student per length, arm and seed; a seed decides initial weights and batches (default ${full.seeds.join(',')})`,
    ),
    'base-seed': integer(
      'N',
      0,
      2 ** 32 - 1,
      'decides which images are taken, and a teacher that is trained (default 1)',
    ),
    'train-size': integer('N', 2, 1e7, `training images (default ${full.images.trainSize})`),
    'validation-size': integer('N', 1, 1e7, `images for validation (default ${full.images.validationSize})`),
    'test-size': integer('N', 1, 1e7, 'test images (default all)'),
  },
  Training: {
    rates: list(
      'X,X,...',
      number('X', 1e-8, 100, ''),
      `first learning rates that every arm tries; it takes the one that is best on the validation images (default ${full.rates.join(',')})`,
    ),
    'try-seeds': list('N,N,...', seed, 'seeds with which it tries them, none of --seeds (default 101)'),
    'short-epochs': epochs('short'),
    'long-epochs': epochs('long'),
    teacher: network(`a teacher that is trained: ${networkNames} (default: the model of the main job)`),
    'teacher-epochs': integer('N', 1, 1e5, 'its epochs (default 12)'),
    student: network(`the students' network, likewise (default ${student})`),
  },
} as const;

export type Arguments = ArgumentsOf<TableOf<typeof groups>>;

export function resolveSettings(args: Arguments): ClassificationSettings {
  const preset = args.quick ? quick : full;
  const names = lengthNames.filter((name) => args.lengths?.includes(name) ?? true);
  const baseSeed = args['base-seed'] ?? 1;
  const teacher =
    args.teacher === undefined
      ? { network: basename(garmentTeacher), epochs: 0, onnx: { path: garmentTeacher } }
      : { network: args.teacher, epochs: args['teacher-epochs'] ?? 12 };
  const testSize = args['test-size'] ?? preset.images.testSize;
  return {
    images: {
      seed: baseSeed,
      ...(args.data === undefined ? {} : { dir: resolve(args.data) }),
      trainSize: args['train-size'] ?? preset.images.trainSize,
      validationSize: args['validation-size'] ?? preset.images.validationSize,
      ...(testSize === undefined ? {} : { testSize }),
    },
    lengths: Object.fromEntries(
      names.map((name): [LengthName, PairSettings] => [
        name,
        {
          baseSeed,
          teacher: { ...teacher, kept: {} },
          student: { network: args.student ?? student, epochs: args[`${name}-epochs`] ?? preset.epochs[name] },
          arms: armNames.filter((arm) => args.arms?.includes(arm) ?? true),
          seeds: args.seeds ?? preset.seeds,
          batchSize: 64,
          // The base is a teacher's: students have tried theirs.
          schedule: { kind: 'cosine', base: 0.2, warmup: 1 },
          ...sgd,
          augment: true,
          loss: paperLoss,
        },
      ]),
    ),
    tries: { rates: args.rates ?? preset.rates, seeds: args['try-seeds'] ?? [101] },
  };
}
