import { integer, number, oneOf, options as checkOptions, quoted } from './check.js';
import { describe } from './describe.js';
import { fail } from './errors.js';
import { tables, usualWeights } from './options.js';
import { gldSchedule, type Schedule } from './schedule.js';
import type { GldLossOptions, GridOption } from './types.js';

/** 'paper' or 'short', see {@link gldPreset}. */
export type PresetName = 'paper' | 'short';

/** The training that {@link gldPreset} makes settings for. */
export interface PresetOptions {
  /** How many updates make an epoch. */
  readonly stepsPerEpoch: number;
  /** How many epochs the training has. @default 200 for 'paper', 12 for 'short' */
  readonly epochs?: number | undefined;
  /** Samples in a batch. @default 64 */
  readonly batchSize?: number | undefined;
  /** The grid of the local term, as the option of the loss. @default 2 */
  readonly grid?: GridOption | undefined;
}

/** Settings of a training. */
export interface GldPreset {
  readonly epochs: number;
  readonly batchSize: number;
  /** Options of the loss: α, β, the local weight, the grid, and what the relation is divided by. */
  readonly loss: GldLossOptions;
  /** The weights of the terms by the step: they come in over the first tenth of the training, as `warmup` says. */
  readonly schedule: Schedule;
  /** Stochastic gradient descent with these. */
  readonly optimizer: { readonly momentum: number; readonly weightDecay: number };
  /** The learning rate by the step, which grows from 0 over the first epoch and then takes the recipe's course. */
  learningRate(step: number): number;
}

const stepCount = (value: unknown, path: string): number => {
  const what = 'a number of updates, at least 1';
  if (value === undefined) fail('ERR_GLD_ARG_TYPE', path, what, describe(value));
  return number(1, 1, what)(value, path);
};

const table = {
  stepsPerEpoch: stepCount,
  epochs: integer(undefined, 1),
  batchSize: integer(64, 1),
  grid: tables.adapter.grid,
};

interface Recipe {
  readonly epochs: number;
  readonly rate: number;
  /** The share of the rate at a share of the training. */
  course(progress: number): number;
}

const recipes: Readonly<Record<PresetName, Recipe>> = {
  paper: { epochs: 200, rate: 0.1, course: (progress) => (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01) },
  short: { epochs: 12, rate: 0.4, course: (progress) => (1 + Math.cos(Math.PI * progress)) / 2 },
};

const names = Object.keys(recipes) as PresetName[];

/**
 * Settings that belong together, by name. Both have the paper's weights of the terms, α = 0.7, β = 500 and local weight 1,
 * SGD with momentum 0.9, weight decay 5e-4 and batches of 64.
 *
 * - `'paper'` is the paper's recipe for CIFAR-100: a learning rate of 0.1, times 0.1 at 50 % and at 75 % of 200 epochs.
 * - `'short'` is for trainings of ten to some tens of epochs, in which the gradients of the global term, which are smaller
 *   than those of the task, need a higher rate: 0.4, to 0 along a cosine. docs/distiller.md has what it led to in our own study.
 *
 * Both warm up, which the paper does not speak of. A student that has just been made has small logits, and gradients of the
 * global, local and relation terms with respect to these are many times those of the task.
 *
 *     const { loss, schedule, learningRate } = gldPreset('short', { stepsPerEpoch: 79, epochs: 12 });
 *     gldLoss(inputs, { ...loss, ...schedule(step) });
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function gldPreset(name: PresetName, options: PresetOptions): GldPreset {
  const recipe = recipes[oneOf(names)(name, 'name') ?? fail('ERR_GLD_ARG_TYPE', 'name', quoted(names), describe(name))];
  const { stepsPerEpoch, batchSize, ...given } = checkOptions(table, options);
  const epochs = given.epochs ?? recipe.epochs;
  const steps = stepsPerEpoch * epochs;
  if (steps === Infinity)
    fail(
      'ERR_GLD_OPTION',
      'stepsPerEpoch',
      `a number of updates that is finite over ${epochs} epochs`,
      `${stepsPerEpoch}`,
    );
  return {
    epochs,
    batchSize,
    loss: { ...usualWeights, grid: options.grid ?? 2, relation: { reduction: { rows: 320 } } },
    schedule: gldSchedule({ warmup: steps / 10 }),
    optimizer: { momentum: 0.9, weightDecay: 5e-4 },
    learningRate(step) {
      const what = 'a number of steps, at least 0';
      if (typeof step !== 'number') fail('ERR_GLD_ARG_TYPE', 'step', what, describe(step));
      if (!(step >= 0 && step < Infinity)) fail('ERR_GLD_OPTION', 'step', what, String(step));
      return recipe.rate * Math.min(1, (step + 1) / stepsPerEpoch) * recipe.course(Math.min(1, step / steps));
    },
  };
}
