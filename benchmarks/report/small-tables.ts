/** Overhead, calls, the limits of the machine, memory. */
import { present } from '../../tools/present.js';
import type { ProductRate, RunRecord } from '../record.js';
import { median, spread } from '../statistics.js';
import { contenderName, count, digits, fullName, modeName, share, size } from './format.js';
import { mark } from './headline.js';
import { measured, methodName } from './lineup.js';
import { Footnotes, type Table } from './table.js';

export function overheadTable(record: RunRecord): Table | undefined {
  const notes = new Footnotes();
  const rows = record.measurements
    .filter(({ group }) => group === 'overhead')
    .map((one) => [
      one.case.replace(/^overhead\//, ''),
      fullName(one),
      modeName[one.mode],
      String(one.threads),
      measured(one) ? digits(1e6 * median(one.seconds)) : notes.mark(one.skipped ?? 'not measured'),
      measured(one) ? digits(1e6 * spread(one.seconds)) : '',
      one.bytesPerCall === undefined ? '' : Math.round(one.bytesPerCall).toLocaleString('en'),
    ]);
  return table('Overhead: calls with next to nothing to compute', {
    head: ['case', 'contender', 'mode', 'threads', 'µs per call', '± (IQR)', 'bytes per call'],
    names: 3,
    rows,
    notes,
  });
}

export function callsTable(record: RunRecord): Table | undefined {
  const notes = new Footnotes();
  const rows = record.measurements
    .filter(({ group }) => group === 'calls')
    .map((one) => [
      one.case.replace(/^calls\//, ''),
      fullName(one),
      modeName[one.mode],
      String(one.threads),
      measured(one) ? digits(1 / median(one.seconds)) : notes.mark(one.skipped ?? 'not measured'),
      measured(one) ? share(spread(one.seconds) / median(one.seconds)) : '',
    ]);
  return table('Calls: how many complete per second', {
    head: ['case', 'way', 'mode', 'threads', 'calls per second', '± (IQR)'],
    names: 3,
    rows,
    notes,
  });
}

/** Records of format 1 have no better limit of flops than a large product. */
export const byEigen = ({ limits }: RunRecord): boolean => limits.some(({ flopsBy }) => flopsBy === 'Eigen');

const noRegisters =
  'Flops are those of a large product by Eigen, which is no limit: multiply-adds in registers were not measured.';

export function limitsTable(record: RunRecord): Table | undefined {
  const { limits, environment } = record;
  const rate = (bytes: number | undefined) => (bytes === undefined ? '' : `${size(bytes)}/s`);
  const found = table(`Limits of the machine, level ${environment.level}`, {
    head: [
      'threads',
      'copy, bytes read + written',
      'read alone',
      'write alone',
      'float32 multiply-adds',
      'float64 multiply-adds',
    ],
    names: 1,
    rows: limits.map((one) => [
      String(one.threads),
      rate(one.copyBytesPerSecond),
      rate(one.readBytesPerSecond),
      rate(one.writeBytesPerSecond),
      `${count(one.flopsPerSecond.float32)}flop/s`,
      `${count(one.flopsPerSecond.float64)}flop/s`,
    ]),
    notes: new Footnotes(),
  });
  return found && byEigen(record) ? { ...found, notes: [noRegisters] } : found;
}

/** What products reach of the multiply-adds' own rate: Eigen's, ours, and those of every contender. */
export function productsTable(record: RunRecord): Table | undefined {
  const { limits } = record;
  const products = byEigen(record) ? [] : record.products;
  const columns = distinct(products.map(({ rows, columns, depth, dtype }) => ({ rows, columns, depth, dtype })));
  const lines = distinct(products.map(({ by, threads }) => ({ by, threads })));
  const cell = (one: ProductRate | undefined): string => {
    if (one === undefined) return '';
    const limit = present(limits.find(({ threads }) => threads === one.threads));
    return `${count(one.flopsPerSecond)}flop/s\n${share(one.flopsPerSecond / limit.flopsPerSecond[one.dtype])}`;
  };
  return table('Products: rate, and share of the multiply-adds in registers', {
    head: [
      'by',
      'threads',
      ...columns.map(({ rows, columns, depth, dtype }) => `${rows} × ${columns} × ${depth}\n${dtype}`),
    ],
    names: 2,
    rows: lines.map((line) => [
      `${contenderName(line.by)}${mark(record, { contender: line.by, threads: line.threads, dtype: 'float32' })}`,
      String(line.threads),
      ...columns.map((column) => cell(products.find((one) => includes(one, line) && includes(one, column)))),
    ]),
    notes: new Footnotes(),
  });
}

const distinct = <T>(all: readonly T[]): T[] => [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];

const includes = (one: ProductRate, part: Partial<ProductRate>): boolean =>
  Object.entries(part).every(([name, value]) => one[name as keyof ProductRate] === value);

export function memoryTable({ memory }: RunRecord): Table | undefined {
  const notes = new Footnotes();
  const places = [...new Map(memory.map((point) => [`${point.K},${point.m}`, point])).values()].sort(
    (a, b) => a.K - b.K || a.m - b.m,
  );
  const names = [...new Set(memory.map(methodName))];
  const rows = places.map(({ K, m }) => [
    K.toLocaleString('en'),
    m.toLocaleString('en'),
    ...names.map((name) => {
      const point = memory.find((one) => one.K === K && one.m === m && methodName(one) === name);
      if (point === undefined) return '';
      return point.skipped === undefined ? size(point.bytes) : notes.mark(point.skipped);
    }),
  ]);
  return table('Memory: peak of a process that computes the relation once, beyond inputs, outputs and start', {
    head: ['K', 'm', ...names],
    names: 2,
    rows,
    notes,
  });
}

function table(title: string, { notes, ...rest }: Omit<Table, 'title' | 'notes'> & { notes: Footnotes }) {
  return rest.rows.length === 0 ? undefined : { title, ...rest, notes: notes.lines() };
}
