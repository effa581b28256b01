/** The study in a worker thread. */
import { Rng, type Scene, scenes, singleObjects } from '../../data/index.js';
import { describeData, loadBackbone, PairTrainer } from '../../distill/trainer.js';
import { interleaved } from '../../report/picture.js';
import type { MapShape } from '../../tfjs/layers.js';
import { buildBackbone } from '../../tfjs/networks.js';
import { trainJob } from '../../training/job.js';
import type { JobContext, OpenWorker } from '../../training/study.js';
import { averagePrecision, meanPrecision } from './average-precision.js';
import { recalls, shownScenes, shownScore } from './constants.js';
import { buildDetector, detectionObjective, judge, matchScenes } from './detector.js';
import type { Detection } from './detections.js';
import type { DetectionDescription, DetectionJob, DetectorJob, DetectorResult, ShownScene } from './jobs.js';
import type { Matched } from './matching.js';
import type { DetectionSettings } from './settings.js';

/** Enough digits for drawing. */
const rounded = ({ label, score, box }: Detection): Detection => {
  const [left, top, right, bottom] = box.map((edge) => Number(edge.toFixed(2)));
  return { label, score: Number(score.toFixed(4)), box: [left, top, right, bottom] };
};

export const open: OpenWorker<DetectionSettings, DetectionJob, DetectionDescription> = async (settings, threads) => {
  const { side, pair, objects, detector: recipe } = settings;
  const pictures = singleObjects({ seed: pair.baseSeed, side, ...objects });
  const data = scenes({ seed: pair.baseSeed, side, ...settings.scenes });
  const classes = data.classes.length;
  const input: MapShape = [side, side, data.channels];
  const trainer = new PairTrainer(pair, pictures);
  /** The same for every detector, whose default boxes are the same. */
  let matched: Matched[] | undefined;

  const describe = async (): Promise<DetectionDescription> => {
    const backbone = buildBackbone(pair.student.network, { input, scope: 'student', rng: new Rng(0) });
    const detector = buildDetector(backbone, { side, classes }, recipe, new Rng(0));
    const { flops, head } = detector;
    detector.dispose();
    return {
      pair: await trainer.describe(threads), objects: describeData(pictures), scenes: describeData(data),
      detector: {
        flops, parameters: backbone.parameters.count + head.parameters.count, defaultBoxes: head.defaults.length,
      },
      shown: data.test.scenes.slice(0, shownScenes).map(shown),
    };
  };

  const shown = ({ planes, objects }: Scene): ShownScene => {
    const rgb = interleaved({ planes, width: side, height: side });
    return { rgb: Buffer.from(rgb).toString('base64'), objects };
  };

  const run = async (job: DetectorJob, context: JobContext): Promise<boolean> => {
    // Detectors with the same seed get the same head and see the same batches in every arm.
    const rng = new Rng(job.seed, 2);
    const backbone = await loadBackbone(context.directory, job.backbone, input);
    const detector = buildDetector(backbone, { side, classes }, recipe, rng);
    const { head } = detector;
    matched ??= matchScenes(data.train.scenes, head);
    try {
      return await trainJob(job.id, context, {
        parameters: [backbone.parameters, head.parameters], rng, source: data.train,
        objective: detectionObjective(detector, matched), recipe,
        evaluate: async () => averagePrecision(await judge(detector, data.test), classes).mean,
        finish: async (): Promise<DetectorResult> => {
          const judged = await judge(detector, data.test);
          return {
            perClass: averagePrecision(judged, classes).perClass,
            precision: meanPrecision(judged, classes, recalls),
            found: judged.slice(0, shownScenes)
              .map(({ found }) => found.filter(({ score }) => score >= shownScore).map(rounded)),
          };
        },
      });
    } finally {
      detector.dispose();
    }
  };

  return {
    describe,
    run: (job, context) => (job.role === 'detector' ? run(job, context) : trainer.run(job, context)),
  };
};
