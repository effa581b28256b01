/** `npm run paper -- detection`: is a distilled backbone better for a single shot detector than an undistilled one? */
import { checkGrid } from '../../distill/study.js';
import type { Study } from '../../training/study.js';
import { planTuning, type TuningStudyJob, tuningWork } from '../tuning/jobs.js';
import { tuningTables } from '../tuning/scores.js';
import { measure, networks } from './names.js';
import { buildRecord, type DetectionDescription, type DetectionRecord } from './record.js';
import { type DetectionSettings, groups, resolveSettings } from './settings.js';

/** Of matching and loss for a default box, in floating-point operations: about what it takes beside a convolution. */
const boxCost = 2e3;

export const study: Study<DetectionSettings, TuningStudyJob, DetectionDescription, DetectionRecord, typeof groups> = {
  command: 'npm run paper -- detection',
  help: [
    'Trains a teacher, then backbones that classify single objects, with its help and without, then a single shot',
    'detector from each of them on scenes of several objects, and compares their mean average precision.',
    '',
    'usage: npm run paper -- detection [options]',
  ],
  options: groups,
  score: 'test score',
  worker: new URL('./worker.ts', import.meta.url),
  settings: resolveSettings,
  folder: () => 'detection',
  plan: (settings) => planTuning('detector', settings),
  check: ({ pair }, description) => checkGrid(pair.loss.grid, description.pair),
  introduce: ({ pair }, { scenes }) =>
    `Detection in ${scenes.description}.\nTeacher ${pair.teacher.network}, backbones ${pair.student.network}`,
  work: (job, settings, description) =>
    tuningWork(job, settings, description, boxCost * description.network.defaultBoxes),
  record: buildRecord,
  table: (record) => tuningTables(measure, networks, record),
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
