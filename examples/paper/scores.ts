/** Curves of trainings as the scores that tables and plots show. */
import { mean, percent } from 'gld-loss-pages/numbers';
import type { ScoredRun, ScorePoint, Scores } from '../report/scores.js';
import type { EpochResult } from '../training/train.js';

/** A finished training. */
export interface Training {
  seed: number;
  epochs: EpochResult[];
}

export function scored({ seed, epochs }: { seed: number; epochs: ScorePoint[] }): ScoredRun {
  return {
    seed,
    score: epochs[epochs.length - 1].score,
    epochs: epochs.map(({ epoch, score }) => ({ epoch, score })),
  };
}

/**
 * The accuracies of arms and of their teacher.
 * @param teacher its training, and what it is
 */
export function accuracyScores(
  arms: { label: string; description: string; runs: Training[] }[],
  teacher: Training & { description: string },
  testSize: number,
): Scores {
  const scoredArms = arms.map(({ label, description, runs }) => ({ label, description, runs: runs.map(scored) }));
  return {
    measure: 'Test accuracy',
    arms: scoredArms,
    reference: { label: 'Teacher', description: teacher.description, ...scored(teacher) },
    certainty: accuracyCertainty(scoredArms[0].runs, testSize),
  };
}

/** How sure an accuracy on so many test images is. */
export function accuracyCertainty(runs: ScoredRun[], testSize: number): string {
  const accuracy = mean(runs.map(({ score }) => score));
  const error = Math.sqrt((accuracy * (1 - accuracy)) / testSize);
  return (
    `With ${testSize.toLocaleString('en')} test images, an accuracy of ${percent(accuracy)} % has itself a standard ` +
    `error of ${percent(error)} points.`
  );
}
