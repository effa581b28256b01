/** Spreads the jobs over worker threads, each with its own tfjs; all of them share the addon's one thread pool. */
import { Worker } from 'node:worker_threads';
import type { Job } from './study.js';
import type { EpochResult } from './train.js';

export interface WorkerInput {
  /** URL of the study's worker module. */
  module: string;
  settings: unknown;
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
  /** `framework`: what trains, such as 'tfjs 4.22.0, wasm'. */
  | { type: 'ready'; framework: string }
  | { type: 'description'; description: unknown }
  /** `last` is there when an epoch has just ended. */
  | { type: 'progress'; epochs: number; step: number; last?: EpochResult }
  | { type: 'finished' }
  | { type: 'stopped' }
  /** `expected`: the message alone tells the user what to do. */
  | { type: 'failed'; error: Error; expected: boolean };

export interface Listener<J extends Job> {
  started(worker: number, job: J): void;
  progress(worker: number, job: J, epochs: number, step: number, last: EpochResult | undefined): void;
  finished(worker: number, job: J): void;
}

export class WorkerFailure extends Error {
  constructor(
    cause: Error,
    readonly expected: boolean,
  ) {
    super(cause.message, { cause });
  }
}

export class Scheduler {
  private readonly stopFlag = new Int32Array(new SharedArrayBuffer(4));
  private readonly workers: Worker[];
  /** Settled when the worker has loaded everything, or failed to. */
  private readonly ready: Promise<FromWorker>[];

  constructor(count: number, input: Omit<WorkerInput, 'stop'>) {
    const data: WorkerInput = { ...input, stop: this.stopFlag.buffer as SharedArrayBuffer };
    this.workers = Array.from(
      { length: count },
      () => new Worker(new URL('./worker-entry.mjs', import.meta.url), { workerData: data }),
    );
    this.ready = this.workers.map((worker) => answerOf(worker, () => undefined));
    // A failure is thrown where the worker is first asked for something.
    for (const promise of this.ready) promise.catch(() => undefined);
  }

  /** What the worker's study says about data and networks, and what trains them. */
  async describe(): Promise<{ description: unknown; framework: string }> {
    const [ready, answer] = [await this.ready[0], await this.request(0, { type: 'describe' })];
    if (ready.type !== 'ready' || answer.type !== 'description') throw new Error(`unexpected answer '${answer.type}'`);
    return { description: answer.description, framework: ready.framework };
  }

  /**
   * Runs the jobs in order, each after those that it needs.
   * @param finished ids of the jobs that were finished before
   * @returns false when it was stopped
   */
  async run<J extends Job>(jobs: J[], finished: Iterable<string>, listener: Listener<J>): Promise<boolean> {
    const waiting = [...jobs];
    const done = new Set(finished);
    // Workers without a job that can begin wait for the next job to end.
    let idle: (() => void)[] = [];
    const wake = () => {
      for (const resume of idle) resume();
      idle = [];
    };
    let failed = false;
    const work = async (index: number): Promise<boolean> => {
      for (;;) {
        const next = waiting.findIndex(({ needs }) => needs.every((id) => done.has(id)));
        if (next < 0 && waiting.length === 0) return true;
        if (this.stopRequested || failed) return false;
        if (next < 0) {
          await new Promise<void>((resolve) => {
            idle.push(resolve);
          });
          continue;
        }
        const [job] = waiting.splice(next, 1);
        listener.started(index, job);
        const answer = await this.request(index, { type: 'run', job }, ({ epochs, step, last }) =>
          listener.progress(index, job, epochs, step, last),
        );
        if (answer.type !== 'finished') return false;
        done.add(job.id);
        listener.finished(index, job);
        wake();
      }
    };
    const results = await Promise.all(
      this.workers.map(async (_, index) => {
        try {
          return await work(index);
        } catch (error) {
          failed = true;
          throw error;
        } finally {
          wake(); // whatever happened, nobody waits for ever
        }
      }),
    );
    return results.every((result) => result);
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
    index: number,
    message: ToWorker,
    onProgress: (progress: Progress) => void = () => undefined,
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
