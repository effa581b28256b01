/** The training loop: epochs of shuffled batches, evaluation after each, resumable at any step. */
import type { Dataset } from '../data/types.js';
import { Rng, type RngState } from '../data/rng.js';
import { tf } from './backend.js';
import { evaluate } from './metrics.js';
import type { Network } from './networks.js';
import type { Sgd } from './optimizer.js';
import { learningRate, type Schedule, stepsPerEpoch } from './schedule.js';

/** What is minimised. Called once per step, with fresh tensors that the loop disposes. */
export interface Objective {
  /** What the loss needs that carries no gradient, such as a teacher's features; runs before gradients are recorded. */
  prepare?(images: tf.Tensor4D): tf.Tensor4D;
  /** The scalar to minimise. `features` is the network's map in training mode, `prepared` what prepare() returned. */
  loss(features: tf.Tensor4D, labels: Int32Array, prepared: tf.Tensor4D | undefined): tf.Scalar;
  /** Parts of the last loss, by name: recorded as means over the epoch. */
  terms(): Record<string, number>;
}

export interface EpochResult {
  /** 1 for the first. */
  epoch: number;
  /** Mean over the images. */
  trainLoss: number;
  terms: Record<string, number>;
  /** Share of the test images classified correctly after the epoch. */
  testAccuracy: number;
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

export interface TrainingOptions {
  network: Network;
  optimizer: Sgd;
  objective: Objective;
  data: Dataset;
  epochs: number;
  batchSize: number;
  schedule: Schedule;
  augment: boolean;
  state: TrainingState;
  /** Called after every update, with the state as it then is. */
  onStep?(state: TrainingState): Promise<void> | void;
  /** True stops the training after the present update. */
  stopped?(): boolean;
}

export const newTraining = (rng: Rng): TrainingState =>
  ({ epochs: [], step: 0, rng: rng.state(), images: 0, lossSum: 0, termSums: {}, seconds: 0 });

/** Trains from `state` (changed in place) to the last epoch; returns true when it got there, false when stopped. */
export async function train(options: TrainingOptions): Promise<boolean> {
  const { data, epochs, state, stopped } = options;
  while (state.epochs.length < epochs) {
    const began = performance.now() - state.seconds * 1000;
    const seconds = () => (performance.now() - began) / 1000;
    const rng = Rng.fromState(state.rng);
    const finished = await trainEpoch(options, rng, seconds);
    if (!finished) return false;
    const testAccuracy = await evaluate(options.network, data, data.test);
    const mean = (sum: number) => sum / state.images;
    state.epochs.push({
      epoch: state.epochs.length + 1, trainLoss: mean(state.lossSum), testAccuracy, seconds: seconds(),
      terms: Object.fromEntries(Object.entries(state.termSums).map(([name, sum]) => [name, mean(sum)])),
    });
    Object.assign(state, { ...newTraining(rng), epochs: state.epochs });
    await options.onStep?.(state);
    if (stopped?.() && state.epochs.length < epochs) return false;
  }
  return true;
}

async function trainEpoch(options: TrainingOptions, rng: Rng, seconds: () => number): Promise<boolean> {
  const { network, optimizer, objective, data, state, batchSize, schedule, epochs } = options;
  const steps = stepsPerEpoch(data.train.size, batchSize);
  const batches = data.train.batches(
    { batchSize, shuffle: rng, skip: state.step, ...(options.augment ? { augment: rng } : {}) });
  for await (const batch of batches) {
    const images = tf.tensor4d(batch.images, [batch.size, data.height, data.width, data.channels]);
    const prepared = tf.tidy(() => objective.prepare?.(images));
    const rate = learningRate(schedule, (state.epochs.length + state.step / steps) / epochs);
    const loss = optimizer.step(rate, () => objective.loss(network.features(images, true), batch.labels, prepared));
    tf.dispose([images, prepared ?? []]);
    state.step++;
    state.images += batch.size;
    state.lossSum += loss * batch.size;
    for (const [name, value] of Object.entries(objective.terms())) {
      state.termSums[name] = (state.termSums[name] ?? 0) + value * batch.size;
    }
    state.seconds = seconds();
    // The state after the last step belongs to the next epoch and is reported by train(), with the test accuracy.
    if (state.step === steps) continue;
    await options.onStep?.(state);
    if (options.stopped?.()) return false;
  }
  return true;
}
