/** Two runs beside each other: what became slower or faster, beyond what repetitions differ by anyway. */
import CliTable from 'cli-table3';
import type { Measurement, RunRecord } from '../record.js';
import { median, ratios, spread } from '../statistics.js';
import { environmentLine } from './environment.js';
import { caseName, change, digits, fullName, shorten, time } from './format.js';
import { lineups, measured, ours } from './lineup.js';
import { wrapped } from './terminal.js';

/** Rates of the machine that differ by less are those of the same machine. */
const sameRate = 0.1;

const nameOf = (one: Measurement): string =>
  [one.group, caseName(one), one.mode, fullName(one), `${one.threads}t`].join(' ');

/** Why times of the two runs cannot be compared; empty if they can. */
function differences(a: RunRecord, b: RunRecord): string[] {
  const fields = ['cpu', 'cores', 'level'] as const;
  const named = fields.flatMap((field) => {
    const [before, after] = [a.environment[field], b.environment[field]];
    return before === after ? [] : [`${field}: ${before} and ${after}`];
  });
  const rates = a.limits.flatMap((one) => {
    const other = b.limits.find(({ threads }) => threads === one.threads);
    // A rate of registers and one of a product say nothing about each other.
    return other === undefined || other.flopsBy !== one.flopsBy
      ? []
      : (['float32', 'float64'] as const).flatMap((dtype) => {
          const factor = other.flopsPerSecond[dtype] / one.flopsPerSecond[dtype];
          return Math.abs(Math.log(factor)) < Math.log(1 + sameRate)
            ? []
            : [`rate of ${dtype} multiply-adds, ${one.threads}t: changed by ${change(factor - 1)}`];
        });
  });
  return [...named, ...rates];
}

interface Samples {
  values: number[];
  show: (value: number) => string;
}

/** What is compared of each measurement: its times, or on different machines multiples of something measured there. */
function samples(record: RunRecord, relative: boolean): Map<string, Samples | undefined> {
  if (!relative) {
    const all = record.measurements.filter(measured);
    return new Map(all.map((one) => [nameOf(one), { values: one.seconds, show: time }]));
  }
  const groups = new Set(record.measurements.map(({ group }) => group));
  return new Map(
    [...groups]
      .flatMap((group) => lineups(record, { group }))
      .flatMap(({ own, others }) => [own, ...others].filter(measured).map((one) => [nameOf(one), multiples(one, own)])),
  );
}

/** Contenders as multiples of ours, ours as multiples of the floor. */
function multiples(one: Measurement, own: Measurement | undefined): Samples | undefined {
  if (one.contender !== ours) {
    if (!measured(own)) return undefined;
    return { values: ratios(one.seconds, own.seconds), show: (value) => `${digits(value)}× ours` };
  }
  const { floor } = one;
  return floor === undefined
    ? undefined
    : { values: one.seconds.map((seconds) => seconds / floor.seconds), show: (value) => `${digits(value)}× floor` };
}

/** Fewer repetitions say nothing about how far they spread. */
const enough = 4;

/** A smaller share of change can be where in memory things lie; repetitions in one process do not show that. */
const least = 0.02;

interface Pair {
  name: string;
  before: string;
  after: string;
  factor: number;
  verdict: string;
}

function pair(name: string, a: Samples, b: Samples): Pair {
  const [before, after] = [median(a.values), median(b.values)];
  const noise = spread(a.values) + spread(b.values);
  const few = Math.min(a.values.length, b.values.length) < enough;
  const beyond = Math.abs(after - before) > Math.max(noise, least * before);
  const verdict = few ? 'few samples' : !beyond ? '' : after > before ? 'SLOWER' : 'faster';
  return { name, before: a.show(before), after: b.show(after), factor: after / before, verdict };
}

/** A table of what both runs measured, the largest changes first, and lists of what only one of them did. */
export function compare(a: RunRecord, b: RunRecord): string {
  const different = differences(a, b);
  const [before, after] = [a, b].map((record) => samples(record, different.length > 0));
  const both = [...before].flatMap(([name, one]) => (after.has(name) ? [{ name, one, other: after.get(name) }] : []));
  const pairs = both
    .flatMap(({ name, one, other }) => (one && other ? [pair(name, one, other)] : []))
    .sort((x, y) => Math.abs(Math.log(y.factor)) - Math.abs(Math.log(x.factor)));
  const table = new CliTable({
    head: ['measurement', 'a', 'b', 'b / a', 'beyond noise'],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  table.push(
    ...pairs.map(({ name, before, after, factor, verdict }) => [
      shorten(name, 66),
      before,
      after,
      `${digits(factor)} ${change(factor - 1)}`,
      verdict,
    ]),
  );
  const flagged = pairs.filter(({ verdict }) => verdict === 'SLOWER' || verdict === 'faster').length;
  const lists = [
    list(
      'Only in a',
      [...before.keys()].filter((name) => !after.has(name)),
    ),
    list(
      'Only in b',
      [...after.keys()].filter((name) => !before.has(name)),
    ),
    list(
      'Nothing to compare it by',
      both.filter(({ one, other }) => !one || !other).map(({ name }) => name),
    ),
  ];
  return [
    ...warning(different),
    wrapped(`a: ${environmentLine(a.environment)}`),
    wrapped(`b: ${environmentLine(b.environment)}`),
    `${pairs.length} measurements in both, ${flagged} changed by more than the sum of their`,
    'interquartile ranges and 2 %.',
    ...(pairs.length > 0 ? [table.toString()] : []),
    ...lists.flat(),
  ].join('\n');
}

const warning = (different: string[]): string[] =>
  different.length === 0
    ? []
    : [
        'These runs differ in what they ran on, so times cannot be compared. Below, contenders are multiples of our time and',
        'ours are multiples of the floor, each within its own run.',
        ...different.map((text) => `  ${text}`),
      ];

const list = (title: string, names: string[]): string[] =>
  names.length === 0 ? [] : [`${title}:`, ...names.map((name) => `  ${name}`)];
