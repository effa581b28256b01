/** The relation term alone over rows and classes: both methods, and whether 'auto' takes the faster one. */
import type { Measurement, Mode, RunRecord } from '../record.js';
import { median, ratio } from '../statistics.js';
import { change, errors, fullName, modeName, threadsName, times } from './format.js';
import { mark } from './headline.js';
import { columns, type Lineup, lineups, measured, methodName, ours } from './lineup.js';
import { Footnotes, type Table, timeCell } from './table.js';

/** The measurements of one size. */
interface Ways {
  pairwise?: Measurement;
  moments?: Measurement;
  auto?: Measurement;
  others: Measurement[];
}

function ways({ own, others }: Lineup): Ways {
  const all = own === undefined ? others : [own, ...others];
  const result: Ways = { others: all.filter(({ contender }) => contender !== ours) };
  for (const one of all) {
    if (one.contender !== ours) continue;
    if (one.variant === 'pairwise' || one.variant === 'moments') result[one.variant] = one;
    else result.auto = one;
  }
  return result;
}

/** How much longer 'auto' takes than the better method, from repetitions that ran side by side. */
function autoLoss({ pairwise, moments, auto }: Ways): number | undefined {
  const methods = [pairwise, moments].filter(measured).sort((a, b) => median(a.seconds) - median(b.seconds));
  return measured(auto) && methods.length === 2 ? ratio(auto.seconds, methods[0].seconds) - 1 : undefined;
}

export function relationTables(record: RunRecord, threads: number): Table[] {
  const all = lineups(record, { group: 'relation', threads });
  const kinds = [...new Set(all.map(({ of }) => `${of.mode} ${of.dtype}`))];
  return kinds.map((kind) => {
    const rows = all
      .filter(({ of }) => `${of.mode} ${of.dtype}` === kind)
      .sort((a, b) => a.of.sizes.K - b.of.sizes.K || a.of.sizes.m - b.of.sizes.m);
    const [mode, dtype] = kind.split(' ');
    return relationTable(record, rows, `Relation, ${modeName[mode as Mode]}, ${dtype}, ${threadsName(threads)}`);
  });
}

function relationTable(record: RunRecord, rows: Lineup[], title: string): Table {
  const sizes = rows.map(({ of }) => of.sizes);
  const found = rows.map(ways);
  const others = columns(found.flatMap((one) => one.others));
  const notes = new Footnotes();
  // Errors would make every cell twice as wide; the largest of each column are told below.
  const cell = (one: Measurement | undefined, base?: Measurement) =>
    timeCell(one && withoutError(one), notes, (seconds) =>
      one && measured(base) && base !== one ? `${times(ratio(seconds, base.seconds))}${mark(record, one)}` : '',
    );
  const body = found.map((one, i) => {
    const loss = autoLoss(one);
    return [
      sizes[i].K.toLocaleString('en'),
      sizes[i].m.toLocaleString('en'),
      cell(one.pairwise),
      cell(one.moments),
      cell(one.auto),
      one.auto?.method ?? '',
      loss === undefined ? '' : change(loss),
      ...others.map((name) =>
        cell(
          one.others.find((other) => fullName(other) === name),
          one.auto ?? one.moments ?? one.pairwise,
        ),
      ),
    ];
  });
  return {
    title: `${title}: median time, and ratio to our auto`,
    head: ['K', 'm', 'pairwise', 'moments', 'auto', 'auto took', 'vs better', ...others],
    rows: body,
    names: 2,
    notes: [...largestErrors(found), ...notes.lines()],
  };
}

function withoutError({ error, ...measurement }: Measurement): Measurement {
  void error;
  return measurement;
}

function largestErrors(found: Ways[]): string[] {
  const all = found
    .flatMap(({ pairwise, moments, others }) => [pairwise, moments, ...others])
    .flatMap((one) => (one?.error === undefined ? [] : [{ name: methodName(one), error: one.error }]));
  const texts = [...new Set(all.map(({ name }) => name))].map((name) => {
    const of = all.filter((one) => one.name === name).map(({ error }) => error);
    const gradients = of.flatMap((error) => error.gradients ?? []);
    const loss = Math.max(...of.map((error) => error.loss));
    const largest = { loss, reference: '', ...(gradients.length > 0 && { gradients: Math.max(...gradients) }) };
    return `${name} ${errors(largest)}`;
  });
  return texts.length === 0 ? [] : [`Largest errors of loss / gradients: ${texts.join(', ')}`];
}
