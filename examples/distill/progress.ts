/** What the terminal shows meanwhile: bars with the time left, or plain lines when the output is not a terminal. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { stepsPerEpoch } from '../tfjs/schedule.js';
import type { EpochResult } from '../tfjs/train.js';
import { type Description, type Job, stepCost } from './jobs.js';
import type { Listener } from './scheduler.js';

export interface Progress extends Listener {
  close(): void;
}

/** Work done and to do, in the units of stepCost, for the time left. */
class Account {
  private readonly began = performance.now();
  private readonly done = new Map<string, number>();
  private readonly total: number;
  private readonly before: number;

  /** @param stepsBefore what earlier runs did of each job that is still to be finished, in steps */
  constructor(
    jobs: Job[], private readonly description: Description, readonly steps: number, stepsBefore: Map<string, number>,
  ) {
    for (const job of jobs) this.set(job, stepsBefore.get(job.id) ?? 0);
    this.total = jobs.reduce((sum, job) => sum + job.epochs * steps * stepCost(job, description), 0);
    this.before = this.sum();
  }

  set(job: Job, steps: number): void {
    this.done.set(job.id, steps * stepCost(job, this.description));
  }

  private sum(): number {
    return [...this.done.values()].reduce((a, b) => a + b, 0);
  }

  get share(): number {
    return this.total === 0 ? 1 : this.sum() / this.total;
  }

  /** Such as '1:05 left'. */
  get timeLeft(): string {
    const done = this.sum() - this.before;
    if (done === 0) return 'measuring';
    return `${clock(((performance.now() - this.began) / 1000) * ((this.total - this.sum()) / done))} left`;
  }
}

/** Seconds as m:ss, or h:mm:ss. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

export function createProgress(
  jobs: Job[], description: Description, batchSize: number, workers: number, stepsBefore: Map<string, number>,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const account = new Account(jobs, description, stepsPerEpoch(description.data.trainSize, batchSize), stepsBefore);
  return stream.isTTY ? bars(account, workers, stream) : lines(account, jobs.length, stream);
}

function bars(account: Account, workers: number, stream: NodeJS.WriteStream): Progress {
  const format = '{name} {bar} {percentage} % {detail}';
  const multi = new MultiBar({ format, stream, hideCursor: true, barsize: 28, fps: 5 }, Presets.shades_classic);
  const blank = { name: ''.padEnd(22), detail: '' };
  const perWorker: SingleBar[] = Array.from({ length: workers }, () => multi.create(1, 0, blank));
  const overall = multi.create(1000, 0, { ...blank, name: 'all'.padEnd(22) });
  const accuracy = new Map<string, string>();
  const update = () => overall.update(Math.round(account.share * 1000), { detail: account.timeLeft });
  return {
    started(worker, job) {
      perWorker[worker].start(job.epochs * account.steps, 0, { name: job.id.padEnd(22), detail: '' });
    },
    progress(worker, job, epochs, step, last) {
      const done = epochs * account.steps + step;
      account.set(job, done);
      if (last) accuracy.set(job.id, `, test accuracy ${percent(last.testAccuracy)}`);
      const epoch = Math.min(epochs + 1, job.epochs);
      perWorker[worker].update(done, { detail: `epoch ${epoch}/${job.epochs}${accuracy.get(job.id) ?? ''}` });
      update();
    },
    finished(_worker, job) {
      account.set(job, job.epochs * account.steps);
      update();
    },
    close: () => multi.stop(),
  };
}

/** Seconds between lines about the whole. */
const lineInterval = 10;

function lines(account: Account, count: number, stream: NodeJS.WriteStream): Progress {
  let finished = 0;
  let printed = performance.now();
  const last = new Map<string, EpochResult>();
  const print = (text: string) => {
    printed = performance.now();
    stream.write(`${percent(account.share).padStart(7)}, ${account.timeLeft}: ${text}\n`);
  };
  return {
    started: () => undefined,
    progress(_worker, job, epochs, step, result) {
      account.set(job, epochs * account.steps + step);
      if (result) last.set(job.id, result);
      if (performance.now() - printed < lineInterval * 1000) return;
      print(`${job.id} in epoch ${Math.min(epochs + 1, job.epochs)} of ${job.epochs}`);
    },
    finished(_worker, job) {
      account.set(job, job.epochs * account.steps);
      finished++;
      const result = last.get(job.id);
      const accuracy = result ? `, test accuracy ${percent(result.testAccuracy)}` : '';
      print(`${job.id} done${accuracy} (${finished} of ${count})`);
    },
    close: () => undefined,
  };
}
