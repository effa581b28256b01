/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { deviceInfo } from 'gld-loss';
import type { EpochRecord, RunEnvironment, RunRecord, StudentRun } from '../report/types.js';
import { readCheckpoint } from '../tfjs/checkpoint-file.js';
import type { EpochResult } from '../tfjs/train.js';
import { arm, relationRows } from './arms.js';
import type { Description, Job, JobState } from './jobs.js';
import { checkpointPath, type RunHeader } from './run-directory.js';
import type { Settings } from './settings.js';

/** The state in a job's checkpoint; undefined when it has none yet. Needs no tfjs. */
export async function readJobState(directory: string, job: Job): Promise<JobState | undefined> {
  return (await readCheckpoint<JobState>(checkpointPath(directory, job.id)))?.state;
}

const epochRecords = (epochs: EpochResult[]): EpochRecord[] => epochs.map((epoch) => ({ ...epoch }));

function studentRun(seed: number, { training: { epochs }, relationMatrix }: JobState): StudentRun {
  const accuracies = epochs.map((epoch) => epoch.testAccuracy);
  return {
    seed, epochs: epochRecords(epochs), finalAccuracy: accuracies[accuracies.length - 1],
    bestAccuracy: Math.max(...accuracies), ...(relationMatrix ? { relationMatrix } : {}),
  };
}

export function environment(framework: string, threads: number): RunEnvironment {
  const { version, cpu } = deviceInfo();
  const commit = currentCommit();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), memory: totalmem(),
    os: `${type()} ${release()}`, node: process.version, framework, version, engineLevel: cpu.level, threads,
    ...(commit ? { commit } : {}),
  };
}

function currentCommit(): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'],
      { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // no git, or not a working tree
  }
}

export interface RecordInput {
  header: RunHeader;
  description: Description;
  environment: RunEnvironment;
  jobs: Job[];
  states: Map<string, JobState>;
  seconds: number;
}

export function buildRecord({ header, description, environment, jobs, states, seconds }: RecordInput): RunRecord {
  const { settings } = header;
  const { data, networks } = description;
  const teacher = states.get('teacher')!;
  const last = teacher.training.epochs[teacher.training.epochs.length - 1];
  return {
    version: 1,
    settings: {
      dataset: settings.dataset.name, datasetDescription: data.description, classes: data.classes,
      imageShape: data.imageShape, trainSize: data.trainSize, testSize: data.testSize,
      teacherEpochs: settings.teacher.epochs, studentEpochs: settings.student.epochs, batchSize: settings.batchSize,
      alpha: settings.loss.alpha, beta: settings.loss.beta, localWeight: settings.loss.localWeight,
      grid: settings.loss.grid, reduction: settings.loss.reduction, metric: settings.loss.metric,
      seeds: settings.seeds, optimizer: optimizerText(settings), command: header.command,
      more: {
        'Logit rows m in the relation term': relationRows(settings.batchSize, settings.loss.grid),
        'Temperature of Hinton KD': settings.loss.temperature,
        'Augmentation': settings.augment,
        'Seed of data and teacher': settings.baseSeed,
      },
    },
    environment,
    teacher: {
      name: settings.teacher.network, parameters: networks.teacher.parameters, testAccuracy: last.testAccuracy,
      epochs: epochRecords(teacher.training.epochs),
      ...(teacher.relationMatrix ? { relationMatrix: teacher.relationMatrix } : {}),
    },
    student: { name: settings.student.network, parameters: networks.student.parameters },
    arms: settings.arms.map((name) => {
      const { label, description, weights, options } = arm(name, settings.loss);
      return {
        id: name, label, description, weights, ...(options ? { options: { ...options } } : {}),
        runs: jobs.filter((job) => job.role === name).map((job) => studentRun(job.seed, states.get(job.id)!)),
      };
    }),
    startedAt: header.startedAt,
    seconds,
  };
}

function optimizerText({ schedule, momentum, weightDecay }: Settings): string {
  const course = schedule.kind === 'cosine' ? 'to 0 along a cosine' : 'times 0.1 at 50 % and at 75 % of the epochs';
  return `SGD, momentum ${momentum}, weight decay ${weightDecay}, learning rate ${schedule.base} ${course}`;
}
