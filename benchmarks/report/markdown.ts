/** The numbers of a run for the README. */
import type { Measurement, RunRecord } from '../record.js';
import { median, ratio } from '../statistics.js';
import { environmentLine } from './environment.js';
import { caseName, contenderName, digits, errors, floorShare, share, sizesText, times } from './format.js';
import { lineups, measured } from './lineup.js';
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

/**
 * The README with its block replaced by this run's.
 *
 * @param folder the folder of the run, relative to the README
 * @param has whether a file exists there
 */
export function intoReadme(readme: string, record: RunRecord, folder: string, has: (name: string) => boolean): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new RangeError(`README.md: expected ${begin} and, after it, ${end}`);
  const images = Object.entries(captions)
    .filter(([name]) => has(`${name}.svg`))
    .map(([name, caption]) => `![${caption}](${folder}/${name}.svg)`);
  const block = [begin, summary(record), ...images.map((image) => `\n${image}`), end].join('\n');
  return readme.slice(0, from) + block + readme.slice(to + end.length);
}
