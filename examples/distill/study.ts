/** The study behind `npm start`. */
import type { Study } from '../training/study.js';
import { UsageError } from '../training/options.js';
import type { RunRecord } from '../report/types.js';
import {
  type CandidateImage,
  type DataDescription,
  type PairDescription,
  planPair,
  type StudentJob,
  workOf,
} from './jobs.js';
import { groups } from './options.js';
import { buildRecord } from './record.js';
import { resolveSettings, resumed, type Settings } from './settings.js';
import { resultTable } from './table.js';

/** What the two networks and the data set turn out to be. */
export interface Description {
  networks: PairDescription;
  data: DataDescription;
  candidates: CandidateImage[];
}

export const study: Study<Settings, StudentJob, Description, RunRecord, typeof groups> = {
  command: 'npm start',
  help: [
    'Trains a teacher, then small students that learn from it in several ways (arms), and writes a report.',
    '',
    'usage: npm start -- [options]',
    '',
    '  npm start                                   Fashion-MNIST, three arms, three seeds; it has taken',
    '                                              2:10 minutes (docs/main-job.md)',
    '  npm start -- --quick                        the same, smaller',
    '  npm start -- --dataset cifar100 --data DIR  other images; --recipe paper for the published training',
    '  npm start -- --resume runs/NAME             go on after an interruption',
  ],
  options: groups,
  resumable: ['data', 'teacher', 'teacher-cache'],
  score: 'accuracy',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  resumed,
  folder: ({ dataset }) => dataset.name,
  plan: (settings) => planPair(settings),
  check: ({ loss }, { networks }) => checkGrid(loss.grid, networks),
  introduce({ dataset, teacher, student }, { data, networks }) {
    const { taken } = networks.teacher;
    const instead = dataset.instead === undefined ? '' : `${dataset.instead}\n`;
    return `${instead}${data.description}.\nTeacher ${teacher.network}${taken ? ` (${taken})` : ''}, students ${student.network}`;
  },
  work: (job, settings, { networks, data }) => workOf(job, settings, networks, data),
  record: buildRecord,
  table: resultTable,
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('../report/index.js')).renderReport(record),
};

/** @throws UsageError when a network's map has fewer rows or columns than the grid */
export function checkGrid([rows, columns]: [number, number], networks: PairDescription): void {
  for (const role of ['teacher', 'student'] as const) {
    const [height, width] = networks[role].map ?? [Infinity, Infinity];
    if (rows > height || columns > width) {
      const expected = `at most the ${role}'s feature map of ${height} x ${width}`;
      throw new UsageError(`--grid: expected ${expected}, got ${rows} x ${columns}`);
    }
  }
}
