/** The study in a worker thread. */
import type { OpenWorker } from '../../training/study.js';
import type { TuningStudyJob } from '../tuning/jobs.js';
import { shownScenes } from '../tuning/scenes.js';
import { tuningWorker } from '../tuning/worker.js';
import { averagePrecision, meanPrecision } from './average-precision.js';
import { recalls, shownScore } from './constants.js';
import { buildDetector, type Detector, detectionObjective, judge, matchScenes } from './detector.js';
import type { Detection } from './detections.js';
import type { Matched } from './matching.js';
import type { DetectionDescription } from './record.js';
import type { DetectionSettings } from './settings.js';

/** Enough digits for drawing: of a share, and of a detection. */
const roundedShare = (value: number): number => Number(value.toFixed(4));
const rounded = ({ label, score, box }: Detection): Detection => {
  const [left, top, right, bottom] = box.map((edge) => Number(edge.toFixed(2)));
  return { label, score: roundedShare(score), box: [left, top, right, bottom] };
};

export const open: OpenWorker<DetectionSettings, TuningStudyJob, DetectionDescription> = async (settings, threads) =>
  tuningWorker(settings, threads, (data) => {
    const { side } = settings;
    const classes = data.classes.length;
    /** The same for every detector, whose default boxes are the same. */
    let matched: Matched[] | undefined;
    return {
      build: (backbone, rng) => buildDetector(backbone, { side, classes }, settings.detector, rng),
      size: ({ head }: Detector, size) => ({ ...size, defaultBoxes: head.defaults.length }),
      objective: (detector) =>
        detectionObjective(detector, (matched ??= matchScenes(data.train.scenes, detector.head))),
      evaluate: async (detector) => averagePrecision(await judge(detector, data.test), classes).mean,
      finish: async (detector) => {
        const judged = await judge(detector, data.test);
        return {
          run: {
            perClass: averagePrecision(judged, classes).perClass,
            precision: meanPrecision(judged, classes, recalls).map(roundedShare),
          },
          first: {
            found: judged
              .slice(0, shownScenes)
              .map(({ found }) => found.filter(({ score }) => score >= shownScore).map(rounded)),
          },
        };
      },
    };
  });
