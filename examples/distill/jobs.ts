/** A teacher and the students that learn from it in several ways, as a list of trainings. */
import type { RelationMatrix } from '../report/types.js';
import type { Job, Work } from '../training/study.js';
import { type Schedule, stepsPerEpoch } from '../training/schedule.js';
import type { ArmName, LossSettings } from './arms.js';

/** What a teacher and its students are, and how they are trained: everything their numbers depend on but the data. */
export interface PairSettings {
  /** Seed of the teacher. */
  baseSeed: number;
  teacher: { network: string; epochs: number };
  student: { network: string; epochs: number };
  arms: ArmName[];
  seeds: number[];
  batchSize: number;
  schedule: Schedule;
  momentum: number;
  weightDecay: number;
  augment: boolean;
  loss: LossSettings;
}

export interface StudentJob extends Job {
  role: 'teacher' | ArmName;
  seed: number;
  network: string;
  epochs: number;
}

/** What a finished job adds to its curve. */
export interface StudentResult {
  relationMatrix: RelationMatrix;
}

export interface NetworkDescription {
  parameters: number;
  flops: number;
  map: [number, number, number];
}

/** What the two networks turn out to be. */
export type PairDescription = Record<'teacher' | 'student', NetworkDescription>;

export interface DataDescription {
  description: string;
  classes: string[];
  imageShape: [number, number, number];
  trainSize: number;
  testSize: number;
}

/** Id of a student's job, and the name of its checkpoint; `prefix` tells pairs of one run apart. */
export const studentId = (role: 'teacher' | ArmName, seed: number, prefix = ''): string =>
  `${prefix}${role === 'teacher' ? role : `${role}-seed${seed}`}`;

/** The teacher first: students that do not need it can be trained beside it. */
export function planPair({ arms, seeds, teacher, student, baseSeed }: PairSettings, prefix = ''): StudentJob[] {
  const id = studentId('teacher', baseSeed, prefix);
  const jobs: StudentJob[] = [{ id, role: 'teacher', seed: baseSeed, ...teacher, needs: [] }];
  for (const role of arms) {
    for (const seed of seeds) {
      jobs.push({ id: studentId(role, seed, prefix), role, seed, ...student, needs: role === 'ce' ? [] : [id] });
    }
  }
  return jobs;
}

/** Floating-point operations of one training step, up to a factor: forward and backward, and the teacher's forward. */
export function workOf(job: StudentJob, settings: PairSettings, networks: PairDescription, trainSize: number): Work {
  const own = networks[job.role === 'teacher' ? 'teacher' : 'student'].flops;
  return {
    epochs: job.epochs,
    steps: stepsPerEpoch(trainSize, settings.batchSize),
    // The constant stands for the work that does not grow with the network; without it small ones look too cheap.
    cost: 3 * own + (job.needs.length > 0 ? networks.teacher.flops : 0) + 2e6,
  };
}
