/** The tables of a run as text of at most 120 columns. */
import CliTable from 'cli-table3';
import type { RunRecord } from '../record.js';
import { duration } from 'gld-loss-pages/numbers';
import { caseList } from './case-tables.js';
import { environmentLine, missing } from './environment.js';
import { tables } from './tables.js';
import type { Table } from './table.js';

const width = 120;

/** Characters that a column takes, with its padding and one border. */
const columnWidth = (table: Table, column: number): number =>
  3 + Math.max(...[table.head, ...table.rows].flatMap((row) => row[column].split('\n').map((line) => line.length)));

/** The columns that fit beside each other: the names of the rows are repeated before each set. */
function sets(table: Table): number[][] {
  const names = table.head.slice(0, table.names).map((_, i) => i);
  const start = names.reduce((sum, column) => sum + columnWidth(table, column), 1);
  const result: number[][] = [];
  let room = 0;
  for (let column = table.names; column < table.head.length; column += 1) {
    const needed = columnWidth(table, column);
    if (room < needed) {
      result.push([...names]);
      room = width - start;
    }
    result[result.length - 1].push(column);
    room -= needed;
  }
  return result;
}

function tableText(table: Table): string {
  const parts = sets(table).map((columns) => {
    const part = new CliTable({
      head: columns.map((column) => table.head[column]),
      colAligns: columns.map((column) => (column < table.names ? 'left' : 'right')),
      style: { head: [], border: [], compact: !table.rows.some((row) => row.some((cell) => cell.includes('\n'))) },
    });
    part.push(...table.rows.map((row) => columns.map((column) => row[column])));
    return part.toString();
  });
  return [table.title, ...parts, ...table.notes.map(wrapped)].join('\n');
}

/** The text in lines that fit, the later ones indented. */
export function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last.length + word.length >= width) lines.push(`   ${word}`);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}

export function terminalReport(record: RunRecord): string {
  const found = tables(record);
  const { environment } = record;
  const absent = missing(environment).map((line) => `Not measured: ${line}`);
  const selection = `Selection: ${environment.selection}, took ${duration(environment.seconds)}`;
  const cases = caseList(record);
  return [
    [environmentLine(environment), selection, ...absent, ...cases].map(wrapped).join('\n'),
    ...Object.values(found).flat().map(tableText),
  ].join('\n\n');
}
