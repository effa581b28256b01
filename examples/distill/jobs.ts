/** A teacher and the students that learn from it in several ways, as a list of trainings. */
import type { Answer, RelationMatrix } from '../report/types.js';
import type { CacheKey } from '../teachers/cache.js';
import type { Job, Work } from '../training/study.js';
import type { OnnxOptions } from '../onnx/teacher.js';
import { type Schedule, stepsPerEpoch } from '../training/schedule.js';
import { type ArmName, type LossSettings, teacherOf } from './arms.js';

/** What a teacher and its students are, and how they are trained: everything their numbers depend on but the data. */
export interface PairSettings {
  /** Seed of the teacher. */
  baseSeed: number;
  teacher: {
    /** Name of a network that is trained, or of a model that is there. */
    network: string;
    /** 0 for a model. */
    epochs: number;
    onnx?: OnnxOptions;
    /** Its logits of all views of the training images are computed once, and kept in this folder or the run's own. */
    kept?: { folder?: string };
  };
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
  /** 'outputs' computes the teacher's logits of all training images in all views. */
  role: 'teacher' | 'outputs' | ArmName;
  seed: number;
  network: string;
  epochs: number;
  /** First learning rate; that of the settings unless given. */
  rate?: number;
  /** A try, to choose the learning rate by: it never sees the test images. */
  tried?: true;
}

/** What a finished job adds to its curve. */
export interface StudentResult {
  /** After the last epoch. The curve's accuracies are of the validation images where there are some. */
  testAccuracy: number;
  relationMatrix: RelationMatrix;
  /** To each of the candidates. */
  answers: Answer[];
}

/** A test image that the report may show. */
export interface CandidateImage {
  /** Its true class. */
  label: number;
  /** Bytes, the channels of a pixel side by side, packed. */
  pixels: string;
}

/** What is known of a model that was not trained here. */
export interface ModelResult extends StudentResult {
  /** sha256 of its file: a resumed run must find the same. */
  digest: string;
}

export interface OutputsResult {
  key: CacheKey;
}

export interface NetworkDescription {
  parameters: number;
  flops: number;
  /** Height, width, channels; a teacher of logits has no map. */
  map?: [number, number, number];
  /** What was taken from a model. */
  taken?: string;
}

/** What the two networks turn out to be. */
export type PairDescription = Record<'teacher' | 'student', NetworkDescription>;

export interface DataDescription {
  description: string;
  classes: string[];
  imageShape: [number, number, number];
  trainSize: number;
  /** Views of a training image that augmentation chooses from. */
  views: number;
  /** 0 where the test images are looked at after every epoch. */
  validationSize: number;
  testSize: number;
}

export const teacherId = 'teacher';
export const outputsId = 'teacher-outputs';

/** The teacher first, and what is computed once with it: students that need neither can be trained beside it. */
export function planPair({ arms, seeds, teacher, student, baseSeed }: PairSettings, prefix = ''): StudentJob[] {
  const { network, epochs, kept } = teacher;
  const jobs: StudentJob[] = [{ id: teacherId, role: 'teacher', seed: baseSeed, network, epochs, needs: [] }];
  const needs = (role: ArmName) => {
    const from = teacherOf(role);
    return from === undefined ? [] : from === 'logits' && kept ? [teacherId, outputsId] : [teacherId];
  };
  if (arms.some((role) => needs(role).includes(outputsId))) {
    jobs.push({ id: outputsId, role: 'outputs', seed: baseSeed, network, epochs: 1, needs: [teacherId] });
  }
  for (const role of arms) {
    for (const seed of seeds) {
      jobs.push({ id: `${prefix}${role}-seed${seed}`, role, seed, ...student, needs: needs(role) });
    }
  }
  return jobs;
}

/**
 * Floating-point operations of one training step, up to a factor: forward and backward, and the teacher's forward unless
 * its outputs are there.
 */
export function workOf(
  job: StudentJob,
  settings: PairSettings,
  networks: PairDescription,
  { trainSize, views }: Pick<DataDescription, 'trainSize' | 'views'>,
): Work {
  const { teacher, student } = networks;
  const steps = stepsPerEpoch(trainSize, settings.batchSize);
  // Stands for the work that does not grow with the network; without it small ones look too cheap.
  const constant = 2e6;
  // A model is evaluated once, which is next to nothing.
  if (job.role === 'teacher' && job.epochs === 0) return { epochs: 1, steps: 1, cost: teacher.flops + constant };
  if (job.role === 'outputs') {
    return { epochs: 1, steps: steps * (settings.augment ? views : 1), cost: teacher.flops + constant };
  }
  const own = 3 * (job.role === 'teacher' ? teacher : student).flops;
  const live = job.needs.includes(teacherId) && !job.needs.includes(outputsId);
  return { epochs: job.epochs, steps, cost: own + (live ? teacher.flops : 0) + constant };
}
