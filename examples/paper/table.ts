/** Scores of arms as a table for the terminal and for the documents. */
import Table from 'cli-table3';
import { differences, finals } from '../report/headline.js';
import { deviation, mean, percent, points } from 'gld-loss-pages/numbers';
import type { Scores } from '../report/scores.js';

const plusMinus = (values: number[]): string => {
  const sd = deviation(values);
  return sd === undefined ? '' : ` ± ${percent(sd)}`;
};

/** One row per arm: mean ± standard deviation over its seeds, the same of its differences to the first arm. */
export function scoreTable(title: string, { measure, arms, reference }: Scores): string {
  const [first] = arms;
  const table = new Table({
    head: ['arm', `${measure}, %`, `vs. ${first.label}, points`, 'each seed, %'],
    colAligns: ['left', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const arm of arms) {
    const values = finals(arm);
    const change = arm === first ? [] : differences(arm, first);
    table.push([
      arm.label,
      percent(mean(values)) + plusMinus(values),
      change.length === 0 ? '–' : points(mean(change)) + plusMinus(change),
      values.map(percent).join(', '),
    ]);
  }
  const other = reference ? ` ${reference.label}: ${percent(reference.score)} %.` : '';
  return `${title}.${other}\n${table.toString()}`;
}
