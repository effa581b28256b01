/** Spreads the jobs over worker threads, each with its own tfjs; all of them share the addon's one thread pool. */
import { Worker } from 'node:worker_threads';
import type { EpochResult } from '../tfjs/train.js';
import type { Description, Job } from './jobs.js';
import type { Settings } from './settings.js';

export interface WorkerInput {
  settings: Settings;
  directory: string;
  checkpointEvery: number;
  /** For the loss. */
  threads: number;
  /** When the run would have begun if it had never paused, as Date.now() has it. */
  runBegan: number;
  /** An Int32; 1 asks the training to save its state and stop. */
  stop: SharedArrayBuffer;
}

export type ToWorker = { type: 'describe' } | { type: 'run'; job: Job };

export type FromWorker =
  | { type: 'ready' }
  | { type: 'description'; description: Description }
  /** `last` is there when an epoch has just ended. */
  | { type: 'progress'; epochs: number; step: number; last?: EpochResult }
  | { type: 'finished' }
  | { type: 'stopped' }
  /** `expected`: the message alone tells the user what to do. */
  | { type: 'failed'; error: Error; expected: boolean };

export interface Listener {
  started(worker: number, job: Job): void;
  progress(worker: number, job: Job, epochs: number, step: number, last: EpochResult | undefined): void;
  finished(worker: number, job: Job): void;
}

export class WorkerFailure extends Error {
  constructor(cause: Error, readonly expected: boolean) {
    super(cause.message, { cause });
  }
}

export class Scheduler {
  private readonly stopFlag = new Int32Array(new SharedArrayBuffer(4));
  private readonly workers: Worker[];
  /** Settled when the worker has loaded everything, or failed to. */
  private readonly ready: Promise<unknown>[];

  constructor(count: number, input: Omit<WorkerInput, 'stop'>) {
    const data: WorkerInput = { ...input, stop: this.stopFlag.buffer as SharedArrayBuffer };
    this.workers = Array.from({ length: count }, () =>
      new Worker(new URL('./worker-entry.mjs', import.meta.url), { workerData: data }));
    this.ready = this.workers.map((worker) => answerOf(worker, () => undefined));
    // A failure is thrown where the worker is first asked for something.
    for (const promise of this.ready) promise.catch(() => undefined);
  }

  async describe(): Promise<Description> {
    const message = await this.request(0, { type: 'describe' });
    if (message.type !== 'description') throw new Error(`unexpected answer '${message.type}'`);
    return message.description;
  }

  /** Runs the jobs in order, those that need the teacher after it. Returns false when it was stopped. */
  async run(jobs: Job[], teacherReady: boolean, listener: Listener): Promise<boolean> {
    const waiting = [...jobs];
    let announceTeacher: () => void = () => undefined;
    const teacher = new Promise<void>((resolve) => { announceTeacher = resolve; });
    if (teacherReady) announceTeacher();
    let ready = teacherReady;
    const work = async (index: number): Promise<boolean> => {
      for (;;) {
        const next = waiting.findIndex((job) => ready || !job.needsTeacher);
        if (next < 0 && waiting.length === 0) return true;
        if (this.stopRequested) return false;
        if (next < 0) {
          await teacher;
          continue;
        }
        const [job] = waiting.splice(next, 1);
        listener.started(index, job);
        const answer = await this.request(index, { type: 'run', job }, ({ epochs, step, last }) =>
          listener.progress(index, job, epochs, step, last));
        if (job.role === 'teacher') {
          ready = answer.type === 'finished';
          announceTeacher(); // also when it was stopped, so that nobody waits for ever
        }
        if (answer.type !== 'finished') return false;
        listener.finished(index, job);
      }
    };
    const results = await Promise.all(this.workers.map((_, index) => work(index)));
    return results.every((done) => done);
  }

  get stopRequested(): boolean {
    return Atomics.load(this.stopFlag, 0) !== 0;
  }

  /** Asks all trainings to save their state and stop after the present step. */
  stop(): void {
    Atomics.store(this.stopFlag, 0, 1);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Sends a message and waits for the answer that ends it. */
  private async request(
    index: number, message: ToWorker, onProgress: (progress: Progress) => void = () => undefined,
  ): Promise<FromWorker> {
    await this.ready[index];
    const answer = answerOf(this.workers[index], onProgress);
    this.workers[index].postMessage(message);
    return answer;
  }
}

type Progress = FromWorker & { type: 'progress' };

/** The worker's next message that is not about progress. */
function answerOf(worker: Worker, onProgress: (progress: Progress) => void): Promise<FromWorker> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      worker.off('message', receive).off('error', fail).off('exit', exit);
      action();
    };
    const receive = (answer: FromWorker) => {
      if (answer.type === 'progress') onProgress(answer);
      else if (answer.type === 'failed') settle(() => reject(new WorkerFailure(answer.error, answer.expected)));
      else settle(() => resolve(answer));
    };
    const fail = (error: Error) => settle(() => reject(new WorkerFailure(error, false)));
    const exit = (code: number) => fail(new Error(`a worker thread ended with code ${code}`));
    worker.on('message', receive).on('error', fail).on('exit', exit);
  });
}
