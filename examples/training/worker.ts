/** A worker thread: one tfjs, one copy of the data, one job after another. Talks to scheduler.ts. */
import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { tf, useBackend } from '../tfjs/backend.js';
import { UsageError } from './options.js';
import type { FromWorker, ToWorker, WorkerInput } from './scheduler.js';
import type { JobContext, OpenWorker, StudyWorker } from './study.js';

if (parentPort === null) throw new Error('worker.ts runs in a worker thread');
const port = parentPort;
const input = workerData as WorkerInput;
const threads = Math.min(input.threads, availableParallelism());
const stopFlag = new Int32Array(input.stop);
const post = (message: FromWorker) => port.postMessage(message);

const context: JobContext = {
  directory: input.directory,
  threads,
  checkpointEvery: input.checkpointEvery,
  stopped: () => Atomics.load(stopFlag, 0) !== 0,
  runSeconds: () => (Date.now() - input.runBegan) / 1000,
  progress: (epochs, step, last) => post({ type: 'progress', epochs, step, ...(last ? { last } : {}) }),
};

async function handle(study: StudyWorker, message: ToWorker): Promise<void> {
  if (message.type === 'describe') post({ type: 'description', description: await study.describe() });
  else if (await study.run(message.job, context)) post({ type: 'finished' });
  else post({ type: 'stopped' });
}

let opening = false;
try {
  const { open } = (await import(input.module)) as { open: OpenWorker<unknown> };
  await useBackend('wasm');
  opening = true;
  const study = await open(input.settings, threads);
  port.on('message', (message: ToWorker) => {
    handle(study, message).catch((error: unknown) =>
      post({ type: 'failed', error: error as Error, expected: error instanceof UsageError }),
    );
  });
  post({ type: 'ready', framework: `tfjs ${tf.version.tfjs}, ${tf.getBackend()}` });
} catch (error) {
  post({ type: 'failed', error: error as Error, expected: opening });
}
