/** The numbers of runs for the documents. */
import type { Measurement, RunRecord } from '../record.js';
import { median, ratio } from '../statistics.js';
import { environmentLine } from './environment.js';
import { caseName, contenderName, digits, errors, floorShare, fullName, share, sizesText, times } from './format.js';
import { fastest, mark, nobody } from './headline.js';
import { columns, type Lineup, lineups, measured } from './lineup.js';
import type { PlotName } from './plots/index.js';
import { byEigen, productsTable } from './small-tables.js';
import type { Table } from './table.js';

const begin = '<!-- benchmarks:begin -->';
const end = '<!-- benchmarks:end -->';

const row = (cells: string[]): string => `| ${cells.join(' | ')} |`;

const milliseconds = (one: Measurement | undefined): string =>
  measured(one) ? digits(1e3 * median(one.seconds)) : '–';

const errorOf = (one: Measurement | undefined): string => (one?.error === undefined ? '–' : errors(one.error));

const factorOf = (record: RunRecord, own: Measurement | undefined, other: Measurement | undefined): string =>
  measured(own) && measured(other) ? `${times(ratio(other.seconds, own.seconds))}${mark(record, other)}` : '–';

const floorText = (own: Measurement | undefined): string =>
  measured(own) && own.floor !== undefined
    ? `${share(floorShare({ floor: own.floor, seconds: own.seconds }))} of ${own.floor.bound}`
    : '–';

const floorNote = (record: RunRecord): string[] => (byEigen(record) ? ['floors are by a large product of Eigen'] : []);

/** Steps with gradients: ours, the fastest contender, the ratios of all ways of PyTorch, the floor, and the products. */
export function summary(record: RunRecord): string {
  const rows = lineups(record, { group: 'step', mode: 'gradients' });
  const cases = new Map(rows.map(({ of }) => [caseName(of), of]));
  const sorted = [...cases.keys()].flatMap((name) => rows.filter(({ of }) => caseName(of) === name));
  const ways = columns(rows.flatMap(({ others }) => others.filter(({ contender }) => contender.startsWith('pytorch'))));
  const best = new Map(sorted.map((one) => [one, fastest(record, one)]));
  const lines = sorted.map((one) => {
    const { own, others, of } = one;
    const other = best.get(one);
    return row([
      caseName(of),
      String(of.threads),
      milliseconds(own),
      milliseconds(other),
      factorOf(record, own, other),
      other === undefined ? '–' : contenderName(other.contender),
      ...ways.map((name) =>
        factorOf(
          record,
          own,
          others.find((way) => fullName(way) === name),
        ),
      ),
      floorText(own),
      errorOf(own),
      errorOf(other),
    ]);
  });
  const titles = [...cases].map(([name, { title, sizes }]) => `- ${name}: ${title} (${sizesText(sizes)})`);
  const none = rows.length > 0 && ![...best.values()].some(measured);
  const products = productsTable(record);
  const where = `${environmentLine(record.environment)}. Loss and gradients`;
  const said = [where, ...(none ? [nobody] : []), ...floorNote(record)];
  return [
    `${said.join('; ')}:`,
    '',
    row([
      'case',
      'threads',
      'gld-loss ms',
      'fastest contender ms',
      'ratio',
      'which',
      ...ways.map((name) => `ratio of ${name}`),
      'floor',
      'our errors',
      'its errors',
    ]),
    row(['---', '--:', '--:', '--:', '--:', '---', ...ways.map(() => '--:'), '---', '---', '---']),
    ...lines,
    '',
    ...titles,
    ...(products === undefined ? [] : ['', tableText(products)]),
  ].join('\n');
}

/** A table of the report. */
function tableText({ title, head, rows, names }: Table): string {
  const line = (cells: readonly string[]) => row(cells.map((cell) => cell.replaceAll('\n', ', ') || '–'));
  return [`${title}:`, '', line(head), row(head.map((_, i) => (i < names ? '---' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}

const captions: Record<PlotName, string> = {
  ratios: 'How many times as long contenders take for a step',
  'relation-time': 'Time of the relation term against rows',
  floor: 'Shares of the limits of the machine',
  memory: 'Memory of the relation term against rows',
};

/** The plots of a run that are there, as images. `folder` leads to them from the document. */
export const images = (folder: string, has: (name: string) => boolean): string[] =>
  Object.entries(captions)
    .filter(([name]) => has(`${name}.svg`))
    .map(([name, caption]) => `![${caption}](${folder}/${name}.svg)`);

const raised = (number: number): string => [...String(number)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');

/** Whole steps on two threads in float32 and NCHW beside the fastest contender of each, on several machines. */
export function highlights(records: Readonly<Record<string, RunRecord>>): string {
  const machines = Object.entries(records).map(([name, record]) => {
    const rows = steps(record).map((one) => ({ ...one, other: fastest(record, one) }));
    return { name, record, rows };
  });
  const cases = [...new Map(machines.flatMap(({ rows }) => rows.map(({ of }) => [of.case, of.sizes] as const)))];
  const names = [...new Set(machines.flatMap(({ rows }) => rows.flatMap(({ other }) => other?.contender ?? [])))];
  const cells = ({ record, rows }: (typeof machines)[number], of: string): string[] => {
    const { own, other } = rows.find((one) => one.of.case === of) ?? {};
    if (other === undefined) return [milliseconds(own), '–', '–'];
    const number = raised(names.indexOf(other.contender) + 1);
    return [milliseconds(own), `${milliseconds(other)} ${number}`, factorOf(record, own, other)];
  };
  const alone = machines.filter(({ rows }) => !rows.some(({ other }) => other)).map(({ name }) => name);
  const notes = [
    ...names.map((name, i) => `${raised(i + 1)} ${contenderName(name)}`),
    ...(alone.length === 0 ? [] : [`${alone.join(' and ')}: ${nobody}`]),
  ];
  return [
    row(['one step, ms', ...machines.flatMap(({ name }) => [`${name}: gld-loss`, 'fastest contender', 'ratio'])]),
    row(['---', ...machines.flatMap(() => ['--:', '--:', '--:'])]),
    ...cases.map(([of, sizes]) => row([sizesText(sizes), ...machines.flatMap((machine) => cells(machine, of))])),
    ...(notes.length === 0 ? [] : ['', `${notes.join('; ')}.`]),
  ].join('\n');
}

const steps = (record: RunRecord): Lineup[] =>
  lineups(record, { group: 'step', mode: 'gradients', threads: 2 }).filter(({ of }) => caseName(of) === of.case);

/** The document with what is between its marks replaced. */
export function intoBlock(document: string, text: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new RangeError(`document: expected ${begin} and, after it, ${end}`);
  return [document.slice(0, from) + begin, text, document.slice(to)].join('\n');
}
