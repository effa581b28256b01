/** A worker thread: one tfjs, one copy of the data set, one training after another. Talks to scheduler.ts. */
import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Dataset, loadDataset, Rng } from '../data/index.js';
import { tf, useBackend } from '../tfjs/backend.js';
import { restoreTraining, saveTraining } from '../tfjs/checkpoint.js';
import { readCheckpoint } from '../tfjs/checkpoint-file.js';
import { buildNetwork, type Network } from '../tfjs/networks.js';
import { crossEntropy } from '../tfjs/objectives.js';
import { Sgd } from '../tfjs/optimizer.js';
import { newTraining, train, type TrainingState } from '../tfjs/train.js';
import { arm } from './arms.js';
import { distillation, probeRelations } from './distillation.js';
import type { Description, Job, JobState } from './jobs.js';
import { checkpointPath } from './run-directory.js';
import type { FromWorker, ToWorker, WorkerInput } from './scheduler.js';

const input = workerData as WorkerInput;
const { settings, directory, checkpointEvery } = input;
const threads = Math.min(input.threads, availableParallelism());
const stopFlag = new Int32Array(input.stop);
const stopped = () => Atomics.load(stopFlag, 0) !== 0;
const post = (message: FromWorker) => parentPort!.postMessage(message);
/** Progress is reported at most this often, in milliseconds. */
const progressInterval = 100;

let data: Dataset;
let teacher: Network | undefined;

const build = (name: string, role: 'teacher' | 'student', rng: Rng): Network => buildNetwork(name, {
  input: [data.height, data.width, data.channels], classes: data.classes.length, scope: role, rng,
});

async function describe(): Promise<Description> {
  const summary = (role: 'teacher' | 'student') => {
    const network = build(settings[role].network, role, new Rng(0));
    const { flops, map, parameters: { count } } = network;
    network.dispose();
    return { flops, map, parameters: count };
  };
  return {
    networks: { teacher: summary('teacher'), student: summary('student') },
    data: {
      description: data.description, classes: data.classes, imageShape: [data.height, data.width, data.channels],
      trainSize: data.train.size, testSize: data.test.size,
    },
    framework: `tfjs ${tf.version.tfjs}, ${tf.getBackend()}`,
  };
}

/** The trained teacher, read from its checkpoint once. */
async function trainedTeacher(): Promise<Network> {
  if (!teacher) {
    const checkpoint = await readCheckpoint<JobState>(checkpointPath(directory, 'teacher'));
    if (!checkpoint?.state.finished) throw new Error('the teacher has not been trained');
    teacher = build(settings.teacher.network, 'teacher', new Rng(0));
    await restoreTraining(checkpoint, teacher);
  }
  return teacher;
}

async function run(job: Job): Promise<boolean> {
  const path = checkpointPath(directory, job.id);
  const checkpoint = await readCheckpoint<JobState>(path);
  const sizes = [checkpoint?.state.trainSize ?? data.train.size, data.train.size];
  if (sizes[0] !== sizes[1]) {
    throw new Error(`${job.id}: the run began with ${sizes[0]} training images, now there are ${sizes[1]}`);
  }
  // Students with the same seed begin with the same weights and see the same batches in every arm.
  const rng = new Rng(job.seed, job.role === 'teacher' ? 0 : 1);
  const network = build(job.network, job.role === 'teacher' ? 'teacher' : 'student', rng);
  const optimizer = new Sgd(network.parameters.trainable, settings);
  const training: TrainingState = checkpoint?.state.training ?? newTraining(rng);
  try {
    if (checkpoint) await restoreTraining(checkpoint, network, optimizer);
    const save = (state: Pick<JobState, 'finished' | 'training' | 'relationMatrix'>) => {
      const runSeconds = (Date.now() - input.runBegan) / 1000;
      const whole: JobState = { trainSize: data.train.size, runSeconds, ...state };
      return saveTraining(path, network, optimizer, whole);
    };
    const { options, weights } = arm(job.role === 'teacher' ? 'ce' : job.role, settings.loss);
    const objective = options ? distillation(network, await trainedTeacher(), { ...options, threads }, weights)
      : crossEntropy(network, data.classes.length);
    let saved = performance.now();
    let reported = 0;
    let epochs = training.epochs.length;
    const done = await train({
      network, optimizer, objective, data, state: training, stopped,
      epochs: job.epochs, batchSize: settings.batchSize, schedule: settings.schedule, augment: settings.augment,
      async onStep(state) {
        const now = performance.now();
        const epochEnded = state.epochs.length > epochs;
        epochs = state.epochs.length;
        if (epochEnded || stopped() || now - saved >= checkpointEvery * 1000) {
          await save({ finished: false, training: state });
          saved = performance.now();
        }
        if (epochEnded || now - reported >= progressInterval) {
          reported = now;
          const last = epochEnded ? { last: state.epochs[epochs - 1] } : {};
          post({ type: 'progress', epochs, step: state.step, ...last });
        }
      },
    });
    if (done) {
      const relationMatrix = await probeRelations(network, data, settings.loss.grid, threads);
      await save({ finished: true, training, relationMatrix });
    }
    return done;
  } finally {
    optimizer.dispose();
    network.dispose();
  }
}

async function handle(message: ToWorker): Promise<void> {
  if (message.type === 'describe') post({ type: 'description', description: await describe() });
  else if (await run(message.job)) post({ type: 'finished' });
  else post({ type: 'stopped' });
}

try {
  data = await loadDataset(settings.dataset.name, settings.dataset);
  await useBackend('wasm');
  parentPort!.on('message', (message: ToWorker) => {
    handle(message).catch((error: unknown) => post({ type: 'failed', error: error as Error, expected: false }));
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'failed', error: error as Error, expected: data! === undefined });
}
