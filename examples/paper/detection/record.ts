/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { arm } from '../../distill/arms.js';
import type { RunEnvironment } from '../../report/types.js';
import type { Outcome } from '../../training/study.js';
import type { EpochResult } from '../../training/train.js';
import type { DetectionDescription, DetectionJob, DetectorResult, ShownScene } from './jobs.js';
import type { DetectionSettings } from './settings.js';

/** A detector and its backbone. */
export interface DetectorRun extends Omit<DetectorResult, 'found'> {
  seed: number;
  /** The backbone's training; its score is the accuracy as a classifier of single objects, 0 … 1. */
  backbone: EpochResult[];
  /** The detector's training; its score is the mAP on the test scenes, 0 … 1. */
  epochs: EpochResult[];
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
  /** The teacher's training; its score is the accuracy as a classifier of single objects. */
  teacher: EpochResult[];
  arms: DetectionArm[];
  scenes: ShownScene[];
}

type DetectionOutcome = Outcome<DetectionSettings, DetectionJob, DetectionDescription>;

export function buildRecord(
  { header, description, environment, jobs, states, seconds }: DetectionOutcome,
): DetectionRecord {
  const { settings, command, startedAt } = header;
  const { shown, ...rest } = description;
  const teacher = jobs.find(({ role }) => role === 'teacher')!;
  const epochsOf = ({ id }: DetectionJob): EpochResult[] => states.get(id)!.training.epochs;
  return {
    version: 1, study: 'detection', settings, description: rest, environment, command, startedAt, seconds,
    teacher: epochsOf(teacher),
    arms: settings.pair.arms.map((name) => {
      const { label, description } = arm(name, settings.pair.loss);
      const detectors = jobs.flatMap((job) => (job.role === 'detector' && job.arm === name ? [job] : []));
      const results = detectors.map(({ id }) => states.get(id)!.result as DetectorResult);
      return {
        id: name, label, description,
        runs: detectors.map((job, i): DetectorRun => {
          const { perClass, precision } = results[i];
          return { seed: job.seed, perClass, precision, backbone: epochsOf(job.backbone), epochs: epochsOf(job) };
        }),
        found: results[0].found,
      };
    }),
    scenes: shown,
  };
}
