/** The study in a worker thread. */
import { Rng } from '../../data/index.js';
import { describeData, loadNetwork } from '../../distill/trainer.js';
import { openOnnxTeacher } from '../../onnx/teacher.js';
import { present } from '../../present.js';
import { networkTeacher } from '../../teachers/network.js';
import type { Teacher } from '../../teachers/types.js';
import { trainJob } from '../../training/job.js';
import type { JobContext, OpenWorker } from '../../training/study.js';
import { imagesOf as imagesOfClassification } from '../classification/images.js';
import { classificationWorker } from '../classification/worker.js';
import { featureSource, linear, pooledFeatures, scaled, scaling } from './features.js';
import { imagesOf } from './images.js';
import type { LinearJob, TransferDescription, TransferJob } from './jobs.js';
import type { TransferSettings } from './settings.js';

export const open: OpenWorker<TransferSettings, TransferJob, TransferDescription> = async (settings, threads) => {
  const garments = await imagesOfClassification(settings.classification);
  const classification = classificationWorker(settings.classification, threads, garments);
  const data = await imagesOf(settings);
  const classes = data.classes.length;

  const networkOf = async ({ network }: LinearJob, directory: string): Promise<Teacher> => {
    const { onnx } = present(settings.classification.lengths[network.length]).teacher;
    if (network.role === 'teacher' && onnx) return openOnnxTeacher(onnx, data, threads);
    return networkTeacher(await loadNetwork(directory, network, garments));
  };

  const run = async (job: LinearJob, context: JobContext): Promise<boolean> => {
    const network = await networkOf(job, settings.from ?? context.directory);
    const [train, test] = await Promise.all([
      pooledFeatures(network, data.train, threads),
      pooledFeatures(network, data.test, threads),
    ]).finally(() => network.dispose());
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
      digits: describeData(data),
    }),
    run: (job, context) => (job.role === 'linear' ? run(job, context) : classification.run(job, context)),
  };
};
