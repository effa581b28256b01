/** The study in a worker thread. */
import { Rng } from '../../data/index.js';
import { describeData, loadBackbone } from '../../distill/trainer.js';
import { trainJob } from '../../training/job.js';
import type { JobContext, OpenWorker } from '../../training/study.js';
import { open as openClassification } from '../classification/worker.js';
import { featureSource, linear, pooledFeatures, scaled, scaling } from './features.js';
import { imagesOf } from './images.js';
import type { LinearJob, TransferDescription, TransferJob } from './jobs.js';
import type { TransferSettings } from './settings.js';

export const open: OpenWorker<TransferSettings, TransferJob, TransferDescription> = async (settings, threads) => {
  const classification = await openClassification(settings.classification, threads);
  const data = imagesOf(settings);
  const classes = data.classes.length;

  const run = async (job: LinearJob, context: JobContext): Promise<boolean> => {
    const { height, width, channels } = data;
    const directory = settings.from ?? context.directory;
    const backbone = await loadBackbone(directory, job.network, [height, width, channels]);
    const [train, test] = await Promise.all([
      pooledFeatures(backbone, data.train),
      pooledFeatures(backbone, data.test),
    ]).finally(() => backbone.dispose());
    const scale = scaling(train);
    const tested = scaled(test, scale);
    // Networks of the same seed get the same initial classifier and see the same batches in every arm.
    const rng = new Rng(job.network.seed, 3);
    const { parameters, objective, accuracy } = linear(train.channels, classes, rng);
    try {
      return await trainJob(job.id, context, {
        parameters: [parameters],
        rng,
        source: featureSource(scaled(train, scale)),
        objective,
        recipe: settings.linear,
        evaluate: async () => accuracy(tested),
      });
    } finally {
      parameters.dispose();
    }
  };

  return {
    describe: async () => ({
      classification: await classification.describe(),
      symbols: describeData(data),
    }),
    run: (job, context) => (job.role === 'linear' ? run(job, context) : classification.run(job, context)),
  };
};
