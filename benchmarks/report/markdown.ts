/** The numbers of runs for the documents. */
import type { Measurement, RunRecord } from '../record.js';
import { median, ratio } from '../statistics.js';
import { environmentLine } from './environment.js';
import { caseName, contenderName, digits, errors, floorShare, share, sizesText, times } from './format.js';
import { type Lineup, lineups, measured } from './lineup.js';
import type { PlotName } from './plots/index.js';

const begin = '<!-- benchmarks:begin -->';
const end = '<!-- benchmarks:end -->';

/** The contender whose time and errors the table shows, and others of which it shows the ratio. */
const other = 'pytorch';
const more = ['pytorch-tuned', 'pytorch-refblas'];

const row = (cells: string[]): string => `| ${cells.join(' | ')} |`;

const milliseconds = (one: Measurement | undefined): string =>
  measured(one) ? digits(1e3 * median(one.seconds)) : '–';

const errorOf = (one: Measurement | undefined): string => (one?.error === undefined ? '–' : errors(one.error));

/** Steps with gradients: ours, PyTorch and the floor, for every number of threads. */
export function summary(record: RunRecord): string {
  const rows = lineups(record, { group: 'step', mode: 'gradients' });
  const name = contenderName(other);
  const cases = new Map(rows.map(({ of }) => [caseName(of), of]));
  const sorted = [...cases.keys()].flatMap((name) => rows.filter(({ of }) => caseName(of) === name));
  const also = more.filter((name) => rows.some(({ others }) => others.some(({ contender }) => contender === name)));
  const lines = sorted.map(({ own, others, of }) => {
    const theirs =
      others.find(({ contender, variant }) => contender === other && variant === undefined) ??
      others.find(({ contender }) => contender === other);
    const floor =
      measured(own) && own.floor !== undefined
        ? `${share(floorShare({ floor: own.floor, seconds: own.seconds }))} of ${own.floor.bound}`
        : '–';
    const factor = (one: Measurement | undefined): string =>
      measured(own) && measured(one) ? times(ratio(one.seconds, own.seconds)) : '–';
    const factors = also.map((name) => factor(others.find(({ contender }) => contender === name)));
    return row([
      caseName(of),
      String(of.threads),
      milliseconds(own),
      milliseconds(theirs),
      factor(theirs),
      ...factors,
      floor,
      errorOf(own),
      errorOf(theirs),
    ]);
  });
  const titles = [...cases].map(([name, { title, sizes }]) => `- ${name}: ${title} (${sizesText(sizes)})`);
  return [
    `${environmentLine(record.environment)}. Loss and gradients:`,
    '',
    row([
      'case',
      'threads',
      'gld-loss ms',
      `${name} ms`,
      'ratio',
      ...also.map((name) => `ratio of ${contenderName(name)}`),
      'floor',
      'our errors',
      `${name}’s errors`,
    ]),
    row(['---', '--:', '--:', '--:', '--:', ...also.map(() => '--:'), '---', '---', '---']),
    ...lines,
    '',
    ...titles,
  ].join('\n');
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

/** Whole steps on two threads in float32 and NCHW beside one contender, on several machines. */
export function highlights(records: Readonly<Record<string, RunRecord>>, contender: string): string {
  const machines = Object.entries(records).map(([name, record]) => ({ name, rows: steps(record) }));
  const cases = [...new Map(machines.flatMap(({ rows }) => rows.map(({ of }) => [of.case, of.sizes] as const)))];
  const cells = (rows: readonly Lineup[], of: string): string[] => {
    const { own, others = [] } = rows.find((row) => row.of.case === of) ?? {};
    const theirs = others.find((one) => one.contender === contender);
    if (!measured(own) || !measured(theirs)) return ['–', '–', '–'];
    return [milliseconds(own), milliseconds(theirs), times(ratio(theirs.seconds, own.seconds))];
  };
  return [
    row(['one step, ms', ...machines.flatMap(({ name }) => [`${name}: gld-loss`, contenderName(contender), 'ratio'])]),
    row(['---', ...machines.flatMap(() => ['--:', '--:', '--:'])]),
    ...cases.map(([of, sizes]) => row([sizesText(sizes), ...machines.flatMap(({ rows }) => cells(rows, of))])),
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
