/** The study in a worker thread. */
import { loadDataset } from '../data/index.js';
import type { OpenWorker } from '../training/study.js';
import type { StudentJob } from './jobs.js';
import { candidates } from './probe.js';
import type { Settings } from './settings.js';
import type { Description } from './study.js';
import { describeData, PairTrainer } from './trainer.js';

export const open: OpenWorker<Settings, StudentJob, Description> = async (settings, threads) => {
  const data = await loadDataset(settings.dataset.name, settings.dataset);
  const trainer = new PairTrainer(settings, data);
  return {
    describe: async () => ({
      networks: await trainer.describe(threads),
      data: describeData(data),
      candidates: await candidates(data),
    }),
    run: (job, context) => trainer.run(job, context),
  };
};
