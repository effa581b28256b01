/**
 * What a command runs: a study is settings, a plan of jobs that depend on each other, a worker that carries them out,
 * and a record, table and report made of what they leave behind. command.ts runs one from the command line.
 */
import type { RunEnvironment } from '../report/types.js';
import type { Arguments, OptionGroups, OptionTable } from './options.js';
import type { RunHeader } from './run-directory.js';
import type { EpochResult, TrainingState } from './train.js';

/** One training, or anything else that is done in a worker and leaves a checkpoint. Plain JSON. */
export interface Job {
  /** Unique in the run, and the name of its checkpoint. */
  id: string;
  /** The jobs that must be finished first. */
  needs: readonly string[];
}

/** How much a job is, for bars and the time left. */
export interface Work {
  epochs: number;
  /** In each epoch. */
  steps: number;
  /** Of a step, in any unit that the jobs of a study share, such as floating-point operations. */
  cost: number;
}

/** The state in a job's checkpoint, besides weights and momentum. */
export interface JobState<Result = unknown> {
  finished: boolean;
  /** Of the data set, which a resumed run must find unchanged. */
  trainSize: number;
  training: TrainingState;
  /** Time the whole run had taken when this was saved, pauses left out. */
  runSeconds: number;
  /** What the job found out beside its curve, as JSON; there when it is finished. */
  result?: Result;
}

/** What a job is given by the run. */
export interface JobContext {
  /** Folder of the run. */
  directory: string;
  /** Threads of the loss. */
  threads: number;
  /** Seconds between checkpoints inside an epoch. */
  checkpointEvery: number;
  /** Whether the job is asked to save its state and stop. */
  stopped(): boolean;
  /** Time of the whole run so far, pauses left out. */
  runSeconds(): number;
  /** `last` is there when an epoch has just ended. */
  progress(epochs: number, step: number, last?: EpochResult): void;
}

/** The study inside of a worker thread, where tfjs is. One job at a time. */
export interface StudyWorker<J extends Job = Job, Description = unknown> {
  /** What data and networks turn out to be, as JSON. */
  describe(): Promise<Description>;
  /** Does the job, or goes on with it; true when it is finished, false when it was stopped. */
  run(job: J, context: JobContext): Promise<boolean>;
}

/**
 * The function `open` that a study's worker module exports. What it throws is shown to the user without a stack trace:
 * data that are missing or damaged, say.
 */
export type OpenWorker<Settings, J extends Job = Job, Description = unknown> = (
  settings: Settings,
  threads: number,
) => Promise<StudyWorker<J, Description>>;

/** A run that has come to its end. */
export interface Outcome<Settings, J extends Job = Job, Description = unknown> {
  header: RunHeader<Settings>;
  description: Description;
  environment: RunEnvironment;
  jobs: J[];
  /** By the job's id. */
  states: ReadonlyMap<string, JobState>;
  /** Wall time, pauses left out. */
  seconds: number;
}

/** Everything but the worker runs without tfjs, so that --help and error messages come at once. */
export interface Study<Settings, J extends Job, Description, Record, Groups extends OptionGroups> {
  /** How the user starts it, such as 'npm start'. */
  command: string;
  /** The text above the options in --help. */
  help: string[];
  /** Its options by heading, beside those that every study has (see `conductOptions`). */
  options: Groups;
  /** Options of `options` that may be given again with --resume, because they change no number. */
  resumable?: readonly string[];
  /** What is measured after every epoch, in a line of progress: 'test accuracy'. */
  score: string;
  /** URL of the module that exports `open`, an OpenWorker. */
  worker: URL;
  /** @throws UsageError for options that do not go together. */
  settings(args: Arguments<TableOf<Groups>>): Settings | Promise<Settings>;
  /** The settings of a resumed run, with what `resumable` options say. Default: those it had. */
  resumed?(saved: Settings, args: Arguments<TableOf<Groups>>): Settings;
  /** First part of the folder's name when none is given. */
  folder(settings: Settings): string;
  /** In the order in which they are begun, as far as `needs` allows. */
  plan(settings: Settings): J[];
  /** @throws UsageError when the settings do not go with what was found. */
  check?(settings: Settings, description: Description): void;
  /** One or two sentences without the last full stop, printed before the work begins. */
  introduce(settings: Settings, description: Description): string;
  work(job: J, settings: Settings, description: Description): Work;
  /** What results.json holds. */
  record(outcome: Outcome<Settings, J, Description>): Record;
  /** The result for the terminal. */
  table(record: Record): string;
  /** The result as one HTML page. */
  report(record: Record): Promise<string>;
}

/** A study of whatever kind. */
export type AnyStudy = Study<any, any, any, any, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

/** The options of all groups as one table. */
export type TableOf<Groups extends OptionGroups> =
  UnionToIntersection<Groups[keyof Groups]> extends infer Table extends OptionTable ? Table : never;
type UnionToIntersection<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never;
