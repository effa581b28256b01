/** What a run of the study is: its options and the numbers they stand for. */
import type { SgdOptions } from '../../tfjs/optimizer.js';
import { type Arguments as ArgumentsOf, flag, integer, number } from '../../training/options.js';
import type { TableOf } from '../../training/study.js';
import type { Recipe } from '../../training/train.js';
import {
  backboneOptions, type BackboneSettings, backboneSettings, fullBackbones, quickBackbones, sgd, type Sizes,
} from '../backbones.js';
import type { DefaultBoxOptions } from './default-boxes.js';

export interface DetectionSettings extends BackboneSettings {
  /** Side of all pictures in pixels. */
  side: number;
  /** Scenes of several objects, in which the detectors look for them. */
  scenes: Sizes;
  detector: Recipe & SgdOptions & DetectorShape;
}

/** What a detector has beside its backbone. */
export interface DetectorShape extends Pick<DefaultBoxOptions, 'scales' | 'ratios'> {
  /** How many of the backbone's maps are used, counted from the last. */
  maps: number;
  /** Further maps, each half as wide and high as the one before. */
  extraMaps: number;
}

interface DetectorPreset {
  scenes: Sizes;
  epochs: number;
}

const full: DetectorPreset = { scenes: { trainSize: 1000, testSize: 500 }, epochs: 15 };
const quick: DetectorPreset = { scenes: { trainSize: 300, testSize: 100 }, epochs: 4 };

const size = (help: string) => integer('N', 2, 1e6, help);

export const groups = {
  'What is run': {
    quick: flag('a run of at most a minute, with fewer and shorter trainings'),
    'train-size': size(`training scenes (default ${full.scenes.trainSize})`),
    'test-size': size(`test scenes (default ${full.scenes.testSize})`),
    epochs: integer('N', 1, 1e5, `epochs of the detectors (default ${full.epochs})`),
    lr: number('X', 1e-8, 100, 'first learning rate of the detectors (default 0.05)'),
  },
  'The backbones': backboneOptions,
} as const;

export type Arguments = ArgumentsOf<TableOf<typeof groups>>;

export function resolveSettings(args: Arguments): DetectionSettings {
  const { scenes, epochs } = args.quick ? quick : full;
  return {
    ...backboneSettings(args, args.quick ? quickBackbones : fullBackbones),
    side: 32,
    scenes: { trainSize: args['train-size'] ?? scenes.trainSize, testSize: args['test-size'] ?? scenes.testSize },
    detector: {
      epochs: args.epochs ?? epochs,
      batchSize: 32,
      schedule: { kind: 'cosine', base: args.lr ?? 0.05 },
      ...sgd,
      augment: false,
      maps: 2, extraMaps: 1, scales: [0.2, 0.5], ratios: [1, 2, 0.5],
    },
  };
}
