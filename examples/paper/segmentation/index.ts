/** `npm run paper -- segmentation`: is a distilled backbone better for a DeepLabV3+ than an undistilled one? */
import { checkGrid } from '../../distill/study.js';
import type { Study } from '../../training/study.js';
import { planTuning, type TuningStudyJob, tuningWork } from '../tuning/jobs.js';
import { tuningTables } from '../tuning/scores.js';
import { measure, networks } from './names.js';
import { buildRecord, type SegmentationDescription, type SegmentationRecord } from './record.js';
import { groups, resolveSettings, type SegmentationSettings } from './settings.js';

/** Of the loss of a pixel, in floating-point operations: about what it takes beside a convolution. */
const pixelCost = 2e3;

export const study: Study<
  SegmentationSettings,
  TuningStudyJob,
  SegmentationDescription,
  SegmentationRecord,
  typeof groups
> = {
  command: 'npm run paper -- segmentation',
  help: [
    'Trains a teacher, then backbones that classify single objects, with its help and without, then a network in the',
    'manner of DeepLabV3+ from each of them on scenes of several objects, and compares their mean intersection over union.',
    '',
    'usage: npm run paper -- segmentation [options]',
  ],
  options: groups,
  score: 'test score',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  folder: () => 'segmentation',
  plan: (settings) => planTuning('segmentation', settings),
  check: ({ pair }, description) => checkGrid(pair.loss.grid, description.pair),
  introduce: ({ pair }, { scenes }) =>
    `Segmentation of ${scenes.description}.\nTeacher ${pair.teacher.network}, backbones ${pair.student.network}`,
  work: (job, settings, description) => tuningWork(job, settings, description, pixelCost * settings.side ** 2),
  record: buildRecord,
  table: (record) => tuningTables(measure, networks, record),
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
