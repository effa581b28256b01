/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import type { Outcome } from '../../training/study.js';
import type { NetworkSize, TuningDescription, TuningStudyJob } from '../tuning/jobs.js';
import { type TuningRecord, tuningRecord } from '../tuning/record.js';
import type { Detection } from './detections.js';
import type { DetectionSettings } from './settings.js';

export interface DetectorSize extends NetworkSize {
  defaultBoxes: number;
}

/** What a finished detector adds to its curve of mAP. */
export interface DetectorRun {
  /** Average precision per class; null where the test scenes have no object of it. */
  perClass: (number | null)[];
  /** Precision at the recalls 0, 0.01, … 1, raised as average precision has it; mean over the classes. */
  precision: number[];
}

export interface FirstDetections {
  /** Likely detections in the scenes that the report shows. */
  found: Detection[][];
}

export type DetectionDescription = TuningDescription<DetectorSize>;

export type DetectionRecord = TuningRecord<DetectionSettings, DetectorSize, DetectorRun, FirstDetections>;

export const buildRecord = (
  outcome: Outcome<DetectionSettings, TuningStudyJob, DetectionDescription>,
): DetectionRecord => tuningRecord('detection', outcome);
