/** The training loop: epochs of shuffled batches, evaluation after each, resumable at any step. */
import type { BatchOptions } from '../data/types.js';
import { Rng, type RngState } from '../data/rng.js';
import type { tf } from '../tfjs/backend.js';
import type { Sgd } from '../tfjs/optimizer.js';
import { learningRate, type Schedule, stepsPerEpoch } from './schedule.js';

/** Where batches of any kind come from; the training half of a data set is one. */
export interface BatchSource<B extends { size: number }> {
  /** Number of images. */
  size: number;
  /** One pass. The order and all that is random are drawn from the options' generators when this is called. */
  batches(options: BatchOptions): AsyncIterable<B>;
}

/** What is minimised. Called once per step. */
export interface Objective<B, Prepared = never> {
  /**
   * What the loss needs that carries no gradient, such as a teacher's features; done before gradients are recorded.
   * Plain numbers: nobody disposes tensors in it.
   */
  prepare?(batch: B): Promise<Prepared>;
  /** The scalar to minimise, of a forward pass in training mode. tfjs records and tidies what happens in it. */
  loss(batch: B, prepared: Prepared): tf.Scalar;
  /** Parts of the last loss, by name: recorded as means over the epoch. */
  terms(): Record<string, number>;
}

export interface EpochResult {
  /** 1 for the first. */
  epoch: number;
  /** Mean over the images. */
  trainLoss: number;
  terms: Record<string, number>;
  /** How good the network is after the epoch, on test data, 0 to 1: an accuracy, a mean average precision. */
  score: number;
  seconds: number;
}

/** Everything besides weights and momentum that the future of a training depends on. */
export interface TrainingState {
  /** Finished epochs. */
  epochs: EpochResult[];
  /** Batches done in the epoch after those. */
  step: number;
  /** State of the generator before it drew that epoch's order. */
  rng: RngState;
  /** Sums over that epoch's images so far. */
  images: number;
  lossSum: number;
  termSums: Record<string, number>;
  /** Time spent in that epoch so far. */
  seconds: number;
}

/** How long and how fast. */
export interface Recipe {
  epochs: number;
  batchSize: number;
  schedule: Schedule;
  augment: boolean;
}

export interface TrainingOptions<B extends { size: number }, Prepared> extends Recipe {
  source: BatchSource<B>;
  optimizer: Sgd;
  objective: Objective<B, Prepared>;
  /** The score after an epoch. */
  evaluate(): Promise<number>;
  state: TrainingState;
  /** Called after every update, with the state as it then is. */
  onStep?(state: TrainingState): Promise<void> | void;
  /** True stops the training after the present update. */
  stopped?(): boolean;
}

export const newTraining = (rng: Rng): TrainingState => ({
  epochs: [],
  step: 0,
  rng: rng.state(),
  images: 0,
  lossSum: 0,
  termSums: {},
  seconds: 0,
});

/** Trains from `state` (changed in place) to the last epoch; returns true when it got there, false when stopped. */
export async function train<B extends { size: number }, Prepared>(
  options: TrainingOptions<B, Prepared>,
): Promise<boolean> {
  const { epochs, state, stopped } = options;
  while (state.epochs.length < epochs) {
    const began = performance.now() - state.seconds * 1000;
    const seconds = () => (performance.now() - began) / 1000;
    const rng = Rng.fromState(state.rng);
    const finished = await trainEpoch(options, rng, seconds);
    if (!finished) return false;
    const score = await options.evaluate();
    const mean = (sum: number) => sum / state.images;
    state.epochs.push({
      epoch: state.epochs.length + 1,
      trainLoss: mean(state.lossSum),
      score,
      seconds: seconds(),
      terms: Object.fromEntries(Object.entries(state.termSums).map(([name, sum]) => [name, mean(sum)])),
    });
    Object.assign(state, { ...newTraining(rng), epochs: state.epochs });
    await options.onStep?.(state);
    if (stopped?.() && state.epochs.length < epochs) return false;
  }
  return true;
}

async function trainEpoch<B extends { size: number }, Prepared>(
  options: TrainingOptions<B, Prepared>,
  rng: Rng,
  seconds: () => number,
): Promise<boolean> {
  const { optimizer, objective, source, state, batchSize, schedule, epochs } = options;
  const steps = stepsPerEpoch(source.size, batchSize);
  const batches = source.batches({
    batchSize,
    shuffle: rng,
    skip: state.step,
    ...(options.augment ? { augment: rng } : {}),
  });
  for await (const batch of batches) {
    const prepared = (await objective.prepare?.(batch)) as Prepared;
    const rate = learningRate(schedule, state.epochs.length * steps + state.step, steps, epochs);
    const loss = optimizer.step(rate, () => objective.loss(batch, prepared));
    state.step++;
    state.images += batch.size;
    state.lossSum += loss * batch.size;
    for (const [name, value] of Object.entries(objective.terms())) {
      state.termSums[name] = (state.termSums[name] ?? 0) + value * batch.size;
    }
    state.seconds = seconds();
    // The state after the last step belongs to the next epoch and is reported by train(), with the score.
    if (state.step === steps) continue;
    await options.onStep?.(state);
    if (options.stopped?.()) return false;
  }
  return true;
}
