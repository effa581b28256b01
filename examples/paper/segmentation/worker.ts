/** The study in a worker thread. */
import { Rng, type Scene, scenes, singleObjects } from '../../data/index.js';
import { describeData, loadBackbone, PairTrainer } from '../../distill/trainer.js';
import { interleaved } from '../../report/picture.js';
import type { MapShape } from '../../tfjs/layers.js';
import { buildBackbone } from '../../tfjs/networks.js';
import { trainJob } from '../../training/job.js';
import type { JobContext, OpenWorker } from '../../training/study.js';
import type { TuningJob, TuningStudyJob } from '../tuning.js';
import type { SegmentationDescription, SegmentationResult, ShownScene } from './jobs.js';
import { labelMap, pixelClasses } from './labels.js';
import { shownScenes } from './record.js';
import { buildSegmenter, judge, segmentationObjective } from './segmenter.js';
import type { SegmentationSettings } from './settings.js';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export const open: OpenWorker<SegmentationSettings, TuningStudyJob, SegmentationDescription> = async (settings) => {
  const { side, pair, recipe } = settings;
  const pictures = singleObjects({ seed: pair.baseSeed, side, ...settings.objects });
  const data = scenes({ seed: pair.baseSeed, side, ...settings.scenes });
  const what = { side, classes: pixelClasses(data.classes).length };
  const input: MapShape = [side, side, data.channels];
  const trainer = new PairTrainer(pair, pictures);

  const describe = async (): Promise<SegmentationDescription> => {
    const backbone = buildBackbone(pair.student.network, { input, scope: 'student', rng: new Rng(0) });
    const segmenter = buildSegmenter(backbone, what, settings.head, new Rng(0));
    const { flops, head } = segmenter;
    segmenter.dispose();
    return {
      pair: trainer.describe(), objects: describeData(pictures), scenes: describeData(data),
      network: { flops, parameters: backbone.parameters.count + head.parameters.count },
      shown: data.test.scenes.slice(0, shownScenes).map(shown),
    };
  };

  const shown = (scene: Scene): ShownScene => ({
    rgb: base64(interleaved({ planes: scene.planes, width: side, height: side })), labels: base64(labelMap(scene)),
  });

  const run = async (job: TuningJob, context: JobContext): Promise<boolean> => {
    // Networks with the same seed get the same head and see the same batches in every arm.
    const rng = new Rng(job.seed, 2);
    const segmenter = buildSegmenter(await loadBackbone(context.directory, job.backbone, input), what, settings.head, rng);
    const { backbone, head } = segmenter;
    try {
      return await trainJob(job.id, context, {
        parameters: [backbone.parameters, head.parameters], rng, source: data.train,
        objective: segmentationObjective(segmenter, data.train), recipe,
        evaluate: async () => (await judge(segmenter, data.test)).confusion.meanIntersectionOverUnion(),
        finish: async (): Promise<SegmentationResult> => {
          const { confusion, predicted } = await judge(segmenter, data.test);
          return {
            perClass: confusion.intersectionOverUnion().map((value) => value ?? null),
            predicted: predicted.slice(0, shownScenes).map(base64),
          };
        },
      });
    } finally {
      segmenter.dispose();
    }
  };

  return {
    describe,
    run: (job, context) => (job.role === 'tuning' ? run(job, context) : trainer.run(job, context)),
  };
};
