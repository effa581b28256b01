/** The learning rate of an arm: the one that was best on the validation images. */
import { mean } from 'gld-loss-pages/numbers';
import type { ClassificationJob } from './jobs.js';

/** A learning rate and the validation accuracy that it led to, the mean over the seeds. */
export interface Try {
  rate: number;
  score: number;
}

/** @param scoreOf the last validation accuracy of a job */
export function triesOf({ tries = [] }: ClassificationJob, scoreOf: (id: string) => number): Try[] {
  const rates = [...new Set(tries.map(({ rate }) => rate))];
  return rates.map((rate) => ({
    rate,
    score: mean(tries.filter((one) => one.rate === rate).map(({ id }) => scoreOf(id))),
  }));
}

/** The best of them, the smallest rate of those that are equal. */
export const bestRate = (tries: readonly Try[]): number =>
  tries.reduce((best, one) =>
    one.score > best.score || (one.score === best.score && one.rate < best.rate) ? one : best,
  ).rate;
