/** The learning rates that were tried, as a table for the terminal and for the documents. */
import Table from 'cli-table3';
import { percent } from 'gld-loss-pages/numbers';
import type { LengthRecord } from './record.js';

/** One row per arm: its validation accuracy with each rate, the chosen one marked. */
export function triesTable({ arms }: LengthRecord): string {
  const rates = arms[0].tries.map(({ rate }) => rate);
  const table = new Table({
    head: ['validation accuracy, %', ...rates.map((rate) => `rate ${rate}`)],
    colAligns: ['left', ...rates.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const { label, tries, rate: chosen } of arms) {
    table.push([label, ...tries.map(({ rate, score }) => `${rate === chosen ? '> ' : ''}${percent(score)}`)]);
  }
  return table.toString();
}
