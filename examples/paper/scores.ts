/** Curves of trainings as the scores that tables and plots show. */
import { mean, percent } from '../report/numbers.js';
import type { ScoredRun } from '../report/scores.js';
import type { EpochResult } from '../training/train.js';

/** A finished training. */
export function scored({ seed, epochs }: { seed: number; epochs: EpochResult[] }): ScoredRun {
  return {
    seed, score: epochs[epochs.length - 1].score, epochs: epochs.map(({ epoch, score }) => ({ epoch, score })),
  };
}

/** How sure an accuracy on so many test images is. */
export function accuracyCertainty(runs: ScoredRun[], testSize: number): string {
  const accuracy = mean(runs.map(({ score }) => score));
  const error = Math.sqrt((accuracy * (1 - accuracy)) / testSize);
  return `With ${testSize.toLocaleString('en')} test images, an accuracy of ${percent(accuracy)} % has itself a standard ` +
    `error of ${percent(error)} points.`;
}
