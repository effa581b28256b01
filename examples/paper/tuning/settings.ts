/**
 * Networks that are fine-tuned from backbones: what detection and segmentation have in common. A teacher, students that
 * learn with its help or without, then from each of them a larger network, trained on scenes of several objects.
 */
import type { SgdOptions } from '../../tfjs/optimizer.js';
import { type Arguments, flag, integer, number } from '../../training/options.js';
import type { TableOf } from '../../training/study.js';
import type { Recipe } from '../../training/train.js';
import {
  backboneOptions,
  type BackboneSettings,
  backboneSettings,
  firstRate,
  fullBackbones,
  quickBackbones,
  schedule,
  sgd,
  type Sizes,
} from '../backbones.js';

export interface TuningSettings extends BackboneSettings {
  /** Side of all pictures in pixels. */
  side: number;
  /** Scenes of several objects, for the larger networks. */
  scenes: Sizes;
  /** How these are trained. */
  recipe: Recipe & SgdOptions;
}

/** What a run is unless options say otherwise. */
export interface TuningPreset {
  scenes: Sizes;
  epochs: number;
  batchSize: number;
  /** The first learning rate. */
  rate: number;
}

const size = (help: string) => integer('N', 2, 1e6, help);

/**
 * Options of such a study by heading.
 * @param networks what the larger networks are, in the plural
 */
export const tuningOptions = ({ scenes, epochs, rate }: TuningPreset, networks: string) =>
  ({
    'What is run': {
      quick: flag('fewer and shorter trainings'),
      'train-size': size(`training scenes (default ${scenes.trainSize})`),
      'test-size': size(`test scenes (default ${scenes.testSize})`),
      epochs: integer('N', 1, 1e5, `epochs of the ${networks} (default ${epochs})`),
      lr: firstRate(`first learning rate of the ${networks} (default ${rate})`),
      warmup: number(
        'X',
        0,
        1e5,
        'epochs in which the learning rate of every network grows evenly from 0 (default 1; 0 for none)',
      ),
    },
    'The backbones': backboneOptions,
  }) as const;

export type TuningGroups = ReturnType<typeof tuningOptions>;
export type TuningArguments = Arguments<TableOf<TuningGroups>>;

export function tuningSettings(args: TuningArguments, full: TuningPreset, quick: TuningPreset): TuningSettings {
  const { scenes, epochs, batchSize, rate } = args.quick ? quick : full;
  return {
    ...backboneSettings(args, args.quick ? quickBackbones : fullBackbones),
    side: 32,
    scenes: { trainSize: args['train-size'] ?? scenes.trainSize, testSize: args['test-size'] ?? scenes.testSize },
    recipe: {
      epochs: args.epochs ?? epochs,
      batchSize,
      schedule: schedule(args.lr ?? rate, args),
      ...sgd,
      augment: false,
    },
  };
}
