/** `npm run paper -- classification`: the ablation. What is each term of the loss worth, and are others worth more? */
import { present } from '../../present.js';
import { checkGrid } from '../../distill/study.js';
import type { Study } from '../../training/study.js';
import { scoreTables } from '../table.js';
import { type ClassificationDescription, type ClassificationJob, jobWork, pairsOf, planJobs } from './jobs.js';
import { buildRecord, type ClassificationRecord } from './record.js';
import { pairScores, pairTitle } from './scores.js';
import { type ClassificationSettings, groups, resolveSettings } from './settings.js';

export const study: Study<
  ClassificationSettings,
  ClassificationJob,
  ClassificationDescription,
  ClassificationRecord,
  typeof groups
> = {
  command: 'npm run paper -- classification',
  help: [
    'Trains teachers and, in every arm of the ablation, students of the same and of another architecture on generated',
    'images, and compares their accuracies: labels alone, two other methods, and the loss term by term.',
    '',
    'usage: npm run paper -- classification [options]',
  ],
  options: groups,
  score: 'test accuracy',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  folder: () => 'classification',
  plan: planJobs,
  check(settings, { pairs }) {
    for (const [name, { loss }] of pairsOf(settings)) checkGrid(loss.grid, present(pairs[name]));
  },
  introduce: (settings, { data }) =>
    [
      `${data.description}.`,
      ...pairsOf(settings).map(([, { teacher, student }]) => `Teacher ${teacher.network}, students ${student.network}`),
    ].join('\n'),
  work: jobWork,
  record: buildRecord,
  table: (record) => scoreTables(record.pairs.map((pair) => [pairTitle(pair), pairScores(record, pair)])),
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
