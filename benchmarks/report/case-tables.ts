/** Tables with a line per case: whole steps and single stages, ours beside every contender. */
import type { Group, RunRecord } from '../record.js';
import { ratio } from '../statistics.js';
import { caseName, floorShare, fullName, modeName, share, sizesText, threadsName, times } from './format.js';
import { mark, productText } from './headline.js';
import { columns, type Lineup, lineups, measured, ours } from './lineup.js';
import { Footnotes, type Table, timeCell } from './table.js';

const titles: Partial<Record<Group, string>> = { step: 'Whole steps', stage: 'Stages' };

export function caseTable(record: RunRecord, group: Group, threads: number): Table | undefined {
  const rows = lineups(record, { group, threads });
  if (rows.length === 0) return undefined;
  const others = columns(rows.flatMap((row) => row.others));
  const notes = new Footnotes();
  return {
    title: `${titles[group] ?? group}, ${threadsName(threads)}: median time, ratio to ours, errors of loss / gradients`,
    head: [
      'case',
      heading(record, ours, threads, rows),
      'floor',
      ...others.map((name) => heading(record, name, threads, rows)),
    ],
    rows: rows.map((row) => [
      `${caseName(row.of)}\n${modeName[row.of.mode]}`,
      timeCell(row.own, notes),
      floorCell(row),
      ...others.map((name) => {
        const other = row.others.find((one) => fullName(one) === name);
        return timeCell(other, notes, (seconds) =>
          other && measured(row.own) ? `${times(ratio(seconds, row.own.seconds))}${mark(record, other)}` : '',
        );
      }),
    ]),
    names: 1,
    notes: notes.lines(),
  };
}

/** The name of a column, and below it the best rate of its products. */
function heading(record: RunRecord, name: string, threads: number, rows: readonly Lineup[]): string {
  const one = rows.flatMap(({ own, others }) => [...(own ? [own] : []), ...others]).find((of) => fullName(of) === name);
  const rate = one && productText(record, { contender: one.contender, threads, dtype: 'float32' });
  return rate ? `${name}\n${rate}` : name;
}

/** '82 %' of our time is what the limit allows, and which limit that is. */
function floorCell({ own }: Lineup): string {
  if (!measured(own) || own.floor === undefined) return '';
  return `${share(floorShare({ floor: own.floor, seconds: own.seconds }))}\nof ${own.floor.bound}`;
}

/** What each case of the steps is, once for all tables. */
export function caseList(record: RunRecord): string[] {
  const texts = record.measurements
    .filter(({ group }) => group === 'step')
    .map(({ case: name, title, sizes }) => `${name}: ${title} (${sizesText(sizes)})`);
  return [...new Set(texts)];
}
