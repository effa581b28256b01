/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { arm } from '../../distill/arms.js';
import type { RunEnvironment } from '../../report/types.js';
import type { JobState, Outcome } from '../../training/study.js';
import type { EpochResult } from '../../training/train.js';
import type { DetectionDescription, DetectionJob, DetectorResult, ShownScene } from './jobs.js';
import type { DetectionSettings } from './settings.js';

/** Test scenes that the report shows: the first ones. */
export const shownScenes = 8;

/** Where the curves of precision are measured. */
export const recalls: readonly number[] = Array.from({ length: 101 }, (_, i) => i / 100);

/** A detector and its backbone. */
export interface DetectorRun extends Omit<DetectorResult, 'found'> {
  seed: number;
  /** Accuracy of the backbone as a classifier of single objects, 0 … 1. */
  backboneAccuracy: number;
  /** The detector's training; its score is the mAP on the test scenes, 0 … 1. */
  epochs: EpochResult[];
  /** After the last epoch. */
  meanAveragePrecision: number;
}

export interface DetectionArm {
  id: string;
  label: string;
  /** How the backbone was trained. */
  description: string;
  /** One per seed. */
  runs: DetectorRun[];
  /** Of the first seed: likely detections in the scenes shown. */
  found: DetectorResult['found'];
}

/** Plain JSON. */
export interface DetectionRecord {
  /** Version of this form. */
  version: 1;
  study: 'detection';
  settings: DetectionSettings;
  description: Omit<DetectionDescription, 'shown'>;
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time of the whole run. */
  seconds: number;
  /** Accuracy of the teacher as a classifier of single objects. */
  teacherAccuracy: number;
  arms: DetectionArm[];
  scenes: ShownScene[];
}

const lastScore = ({ training: { epochs } }: JobState): number => epochs[epochs.length - 1].score;

export function buildRecord(
  { header, description, environment, jobs, states, seconds }: Outcome<DetectionSettings, DetectionJob, DetectionDescription>,
): DetectionRecord {
  const { settings, command, startedAt } = header;
  const { shown, ...rest } = description;
  const teacher = jobs.find(({ role }) => role === 'teacher')!;
  return {
    version: 1, study: 'detection', settings, description: rest, environment, command, startedAt, seconds,
    teacherAccuracy: lastScore(states.get(teacher.id)!),
    arms: settings.pair.arms.map((name) => {
      const { label, description } = arm(name, settings.pair.loss);
      const detectors = jobs.flatMap((job) => (job.role === 'detector' && job.arm === name ? [job] : []));
      const results = detectors.map(({ id }) => states.get(id)!.result as DetectorResult);
      return {
        id: name, label, description,
        runs: detectors.map(({ id, seed, backbone }, i): DetectorRun => {
          const { perClass, precision } = results[i];
          const state = states.get(id)!;
          return {
            seed, perClass, precision, backboneAccuracy: lastScore(states.get(backbone.id)!),
            epochs: state.training.epochs, meanAveragePrecision: lastScore(state),
          };
        }),
        found: results[0].found,
      };
    }),
    scenes: shown,
  };
}
