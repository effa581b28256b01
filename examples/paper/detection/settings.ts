/** What a run of the study is: its options and the numbers they stand for. */
import { type ArmName, armNames } from '../../distill/arms.js';
import type { PairSettings } from '../../distill/jobs.js';
import { networkNames } from '../../tfjs/network-names.js';
import type { SgdOptions } from '../../tfjs/optimizer.js';
import { type Arguments as ArgumentsOf, choice, flag, integer, list, network, number } from '../../training/options.js';
import type { TableOf } from '../../training/study.js';
import type { Recipe } from '../../training/train.js';
import type { DefaultBoxOptions } from './default-boxes.js';

export interface Sizes {
  trainSize: number;
  testSize: number;
}

export interface DetectionSettings {
  /** Side of all pictures in pixels. */
  side: number;
  /** Pictures of single objects, which the backbones learn to classify; the pair's baseSeed decides them. */
  objects: Sizes;
  /** Scenes of several objects, in which the detectors look for them; likewise. */
  scenes: Sizes;
  /** The teacher and the backbones. */
  pair: PairSettings;
  detector: Recipe & SgdOptions & DetectorShape;
}

/** What a detector has beside its backbone. */
export interface DetectorShape extends Pick<DefaultBoxOptions, 'scales' | 'ratios'> {
  /** How many of the backbone's maps are used, counted from the last. */
  maps: number;
  /** Further maps, each half as wide and high as the one before. */
  extraMaps: number;
}

const size = (help: string) => integer('N', 2, 1e6, help);
const epochs = (help: string) => integer('N', 1, 1e5, help);

export const groups = {
  'What is run': {
    quick: flag('a run of at most a minute, with fewer and shorter trainings'),
    arms: list('A,B,...', choice(armNames, ''), `how the backbones learn: ${armNames.join(', ')} (default ce,gld)`),
    seeds: list('N,N,...', integer('N', 0, 2 ** 32 - 1, ''),
      'one backbone and one detector per arm and seed; a seed decides initial weights and batches (default 1,2,3)'),
    'base-seed': integer('N', 0, 2 ** 32 - 1, 'seed of all pictures and of the teacher (default 1)'),
    'object-size': size('training pictures of one object each, for teacher and backbones (default 3000)'),
    'train-size': size('training scenes (default 1500)'),
    'test-size': size('test scenes (default 500)'),
  },
  Training: {
    teacher: network(`the teacher's network: ${networkNames}`),
    student: network('the backbones\' network, likewise'),
    'teacher-epochs': epochs('epochs of the teacher (default 12)'),
    'backbone-epochs': epochs('epochs of the backbones, as classifiers (default 12)'),
    epochs: epochs('epochs of the detectors (default 15)'),
    lr: number('X', 1e-8, 100, 'first learning rate of the detectors (default 0.05)'),
  },
} as const;

export type Arguments = ArgumentsOf<TableOf<typeof groups>>;

interface Preset {
  teacher: string;
  objects: Sizes;
  scenes: Sizes;
  teacherEpochs: number;
  backboneEpochs: number;
  epochs: number;
}

const full: Preset = {
  teacher: 'cnn16', objects: { trainSize: 3000, testSize: 1000 }, scenes: { trainSize: 1500, testSize: 500 },
  teacherEpochs: 12, backboneEpochs: 12, epochs: 15,
};
const quick: Preset = {
  teacher: 'cnn12', objects: { trainSize: 1000, testSize: 300 }, scenes: { trainSize: 300, testSize: 100 },
  teacherEpochs: 5, backboneEpochs: 4, epochs: 4,
};

/** The backbones' arms of a run that names none. */
const defaultArms: readonly ArmName[] = ['ce', 'gld'];

export function resolveSettings(args: Arguments): DetectionSettings {
  const preset = args.quick ? quick : full;
  const sgd = { momentum: 0.9, weightDecay: 5e-4 };
  return {
    side: 32,
    objects: { ...preset.objects, ...(args['object-size'] ? { trainSize: args['object-size'] } : {}) },
    scenes: {
      trainSize: args['train-size'] ?? preset.scenes.trainSize, testSize: args['test-size'] ?? preset.scenes.testSize,
    },
    pair: {
      baseSeed: args['base-seed'] ?? 1,
      teacher: { network: args.teacher ?? preset.teacher, epochs: args['teacher-epochs'] ?? preset.teacherEpochs },
      student: { network: args.student ?? 'cnn4', epochs: args['backbone-epochs'] ?? preset.backboneEpochs },
      arms: armNames.filter((name) => (args.arms ?? defaultArms).includes(name)),
      seeds: args.seeds ?? [1, 2, 3],
      batchSize: 64,
      schedule: { kind: 'cosine', base: 0.1 },
      ...sgd,
      augment: false,
      loss: lossSettings,
    },
    detector: {
      epochs: args.epochs ?? preset.epochs,
      batchSize: 32,
      schedule: { kind: 'cosine', base: args.lr ?? 0.05 },
      ...sgd,
      augment: false,
      maps: 2, extraMaps: 1, scales: [0.2, 0.5], ratios: [1, 2, 0.5],
    },
  };
}
