/** `npm run paper -- detection`: is a distilled backbone better for a single shot detector than an undistilled one? */
import { checkGrid } from '../../distill/study.js';
import type { Study } from '../../training/study.js';
import { type DetectionDescription, type DetectionJob, jobWork, planJobs } from './jobs.js';
import { buildRecord, type DetectionRecord } from './record.js';
import { resultTables } from './scores.js';
import { type DetectionSettings, groups, resolveSettings } from './settings.js';

export const study: Study<DetectionSettings, DetectionJob, DetectionDescription, DetectionRecord, typeof groups> = {
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
  plan: planJobs,
  check: ({ pair }, description) => checkGrid(pair.loss.grid, description.pair),
  introduce: ({ pair }, { scenes }) =>
    `Detection in ${scenes.description}.\nTeacher ${pair.teacher.network}, backbones ${pair.student.network}`,
  work: jobWork,
  record: buildRecord,
  table: resultTables,
  // Loaded here and not above, where it would delay --help and error messages.
  report: async (record) => (await import('./report.js')).renderReport(record),
};
