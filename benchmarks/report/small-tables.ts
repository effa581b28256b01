/** Overhead, calls, the limits of the machine, memory. */
import type { RunRecord } from '../record.js';
import { median, spread } from '../statistics.js';
import { count, digits, fullName, modeName, share, size } from './format.js';
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

export function limitsTable({ limits, environment }: RunRecord): Table | undefined {
  const rate = (bytes: number | undefined) => (bytes === undefined ? '' : `${size(bytes)}/s`);
  return table(`Limits of the machine, level ${environment.level}`, {
    head: ['threads', 'copy, bytes read + written', 'read alone', 'write alone', 'float32 product', 'float64 product'],
    names: 1,
    rows: limits.map((one) => [
      String(one.threads),
      rate(one.copyBytesPerSecond),
      rate(one.readBytesPerSecond),
      rate(one.writeBytesPerSecond),
      `${count(one.productFlopsPerSecond.float32)}flop/s`,
      `${count(one.productFlopsPerSecond.float64)}flop/s`,
    ]),
    notes: new Footnotes(),
  });
}

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
