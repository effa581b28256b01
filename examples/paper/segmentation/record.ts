/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import type { Outcome } from '../../training/study.js';
import type { NetworkSize, TuningDescription, TuningStudyJob } from '../tuning/jobs.js';
import { type TuningRecord, tuningRecord } from '../tuning/record.js';
import type { SegmentationSettings } from './settings.js';

/** A scene as the record keeps it. */
export interface ShownScene {
  /** Base64 of the picture's bytes: red, green, blue of each pixel, row by row. */
  rgb: string;
  /** Base64 of the class of every pixel, or `ignored`. */
  labels: string;
}

/** What a finished segmentation network adds to its curve of mIoU. */
export interface SegmentationRun {
  /** Intersection over union per class, the background first; null where the class neither is nor was predicted. */
  perClass: (number | null)[];
}

export interface FirstPredictions {
  /** Base64 of the predicted class of every pixel, for the scenes that the report shows. */
  predicted: string[];
}

export type SegmentationDescription = TuningDescription<NetworkSize, ShownScene>;

export type SegmentationRecord = TuningRecord<
  SegmentationSettings,
  NetworkSize,
  ShownScene,
  SegmentationRun,
  FirstPredictions
>;

export const buildRecord = (
  outcome: Outcome<SegmentationSettings, TuningStudyJob, SegmentationDescription>,
): SegmentationRecord => tuningRecord('segmentation', outcome);
