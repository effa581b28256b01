/** One training as a job: begun or gone on with from its checkpoint, saved on the way, reported to whoever waits. */
import type { Rng } from '../data/rng.js';
import type { tf } from '../tfjs/backend.js';
import type { Parameters } from '../tfjs/layers.js';
import { Sgd, type SgdOptions } from '../tfjs/optimizer.js';
import { restoreTraining, saveTraining } from './checkpoint.js';
import { readCheckpoint } from './checkpoint-file.js';
import { checkpointPath } from './run-directory.js';
import type { JobContext, JobState } from './study.js';
import { type BatchSource, newTraining, type Objective, type Recipe, train, type TrainingState } from './train.js';

/** Progress is reported at most this often, in milliseconds. */
const progressInterval = 100;

export interface JobTraining<B extends { size: number }, Prepared, Result> {
  /** All that the checkpoint has to hold: weights and running statistics. The caller disposes them. */
  parameters: readonly Parameters[];
  /** What is trained; all that is trainable of `parameters` unless given. */
  trainable?: readonly tf.Variable[];
  /** Decides the order of the images and their augmentation; as it is after the weights were drawn from it. */
  rng: Rng;
  source: BatchSource<B>;
  objective: Objective<B, Prepared>;
  recipe: Recipe & SgdOptions;
  /** The score after an epoch, 0 to 1, on test data. */
  evaluate(): Promise<number>;
  /** What the finished job adds to its curve, as JSON. */
  finish?(): Promise<Result>;
}

/**
 * Trains to the last epoch, or until the context says stop. There is a checkpoint after every epoch, every
 * `checkpointEvery` seconds and when stopped; a job that has one goes on from there and ends with the same bits.
 * @returns whether it is finished
 */
export async function trainJob<B extends { size: number }, Prepared, Result>(
  id: string,
  context: JobContext,
  training: JobTraining<B, Prepared, Result>,
): Promise<boolean> {
  const { parameters, source, objective, recipe, evaluate } = training;
  const { checkpointEvery, stopped } = context;
  const path = checkpointPath(context.directory, id);
  const checkpoint = await readCheckpoint<JobState>(path);
  if (checkpoint && checkpoint.state.trainSize !== source.size) {
    throw new Error(
      `${id}: the run began with ${checkpoint.state.trainSize} training images, now there are ${source.size}`,
    );
  }
  const optimizer = new Sgd(training.trainable ?? parameters.flatMap(({ trainable }) => trainable), recipe);
  const state: TrainingState = checkpoint?.state.training ?? newTraining(training.rng);
  try {
    if (checkpoint) await restoreTraining(checkpoint, parameters, optimizer);
    const save = (more: Pick<JobState, 'finished' | 'result'>) => {
      const whole: JobState = { trainSize: source.size, runSeconds: context.runSeconds(), training: state, ...more };
      return saveTraining(path, parameters, optimizer, whole);
    };
    let saved = performance.now();
    let reported = 0;
    let epochs = state.epochs.length;
    const done = await train({
      ...recipe,
      source,
      optimizer,
      objective,
      evaluate,
      state,
      stopped,
      async onStep() {
        const now = performance.now();
        const epochEnded = state.epochs.length > epochs;
        epochs = state.epochs.length;
        if (epochEnded || stopped() || now - saved >= checkpointEvery * 1000) {
          await save({ finished: false });
          saved = performance.now();
        }
        if (epochEnded || now - reported >= progressInterval) {
          reported = now;
          context.progress(epochs, state.step, epochEnded ? state.epochs[epochs - 1] : undefined);
        }
      },
    });
    if (done) await save({ finished: true, result: await training.finish?.() });
    return done;
  } finally {
    optimizer.dispose();
  }
}
