/** Scores of arms as a table for the terminal and for the documents. */
import Table from 'cli-table3';
import { baselinesOf, differences, intervalText, spreadNote } from './comparison.js';
import { finals } from './headline.js';
import { deviation, mean, percent, points } from 'gld-loss-pages/numbers';
import type { Scores } from './scores.js';

type TitledScores = readonly [title: string, scores: Scores];

/** '81.2 ± 1.3', or '81.2' for one seed. */
export function spread(values: number[]): string {
  const sd = deviation(values);
  return percent(mean(values)) + (sd === undefined ? '' : ` ± ${percent(sd)}`);
}

/** '+1.2 [+0.3, +2.1] *', or a dash for no differences. */
export const versus = (changes: number[]): string =>
  changes.length === 0 ? '–' : points(mean(changes)) + intervalText(changes);

/** One row per arm: mean ± standard deviation over its seeds, its differences to the baselines before it. */
function scoreTable([title, scores]: TitledScores): string {
  const { measure, arms, reference } = scores;
  const baselines = baselinesOf(scores);
  const table = new Table({
    head: ['arm', `${measure}, %`, ...baselines.map(({ label }) => `vs. ${label}, points`), 'each seed, %'],
    colAligns: ['left', 'right', ...baselines.map(() => 'left' as const), 'left'],
    style: { head: [], border: [] },
  });
  for (const arm of arms) {
    const values = finals(arm);
    table.push([
      arm.label,
      spread(values),
      ...baselines.map((baseline) => versus(differences(arms, arm, baseline))),
      values.map(percent).join(', '),
    ]);
  }
  const other = reference ? ` ${reference.label}: ${percent(reference.score)} %.` : '';
  return `${title}.${other}\n${table.toString()}`;
}

/** Tables with a note on what their numbers are. */
export const scoreTables = (tables: readonly TitledScores[]): string =>
  [...tables.map(scoreTable), spreadNote(tables[0][1].arms[0].runs.length)].join('\n');
