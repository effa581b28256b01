/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import type { Outcome } from '../../training/study.js';
import type { NetworkSize, TuningDescription, TuningStudyJob } from '../tuning/jobs.js';
import { type TuningRecord, tuningRecord } from '../tuning/record.js';
import type { SegmentationSettings } from './settings.js';

/** What a finished segmentation network adds to its curve of mIoU. */
export interface SegmentationRun {
  /** Intersection over union per class, the background first; null where the class neither is nor was predicted. */
  perClass: (number | null)[];
}

export interface FirstPredictions {
  /** The predicted class of every pixel, packed, for the scenes that the report shows. */
  predicted: string[];
}

export type SegmentationDescription = TuningDescription<NetworkSize>;

export type SegmentationRecord = TuningRecord<SegmentationSettings, NetworkSize, SegmentationRun, FirstPredictions>;

export const buildRecord = (
  outcome: Outcome<SegmentationSettings, TuningStudyJob, SegmentationDescription>,
): SegmentationRecord => tuningRecord('segmentation', outcome);
