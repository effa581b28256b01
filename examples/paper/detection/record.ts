/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import type { SceneObject } from '../../data/index.js';
import type { Outcome } from '../../training/study.js';
import type { NetworkSize, TuningDescription, TuningStudyJob } from '../tuning/jobs.js';
import { type TuningRecord, tuningRecord } from '../tuning/record.js';
import type { Detection } from './detections.js';
import type { DetectionSettings } from './settings.js';

/** A scene as the record keeps it. */
export interface ShownScene {
  /** Base64 of the picture's bytes: red, green, blue of each pixel, row by row. */
  rgb: string;
  objects: SceneObject[];
}

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

export type DetectionDescription = TuningDescription<DetectorSize, ShownScene>;

export type DetectionRecord = TuningRecord<DetectionSettings, DetectorSize, ShownScene, DetectorRun, FirstDetections>;

export const buildRecord = (
  outcome: Outcome<DetectionSettings, TuningStudyJob, DetectionDescription>,
): DetectionRecord => tuningRecord('detection', outcome);
