/** The study in a worker thread. */
import { present } from '../../present.js';
import { describeData, PairTrainer } from '../../distill/trainer.js';
import type { OpenWorker } from '../../training/study.js';
import { imagesOf } from './images.js';
import { type ClassificationDescription, type ClassificationJob, pairsOf } from './jobs.js';
import type { ClassificationSettings, PairName } from './settings.js';

export const open: OpenWorker<ClassificationSettings, ClassificationJob, ClassificationDescription> = async (
  settings,
  threads,
) => {
  const data = imagesOf(settings);
  const trainers = new Map<PairName, PairTrainer>(
    pairsOf(settings).map(([name, pair]) => [name, new PairTrainer(pair, data)]),
  );
  return {
    describe: async () => ({
      data: describeData(data),
      pairs: Object.fromEntries(
        await Promise.all(
          [...trainers].map(async ([name, trainer]) => [name, await trainer.describe(threads)] as const),
        ),
      ),
    }),
    run: (job, context) => present(trainers.get(job.pair)).run(job, context),
  };
};
