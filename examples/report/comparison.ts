/** Arms against each other, seed by seed, and how sure the differences are. */
import { compiled, stdtri } from 'cephes';
import { deviation, mean, points } from 'gld-loss-pages/numbers';
import type { ScoredArm, Scores } from './scores.js';

await compiled;

/** The arms that those after them are compared with. */
export const baselinesOf = ({ arms, baselines }: Pick<Scores, 'arms' | 'baselines'>): ScoredArm[] =>
  baselines === undefined ? arms.slice(0, 1) : arms.filter(({ label }) => baselines.includes(label));

/** Differences to a baseline, seed by seed: what changes with the arm alone. None to itself or to one that comes later. */
export function differences(arms: readonly ScoredArm[], arm: ScoredArm, baseline: ScoredArm): number[] {
  if (arms.indexOf(arm) <= arms.indexOf(baseline)) return [];
  return arm.runs.flatMap((run) => {
    const other = baseline.runs.find(({ seed }) => seed === run.seed);
    return other === undefined ? [] : [run.score - other.score];
  });
}

/**
 * The 95 % confidence interval of the mean that these values are drawn around: Student's t with n − 1 degrees of freedom.
 * Undefined for a single value.
 */
export function confidenceInterval(values: number[]): [low: number, high: number] | undefined {
  const sd = deviation(values);
  if (sd === undefined) return undefined;
  const margin = (stdtri(values.length - 1, 0.975) * sd) / Math.sqrt(values.length);
  return [mean(values) - margin, mean(values) + margin];
}

/** Whether a difference is larger than its interval. */
export const isClear = ([low, high]: [low: number, high: number]): boolean => low > 0 || high < 0;

/** What follows the mean of differences: ' [+1.2, +2.6] *', without the star where 0 is inside; '' for one seed. */
export function intervalText(changes: number[]): string {
  const interval = confidenceInterval(changes);
  if (interval === undefined) return '';
  const [low, high] = interval;
  return ` [${points(low)}, ${points(high)}]${isClear(interval) ? ' *' : ''}`;
}

/** What ±, brackets and stars of a table mean. */
export const spreadNote = (seeds: number): string =>
  seeds < 2
    ? 'One seed shows no spread: run at least three before comparing arms.'
    : `± is the sample standard deviation over ${seeds} seeds, not an error of the mean. In brackets is the 95 % confidence
interval of a mean difference, seed by seed (Student’s t, ${seeds - 1} degrees of freedom); * marks those without 0 inside.
One such interval in twenty misses the true difference.`;
