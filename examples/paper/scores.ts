/** Curves of trainings as the scores that tables and plots show. */
import type { ScoredRun, ScorePoint } from '../report/scores.js';

export function scored({ seed, epochs }: { seed: number; epochs: ScorePoint[] }): ScoredRun {
  return {
    seed,
    score: epochs[epochs.length - 1].score,
    epochs: epochs.map(({ epoch, score }) => ({ epoch, score })),
  };
}
