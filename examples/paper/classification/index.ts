/** `npm run paper -- classification`: the ablation. What is each term of the loss worth, and are others worth more? */
import { resolve } from 'node:path';
import { checkGrid } from '../../distill/study.js';
import type { Study } from '../../training/study.js';
import { scoreTables } from '../../report/table.js';
import { type ClassificationDescription, type ClassificationJob, jobWork, lengthsOf, planJobs } from './jobs.js';
import { buildRecord, type ClassificationRecord } from './record.js';
import { lengthScores, lengthTitle } from './scores.js';
import { type ClassificationSettings, groups, resolveSettings } from './settings.js';
import { triesTable } from './tries-table.js';

export const study: Study<
  ClassificationSettings,
  ClassificationJob,
  ClassificationDescription,
  ClassificationRecord,
  typeof groups
> = {
  command: 'npm run paper -- classification',
  help: [
    'Trains students of one teacher on Fashion-MNIST in every arm of the ablation: labels alone, two other methods, the',
    'loss term by term, and its compensated form. Every arm tries the same learning rates, in a short training and in a',
    'long one, takes the best of them by validation images, and is then compared on the test images with several seeds.',
    '',
    'usage: npm run paper -- classification [options]',
  ],
  options: groups,
  resumable: ['data'],
  score: 'validation accuracy',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  resumed: (saved, { data }) =>
    data === undefined ? saved : { ...saved, images: { ...saved.images, dir: resolve(data) } },
  folder: () => 'classification',
  plan: planJobs,
  check(settings, { pair }) {
    for (const [, { loss }] of lengthsOf(settings)) checkGrid(loss.grid, pair);
  },
  introduce(settings, { data }) {
    const [[, { teacher, student }]] = lengthsOf(settings);
    return `${data.description}.\nTeacher ${teacher.network}, students ${student.network}`;
  },
  work: jobWork,
  record: buildRecord,
  table: (record) =>
    [
      scoreTables(record.lengths.map((length) => [lengthTitle(length), lengthScores(record, length)])),
      ...record.lengths.map(
        (length) => `${lengthTitle(length)}. Learning rates, the chosen ones marked:\n${triesTable(length)}`,
      ),
    ].join('\n'),
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
