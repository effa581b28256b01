/** Which measurements belong together: all that ran one case in one mode, side by side. */
import { contenderNames } from '../contenders/names.js';
import type { Group, Measurement, RunRecord } from '../record.js';
import { caseName, fullName, wayOf } from './format.js';

export const ours = 'gld-loss';

/** One case in one mode with one number of threads. */
export interface Lineup {
  /** Any of its measurements, for what they have in common. */
  of: Measurement;
  /** Ours as a user calls it; a run may have been asked for contenders alone. */
  own?: Measurement;
  /** The contenders, and other ways of ours. */
  others: Measurement[];
}

export interface Selection {
  group: Group;
  threads?: number;
  mode?: Measurement['mode'];
}

/** A measurement that has numbers. */
export interface Measured extends Measurement {
  seconds: [number, ...number[]];
}

export const measured = (measurement: Measurement | undefined): measurement is Measured =>
  measurement !== undefined && measurement.seconds.length > 0;

/** How much a measurement is what a user gets who asks for nothing special. */
const plain = ({ variant }: Measurement): number => ['auto', 'sync', undefined].indexOf(variant);

export function lineups(record: RunRecord, { group, threads, mode }: Selection): Lineup[] {
  const rows = new Map<string, Measurement[]>();
  for (const measurement of record.measurements) {
    if (measurement.group !== group || (threads !== undefined && measurement.threads !== threads)) continue;
    if (mode !== undefined && measurement.mode !== mode) continue;
    const { case: name, mode: of, dtype, layout, threads: count } = measurement;
    const key = [name, of, dtype, layout, count].join();
    rows.set(key, [...(rows.get(key) ?? []), measurement]);
  }
  const cases = [...new Set([...rows.values()].map(([first]) => caseName(first)))];
  // The modes of a case stand together, whatever order they were measured in.
  const sorted = [...rows.values()].sort(([a], [b]) => cases.indexOf(caseName(a)) - cases.indexOf(caseName(b)));
  return sorted.map((row) => {
    const [own] = row.filter(({ contender }) => contender === ours).sort((a, b) => plain(b) - plain(a));
    const others = row.filter((one) => one !== own);
    return own === undefined ? { of: row[0], others } : { of: own, own, others };
  });
}

/** The numbers of threads that were measured, ascending. */
export const threadCounts = (record: RunRecord): number[] =>
  [...new Set(record.measurements.map(({ threads }) => threads))].sort((a, b) => a - b);

const order: string[] = [...contenderNames];

/** The distinct contenders of the measurements with their ways, ours first. */
export function columns(measurements: readonly Measurement[]): string[] {
  const place = ({ contender }: Measurement) => (order.indexOf(wayOf(contender)) + order.length) % order.length;
  return [...new Set([...measurements].sort((a, b) => place(a) - place(b)).map(fullName))];
}

/** Our methods by their own names, contenders with theirs. */
export const methodName = (one: { contender: string; variant?: string }): string =>
  one.contender === ours && one.variant !== undefined ? one.variant : fullName(one);
