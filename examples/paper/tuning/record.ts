/** What records of such studies have in common: what results.json holds, put together from the checkpoints. */
import { present } from '../../present.js';
import { arm, type ArmName } from '../../distill/arms.js';
import type { ScorePoint } from '../../report/scores.js';
import type { RunEnvironment } from '../../report/types.js';
import type { Outcome } from '../../training/study.js';
import type { NetworkSize, TuningDescription, TuningStudyJob } from './jobs.js';
import type { TuningSettings } from './settings.js';

/** A larger network and its backbone. */
export interface TunedRun {
  seed: number;
  /** The backbone's accuracy as a classifier of single objects, 0 to 1. */
  backbone: ScorePoint[];
  /** What the larger network scored on the test scenes while it was fine-tuned, 0 to 1. */
  epochs: ScorePoint[];
}

export interface TunedArm<Run = unknown, Arm = unknown> {
  id: ArmName;
  label: string;
  /** How the backbone was trained. */
  description: string;
  /** One per seed. */
  runs: (TunedRun & Run)[];
  /** What was kept of the first seed alone. */
  first: Arm;
}

/** Plain JSON. */
export interface TuningRecord<
  Settings extends TuningSettings = TuningSettings,
  Network extends NetworkSize = NetworkSize,
  Run = unknown,
  First = unknown,
> {
  /** Version of this form. */
  version: 1;
  study: string;
  settings: Settings;
  description: TuningDescription<Network>;
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time of the whole run, pauses left out. */
  seconds: number;
  /** The teacher's accuracy as a classifier of single objects. */
  teacher: ScorePoint[];
  arms: TunedArm<Run, First>[];
}

/** What a finished larger network adds to its curve: for every seed, and for the first one of an arm. */
export interface TuningResult<Run, First> {
  run: Run;
  first: First;
}

export function tuningRecord<Settings extends TuningSettings, Network extends NetworkSize, Run, First>(
  study: string,
  outcome: Outcome<Settings, TuningStudyJob, TuningDescription<Network>>,
): TuningRecord<Settings, Network, Run, First> {
  const {
    header: { settings, command, startedAt },
    description,
    environment,
    seconds,
  } = outcome;
  const { jobs, states } = outcome;
  const stateOf = ({ id }: TuningStudyJob) => present(states.get(id));
  const curveOf = (job: TuningStudyJob): ScorePoint[] =>
    stateOf(job).training.epochs.map(({ epoch, score }) => ({ epoch, score }));
  return {
    version: 1,
    study,
    settings,
    description,
    environment,
    command,
    startedAt,
    seconds,
    teacher: curveOf(present(jobs.find(({ role }) => role === 'teacher'))),
    arms: settings.pair.arms.map((name): TunedArm<Run, First> => {
      const { label, description } = arm(name, settings.pair.loss);
      const tuned = jobs.flatMap((job) => (job.role === 'tuning' && job.arm === name ? [job] : []));
      const results = tuned.map((job) => stateOf(job).result as TuningResult<Run, First>);
      return {
        id: name,
        label,
        description,
        runs: tuned.map((job, i) => ({
          seed: job.seed,
          ...results[i].run,
          backbone: curveOf(job.backbone),
          epochs: curveOf(job),
        })),
        first: results[0].first,
      };
    }),
  };
}
