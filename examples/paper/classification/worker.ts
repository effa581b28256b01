/** The study in a worker thread. */
import type { Dataset } from '../../data/index.js';
import { finishedCheckpoint } from '../../distill/teachers.js';
import { describeData, PairTrainer } from '../../distill/trainer.js';
import { present } from '../../present.js';
import type { OpenWorker, StudyWorker } from '../../training/study.js';
import { imagesOf } from './images.js';
import { type ClassificationDescription, type ClassificationJob, lengthsOf } from './jobs.js';
import type { ClassificationSettings, LengthName } from './settings.js';
import { bestRate, triesOf } from './tries.js';

export function classificationWorker(
  settings: ClassificationSettings,
  threads: number,
  data: Dataset,
): StudyWorker<ClassificationJob, ClassificationDescription> {
  const trainers = new Map<LengthName, PairTrainer>(
    lengthsOf(settings).map(([name, pair]) => [name, new PairTrainer(pair, data)]),
  );
  const [first] = trainers.values();
  return {
    describe: async () => ({ data: describeData(data), pair: await first.describe(threads) }),
    async run(job, context) {
      const trainer = present(trainers.get(job.length));
      if (job.tries === undefined) return trainer.run(job, context);
      const scores = new Map<string, number>();
      for (const { id } of job.tries) {
        const { state } = await finishedCheckpoint(context.directory, id);
        scores.set(id, present(state.training.epochs.at(-1)).score);
      }
      return trainer.run({ ...job, rate: bestRate(triesOf(job, (id) => present(scores.get(id)))) }, context);
    },
  };
}

export const open: OpenWorker<ClassificationSettings, ClassificationJob, ClassificationDescription> = async (
  settings,
  threads,
) => classificationWorker(settings, threads, await imagesOf(settings));
