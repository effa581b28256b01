/** What the terminal shows meanwhile: bars with the time left, or plain lines when the output is not a terminal. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { clock } from 'gld-loss-pages/numbers';
import { present } from '../present.js';
import type { Listener } from './scheduler.js';
import type { Job, Work } from './study.js';
import type { EpochResult } from './train.js';

export interface Progress extends Listener<Job> {
  close(): void;
}

/** Work done and to do, in the unit of the jobs' costs, for the time left. */
class Account {
  private readonly began = performance.now();
  private readonly done = new Map<string, number>();
  private readonly total: number;
  private readonly before: number;

  /** @param stepsBefore what earlier runs did of each job that is still to be finished, in steps */
  constructor(
    jobs: Job[],
    readonly work: ReadonlyMap<string, Work>,
    stepsBefore: Map<string, number>,
  ) {
    this.total = 0;
    for (const { id } of jobs) {
      this.set(id, stepsBefore.get(id) ?? 0);
      this.total += this.stepsOf(id) * present(this.work.get(id)).cost;
    }
    this.before = this.sum();
  }

  /** All steps of a job. */
  stepsOf(id: string): number {
    const { epochs, steps } = present(this.work.get(id));
    return epochs * steps;
  }

  set(id: string, steps: number): void {
    this.done.set(id, steps * present(this.work.get(id)).cost);
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

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/**
 * @param work of every job, by id
 * @param score what an epoch's score is called
 * @param stepsBefore steps done in earlier runs, by id
 */
export function createProgress(
  jobs: Job[],
  work: ReadonlyMap<string, Work>,
  score: string,
  workers: number,
  stepsBefore: Map<string, number>,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const account = new Account(jobs, work, stepsBefore);
  const create = stream.isTTY ? bars : lines;
  return create(account, jobs, score, workers, stream);
}

const scoreText = (score: string, result: EpochResult | undefined) =>
  result ? `, ${score} ${percent(result.score)}` : '';

function bars(account: Account, jobs: Job[], score: string, workers: number, stream: NodeJS.WriteStream): Progress {
  const format = '{name} {bar} {percentage} % {detail}';
  const multi = new MultiBar({ format, stream, hideCursor: true, barsize: 28, fps: 5 }, Presets.shades_classic);
  const width = Math.max(...jobs.map(({ id }) => id.length));
  const blank = { name: ''.padEnd(width), detail: '' };
  const perWorker: SingleBar[] = Array.from({ length: workers }, () => multi.create(1, 0, blank));
  const overall = multi.create(1000, 0, { ...blank, name: 'all'.padEnd(width) });
  const scores = new Map<string, string>();
  const update = () => overall.update(Math.round(account.share * 1000), { detail: account.timeLeft });
  return {
    started(worker, { id }) {
      perWorker[worker].start(account.stepsOf(id), 0, { name: id.padEnd(width), detail: '' });
    },
    progress(worker, { id }, epochs, step, last) {
      const work = present(account.work.get(id));
      const done = epochs * work.steps + step;
      account.set(id, done);
      if (last) scores.set(id, scoreText(score, last));
      const epoch = Math.min(epochs + 1, work.epochs);
      perWorker[worker].update(done, { detail: `epoch ${epoch}/${work.epochs}${scores.get(id) ?? ''}` });
      update();
    },
    finished(_worker, { id }) {
      account.set(id, account.stepsOf(id));
      update();
    },
    close: () => multi.stop(),
  };
}

/** Seconds between lines about the whole. */
const lineInterval = 10;

function lines(account: Account, jobs: Job[], score: string, _workers: number, stream: NodeJS.WriteStream): Progress {
  let finished = 0;
  let printed = performance.now();
  const last = new Map<string, EpochResult>();
  const print = (text: string) => {
    printed = performance.now();
    stream.write(`${percent(account.share).padStart(7)}, ${account.timeLeft}: ${text}\n`);
  };
  return {
    started: () => undefined,
    progress(_worker, { id }, epochs, step, result) {
      const work = present(account.work.get(id));
      account.set(id, epochs * work.steps + step);
      if (result) last.set(id, result);
      if (performance.now() - printed < lineInterval * 1000) return;
      print(`${id} in epoch ${Math.min(epochs + 1, work.epochs)} of ${work.epochs}`);
    },
    finished(_worker, { id }) {
      account.set(id, account.stepsOf(id));
      finished++;
      print(`${id} done${scoreText(score, last.get(id))} (${finished} of ${jobs.length})`);
    },
    close: () => undefined,
  };
}
