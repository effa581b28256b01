/** A run as a list of trainings, and what each leaves behind. */
import type { ArmName } from '../../distill/arms.js';
import { type DataDescription, type PairDescription, planPair, type StudentJob, workOf } from '../../distill/jobs.js';
import { stepsPerEpoch } from '../../training/schedule.js';
import type { Job, Work } from '../../training/study.js';
import type { SceneObject } from '../../data/index.js';
import type { Detection } from './detections.js';
import type { DetectionSettings } from './settings.js';

/** Fine-tunes a detector from the backbone that another job has trained. */
export interface DetectorJob extends Job {
  role: 'detector';
  arm: ArmName;
  seed: number;
  backbone: StudentJob;
}

export type DetectionJob = StudentJob | DetectorJob;

/** A scene as the record keeps it. */
export interface ShownScene {
  /** Base64 of the picture's bytes: red, green, blue of each pixel, row by row. */
  rgb: string;
  objects: SceneObject[];
}

/** What data and networks turn out to be. */
export interface DetectionDescription {
  pair: PairDescription;
  /** Of the pictures of one object. */
  objects: DataDescription;
  /** Of the scenes. */
  scenes: DataDescription;
  detector: { parameters: number; flops: number; defaultBoxes: number };
  /** The test scenes that the report shows. */
  shown: ShownScene[];
}

/** What a finished detector adds to its curve of mAP. */
export interface DetectorResult {
  /** Average precision per class; null where the test scenes have no object of it. */
  perClass: (number | null)[];
  /** Precision at the recalls 0, 0.01, … 1, raised as average precision has it; mean over the classes. */
  precision: number[];
  /** Likely detections in the scenes that the report shows. */
  found: Detection[][];
}

const detectorId = (arm: ArmName, seed: number): string => `detector-${arm}-seed${seed}`;

/** Teacher and backbones, then the detectors, each as soon as its backbone is there. */
export function planJobs({ pair }: DetectionSettings): DetectionJob[] {
  const backbones = planPair(pair);
  const detectors = backbones.flatMap((backbone): DetectorJob[] => {
    const { id, role: arm, seed } = backbone;
    if (arm === 'teacher' || arm === 'outputs') return [];
    return [{ id: detectorId(arm, seed), role: 'detector', arm, seed, backbone, needs: [id] }];
  });
  return [...backbones, ...detectors];
}

/** Of a detector's step: forward and backward, and what does not grow with the network but with its boxes. */
export function jobWork(
  job: DetectionJob, settings: DetectionSettings, { pair, objects, scenes, detector }: DetectionDescription,
): Work {
  if (job.role !== 'detector') return workOf(job, settings.pair, pair, objects.trainSize);
  const { epochs, batchSize } = settings.detector;
  return {
    epochs, steps: stepsPerEpoch(scenes.trainSize, batchSize),
    cost: 3 * detector.flops + 2e3 * detector.defaultBoxes + 2e6,
  };
}
