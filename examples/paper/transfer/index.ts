/** `npm run paper -- transfer`: what are the features of the ablation's students worth on other images? */
import { resolve } from 'node:path';
import type { Study } from '../../training/study.js';
import { UsageError } from '../../training/options.js';
import { scoreTables } from '../../report/table.js';
import { study as classification } from '../classification/index.js';
import { jobWork, planJobs, type TransferDescription, type TransferJob } from './jobs.js';
import { buildRecord, lengthScores, lengthTitle, type TransferRecord } from './record.js';
import { groups, resolveSettings, type TransferSettings } from './settings.js';

export const study: Study<TransferSettings, TransferJob, TransferDescription, TransferRecord, typeof groups> = {
  command: 'npm run paper -- transfer',
  help: [
    'Freezes the students of the ablation (see classification) and trains a linear classifier on the features of each',
    'for handwritten digits (MNIST), which they have never seen; compares the arms by its accuracy.',
    '',
    'usage: npm run paper -- transfer [options]',
    '',
    '  npm run paper -- transfer --from runs/classification-TIME    with the networks of that run',
    '  npm run paper -- transfer                                    trains the networks first',
  ],
  options: groups,
  resumable: ['from'],
  score: 'test accuracy',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  resumed(saved, { from }) {
    if (from === undefined) return saved;
    if (saved.from === undefined) throw new UsageError('--from: the run in this folder trains its networks');
    return { ...saved, from: resolve(from) };
  },
  folder: () => 'transfer',
  plan: planJobs,
  check: (settings, description) => classification.check?.(settings.classification, description.classification),
  introduce: (settings, { classification: described, digits }) =>
    `${classification.introduce(settings.classification, described)}.\nLinear classifiers for ${digits.description}`,
  work: jobWork,
  record: buildRecord,
  table: (record) =>
    scoreTables(record.lengths.map((length) => [lengthTitle(record, length), lengthScores(record, length)])),
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
