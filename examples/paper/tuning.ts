/**
 * Networks that are fine-tuned from backbones: what detection and segmentation have in common. A teacher, students that
 * learn with its help or without, then from each of them a larger network, trained on scenes of several objects.
 */
import { arm, type ArmName } from '../distill/arms.js';
import { type DataDescription, type PairDescription, type PairSettings, planPair, type StudentJob } from '../distill/jobs.js';
import { mean, percent } from '../report/numbers.js';
import type { Scores } from '../report/scores.js';
import type { RunEnvironment } from '../report/types.js';
import type { SgdOptions } from '../tfjs/optimizer.js';
import { type Arguments, flag, integer, number } from '../training/options.js';
import type { Job, JobState, Outcome } from '../training/study.js';
import type { EpochResult, Recipe } from '../training/train.js';
import {
  backboneOptions, type BackboneSettings, backboneSettings, fullBackbones, quickBackbones, sgd, type Sizes,
} from './backbones.js';

/** Side of all pictures in pixels. */
const side = 32;

/** What a run is unless options say otherwise. */
export interface TuningPreset {
  scenes: Sizes;
  epochs: number;
}

export interface TuningSettings extends BackboneSettings {
  /** Side of all pictures in pixels. */
  side: number;
  /** Scenes of several objects, for the larger networks. */
  scenes: Sizes;
  /** How these are trained. */
  recipe: Recipe & SgdOptions;
}

const scenesSize = (help: string) => integer('N', 2, 1e6, help);

/** Options by heading. @param networks what the larger networks are, in the plural */
export const tuningOptions = ({ scenes, epochs }: TuningPreset, networks: string) => ({
  'What is run': {
    quick: flag('a run of at most a minute, with fewer and shorter trainings'),
    'train-size': scenesSize(`training scenes (default ${scenes.trainSize})`),
    'test-size': scenesSize(`test scenes (default ${scenes.testSize})`),
    epochs: integer('N', 1, 1e5, `epochs of the ${networks} (default ${epochs})`),
    lr: number('X', 1e-8, 100, `first learning rate of the ${networks} (default ${firstRate})`),
  },
  'The backbones': backboneOptions,
} as const);

const firstRate = 0.05;

type TuningGroups = ReturnType<typeof tuningOptions>;

export function tuningSettings(
  args: Arguments<TuningGroups['What is run'] & TuningGroups['The backbones']>, full: TuningPreset, quick: TuningPreset,
): TuningSettings {
  const { scenes, epochs } = args.quick ? quick : full;
  return {
    ...backboneSettings(args, args.quick ? quickBackbones : fullBackbones),
    side,
    scenes: { trainSize: args['train-size'] ?? scenes.trainSize, testSize: args['test-size'] ?? scenes.testSize },
    recipe: {
      epochs: args.epochs ?? epochs, batchSize: 32, schedule: { kind: 'cosine', base: args.lr ?? firstRate }, ...sgd,
      augment: false,
    },
  };
}

/** Fine-tunes a larger network from the backbone that another job has trained. */
export interface TuningJob extends Job {
  role: 'tuning';
  arm: ArmName;
  seed: number;
  backbone: StudentJob;
}

export type TuningStudyJob = StudentJob | TuningJob;

/** Teacher and backbones, then the larger networks, each as soon as its backbone is there. */
export function planTuning(pair: PairSettings, network: string): TuningStudyJob[] {
  const backbones = planPair(pair);
  const tunings = backbones.flatMap((backbone): TuningJob[] => {
    const { id, role: arm, seed } = backbone;
    return arm === 'teacher' ? [] : [{ id: `${network}-${id}`, role: 'tuning', arm, seed, backbone, needs: [id] }];
  });
  return [...backbones, ...tunings];
}

/** What data and networks turn out to be. */
export interface TuningDescription {
  pair: PairDescription;
  /** Of the pictures of one object. */
  objects: DataDescription;
  /** Of the scenes. */
  scenes: DataDescription;
  /** Of the larger network with its backbone. */
  network: { parameters: number; flops: number };
}

/** A larger network and its backbone. */
export interface TunedRun<Result> {
  seed: number;
  /** Accuracy of the backbone as a classifier of single objects, 0 to 1. */
  backboneAccuracy: number;
  /** Of the fine-tuning. */
  epochs: EpochResult[];
  /** After the last epoch. */
  score: number;
  /** What the job added to its curve. */
  result: Result;
}

export interface TunedArm<Result> {
  id: ArmName;
  label: string;
  /** How the backbone was trained. */
  description: string;
  /** One per seed. */
  runs: TunedRun<Result>[];
}

const lastScore = ({ training: { epochs } }: JobState): number => epochs[epochs.length - 1].score;

/** What the jobs of `planTuning` have left behind, arm by arm, and the teacher's accuracy on single objects. */
export function tunedArms<Result>(
  pair: PairSettings, { jobs, states }: Pick<Outcome<unknown, TuningStudyJob>, 'jobs' | 'states'>,
): { teacherAccuracy: number; arms: TunedArm<Result>[] } {
  const stateOf = ({ id }: Job): JobState => states.get(id)!;
  const arms = pair.arms.map((name): TunedArm<Result> => {
    const { label, description } = arm(name, pair.loss);
    const runs = jobs.flatMap((job): TunedRun<Result>[] => {
      if (job.role !== 'tuning' || job.arm !== name) return [];
      const state = stateOf(job);
      return [{
        seed: job.seed, backboneAccuracy: lastScore(stateOf(job.backbone)), epochs: state.training.epochs,
        score: lastScore(state), result: state.result as Result,
      }];
    });
    return { id: name, label, description, runs };
  });
  return { teacherAccuracy: lastScore(stateOf(jobs.find(({ role }) => role === 'teacher')!)), arms };
}

/** What records of such studies have in common. Plain JSON. */
export interface TuningRecord<Settings extends TuningSettings = TuningSettings, Result = unknown> {
  /** Version of this form. */
  version: 1;
  settings: Settings;
  description: TuningDescription;
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time of the whole run, pauses left out. */
  seconds: number;
  /** Accuracy of the teacher as a classifier of single objects. */
  teacherAccuracy: number;
  arms: TunedArm<Result>[];
}

/** The scores of the larger networks, for tables and curves. */
export const tunedScores = (
  measure: string, { arms, description: { scenes } }: Pick<TuningRecord, 'arms' | 'description'>,
): Scores => ({
  measure,
  arms: arms.map(({ label, description, runs }) => ({
    label,
    description: `Backbone: ${description} As classifiers these backbones reach ` +
      `${percent(mean(runs.map(({ backboneAccuracy }) => backboneAccuracy)))} %.`,
    runs,
  })),
  certainty: `All arms are measured on the same ${scenes.testSize.toLocaleString('en')} test scenes.`,
});
