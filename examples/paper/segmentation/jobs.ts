/** A run as a list of trainings, and what each leaves behind. */
import { workOf } from '../../distill/jobs.js';
import { stepsPerEpoch } from '../../training/schedule.js';
import type { Work } from '../../training/study.js';
import { planTuning, type TuningDescription, type TuningStudyJob } from '../tuning.js';
import type { SegmentationSettings } from './settings.js';

/** A scene as the record keeps it. */
export interface ShownScene {
  /** Base64 of the picture's bytes: red, green, blue of each pixel, row by row. */
  rgb: string;
  /** Base64 of the class of every pixel, or `ignored`. */
  labels: string;
}

export interface SegmentationDescription extends TuningDescription {
  /** The test scenes that the report shows. */
  shown: ShownScene[];
}

/** What a finished segmentation network adds to its curve of mIoU. */
export interface SegmentationResult {
  /** Intersection over union per class, the background first; null where the class neither is nor was predicted. */
  perClass: (number | null)[];
  /** Base64 of the predicted class of every pixel, for the scenes that the report shows. */
  predicted: string[];
}

export const planJobs = ({ pair }: SegmentationSettings): TuningStudyJob[] => planTuning(pair, 'segmentation');

/** Of a step: forward and backward, and the loss of every pixel. */
export function jobWork(
  job: TuningStudyJob, settings: SegmentationSettings, { pair, objects, scenes, network }: SegmentationDescription,
): Work {
  if (job.role !== 'tuning') return workOf(job, settings.pair, pair, objects.trainSize);
  const { epochs, batchSize } = settings.recipe;
  return {
    epochs, steps: stepsPerEpoch(scenes.trainSize, batchSize),
    cost: 3 * network.flops + 2e3 * settings.side ** 2 + 2e6,
  };
}
