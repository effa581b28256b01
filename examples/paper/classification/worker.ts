/** The study in a worker thread. */
import { present } from '../../present.js';
import { shapes } from '../../data/index.js';
import { describeData, PairTrainer } from '../../distill/trainer.js';
import type { OpenWorker } from '../../training/study.js';
import { samples } from '../samples.js';
import { type ClassificationDescription, type ClassificationJob, pairsOf } from './jobs.js';
import type { ClassificationSettings, PairName } from './settings.js';

export const open: OpenWorker<ClassificationSettings, ClassificationJob, ClassificationDescription> = async (
  settings,
  threads,
) => {
  const pairs = pairsOf(settings);
  const data = shapes({ seed: pairs[0][1].baseSeed, ...settings.shapes });
  const trainers = new Map<PairName, PairTrainer>(pairs.map(([name, pair]) => [name, new PairTrainer(pair, data)]));
  return {
    describe: async () => ({
      data: describeData(data),
      samples: await samples(data),
      pairs: Object.fromEntries(
        await Promise.all(
          [...trainers].map(async ([name, trainer]) => [name, await trainer.describe(threads)] as const),
        ),
      ),
    }),
    run: (job, context) => present(trainers.get(job.pair)).run(job, context),
  };
};
