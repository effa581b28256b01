/** The settings of a run: everything its numbers depend on, and defaults by data set and recipe. */
import { resolve } from 'node:path';
import type { DatasetName, DatasetOptions } from '../data/index.js';
import { UsageError } from '../training/options.js';
import { armNames, defaultArms, paperBeta, paperLoss, relationRows } from './arms.js';
import type { PairSettings } from './jobs.js';
import type { Arguments } from './options.js';

export interface Settings extends PairSettings {
  dataset: { name: DatasetName } & DatasetOptions;
}

interface Preset {
  teacher: string;
  student: string;
  teacherEpochs: number;
  epochs: number;
  trainSize?: number;
  testSize?: number;
}

function preset(dataset: DatasetName, paper: boolean, quick: boolean): Preset {
  if (paper) return { teacher: 'resnet110', student: 'resnet20', teacherEpochs: 200, epochs: 200 };
  if (dataset === 'shapes') {
    return quick ? { teacher: 'cnn12', student: 'cnn4', teacherEpochs: 6, epochs: 5, trainSize: 2000, testSize: 500 }
      : { teacher: 'cnn16', student: 'cnn4', teacherEpochs: 12, epochs: 12 };
  }
  return quick ? { teacher: 'cnn8', student: 'cnn4', teacherEpochs: 2, epochs: 2, trainSize: 1000, testSize: 500 }
    : { teacher: 'resnet20', student: 'resnet8', teacherEpochs: 30, epochs: 30 };
}

/** @throws UsageError for options that do not go together. */
export function resolveSettings(args: Arguments): Settings {
  const name = args.dataset ?? 'shapes';
  const paper = args.recipe === 'paper';
  if (paper && args.quick) throw new UsageError('--quick: cannot be combined with --recipe paper');
  if (args.augment && args['no-augment']) throw new UsageError('--no-augment: cannot be combined with --augment');
  if (name === 'shapes' && args.data) {
    throw new UsageError('--data: the shapes are generated; add --dataset cifar100 or cifar10');
  }
  if (name !== 'shapes' && !args.data) {
    throw new UsageError(`--dataset ${name}: expected --data DIR with its binary files`);
  }
  const defaults = preset(name, paper, args.quick ?? false);
  const trainSize = args['train-size'] ?? defaults.trainSize;
  const testSize = args['test-size'] ?? defaults.testSize;
  const baseSeed = args['base-seed'] ?? 1;
  const reduction = args.reduction ?? paperLoss.reduction;
  return {
    dataset: {
      name, seed: baseSeed,
      ...(args.data ? { dir: resolve(args.data) } : {}),
      ...(trainSize ? { trainSize } : {}),
      ...(testSize ? { testSize } : {}),
    },
    baseSeed,
    teacher: {
      network: args.teacher ?? defaults.teacher,
      epochs: args['teacher-epochs'] ?? args.epochs ?? defaults.teacherEpochs,
    },
    student: { network: args.student ?? defaults.student, epochs: args.epochs ?? defaults.epochs },
    arms: armNames.filter((arm) => (args.arms ?? defaultArms).includes(arm)),
    seeds: args.seeds ?? [1, 2, 3],
    batchSize: args.batch ?? 64,
    schedule: { kind: paper ? 'steps' : 'cosine', base: args.lr ?? 0.1 },
    momentum: 0.9,
    weightDecay: args['weight-decay'] ?? 5e-4,
    augment: !args['no-augment'],
    loss: {
      alpha: args.alpha ?? paperLoss.alpha,
      beta: args.beta ?? (reduction === 'row' ? paperBeta.beta / paperBeta.rows : paperLoss.beta),
      localWeight: args['local-weight'] ?? paperLoss.localWeight,
      grid: args.grid ?? paperLoss.grid,
      reduction,
      metric: args.metric ?? paperLoss.metric,
      temperature: args.temperature ?? paperLoss.temperature,
      distanceWeight: args['distance-weight'] ?? paperLoss.distanceWeight,
    },
  };
}

/** The settings of an interrupted run; only the folder of its data may have moved. */
export function resumed(saved: Settings, args: Arguments): Settings {
  if (!args.data) return saved;
  if (saved.dataset.name === 'shapes') throw new UsageError('--data: the run in this folder generates its data');
  return { ...saved, dataset: { ...saved.dataset, dir: resolve(args.data) } };
}

/** A line of advice when beta was left at the paper's value but the number of relation rows is not the paper's. */
export function betaNote(settings: Settings, args: Arguments): string | undefined {
  const { loss: { reduction, grid }, batchSize } = settings;
  const rows = relationRows(batchSize, grid);
  if (args.beta !== undefined || reduction === 'row' || rows === paperBeta.rows || !settings.arms.includes('gld')) {
    return undefined;
  }
  const equivalent = (paperBeta.beta * rows) / paperBeta.rows;
  return `Note: batches of ${batchSize} with ${grid[0]} x ${grid[1]} cells compare m = ${rows} logit rows, and the ` +
    `relation term shrinks as 1/m. beta = 500 belongs to m = 320; here --beta ${equivalent} weighs the same, and ` +
    'with --reduction row beta does not depend on m.';
}
