/**
 * Backbones for detection and segmentation: one teacher and students of one architecture, which learn to classify
 * pictures of single objects in several ways; then a larger network is fine-tuned from each student.
 */
import { type ArmName, armNames, paperLoss } from '../distill/arms.js';
import type { PairSettings } from '../distill/jobs.js';
import { networkNames } from '../tfjs/network-names.js';
import type { SgdOptions } from '../tfjs/optimizer.js';
import { type Arguments, choice, integer, list, network, number } from '../training/options.js';
import type { Schedule } from '../training/schedule.js';

export interface Sizes {
  trainSize: number;
  testSize: number;
}

/** What a run of the backbones is unless options say otherwise. */
export interface BackbonePreset {
  teacher: { network: string; epochs: number };
  student: { network: string; epochs: number };
  /** The first learning rate of both. */
  rate: number;
  /** Pictures of single objects. */
  objects: Sizes;
  seeds: number[];
}

export const fullBackbones: BackbonePreset = {
  teacher: { network: 'cnn16', epochs: 12 },
  student: { network: 'cnn8', epochs: 12 },
  rate: 0.4,
  objects: { trainSize: 3000, testSize: 1000 },
  seeds: [1, 2, 3],
};

export const quickBackbones: BackbonePreset = {
  teacher: { network: 'cnn12', epochs: 5 },
  student: { network: 'cnn4', epochs: 4 },
  rate: 0.1,
  objects: { trainSize: 1000, testSize: 300 },
  seeds: [1, 2],
};

/** The arms of a run that names none: undistilled and distilled. */
const defaultArms: readonly ArmName[] = ['ce', 'gld'];

const seed = (help: string) => integer('N', 0, 2 ** 32 - 1, help);
const epochs = (help: string) => integer('N', 1, 1e5, help);

/** A learning rate after the warm-up. */
export const firstRate = (help: string) => number('X', 1e-8, 100, help);

/** The epochs in which a learning rate grows to the first one; a student's needs some when it has just been made. */
interface WarmUp {
  warmup?: number;
}

/** The course of the learning rate of all networks of these studies. */
export const schedule = (base: number, { warmup = 1 }: WarmUp): Schedule => ({ kind: 'cosine', base, warmup });

/** Options of a study on backbones. */
export const backboneOptions = {
  arms: list(
    'A,B,...',
    choice(armNames, ''),
    `how the backbones learn: ${armNames.join(', ')} (default ${defaultArms.join(',')})`,
  ),
  seeds: list(
    'N,N,...',
    seed(''),
    'one backbone per arm and seed; a seed decides initial weights and batches (default 1,2,3; with --quick 1,2)',
  ),
  'base-seed': seed('seed of all pictures and of the teacher (default 1)'),
  'object-size': integer(
    'N',
    2,
    1e6,
    `training pictures of one object each, for teacher and backbones (default ${fullBackbones.objects.trainSize})`,
  ),
  teacher: network(`the teacher's network: ${networkNames}`),
  student: network("the backbones' network, likewise"),
  'teacher-epochs': epochs(`epochs of the teacher (default ${fullBackbones.teacher.epochs})`),
  'backbone-epochs': epochs(`epochs of the backbones, as classifiers (default ${fullBackbones.student.epochs})`),
  'backbone-lr': firstRate(`first learning rate of teacher and backbones (default ${fullBackbones.rate})`),
} as const;

/** SGD as all networks of these studies are trained. */
export const sgd: SgdOptions = { momentum: 0.9, weightDecay: 5e-4 };

export interface BackboneSettings {
  /** The teacher and the backbones; its baseSeed decides the pictures too. */
  pair: PairSettings;
  /** Pictures of single objects, which they learn to classify. */
  objects: Sizes;
}

export const backboneSettings = (
  args: Arguments<typeof backboneOptions> & WarmUp,
  { teacher, student, rate, objects, seeds }: BackbonePreset,
): BackboneSettings => ({
  pair: {
    baseSeed: args['base-seed'] ?? 1,
    teacher: { network: args.teacher ?? teacher.network, epochs: args['teacher-epochs'] ?? teacher.epochs },
    student: { network: args.student ?? student.network, epochs: args['backbone-epochs'] ?? student.epochs },
    arms: armNames.filter((name) => (args.arms ?? defaultArms).includes(name)),
    seeds: args.seeds ?? seeds,
    batchSize: 64,
    schedule: schedule(args['backbone-lr'] ?? rate, args),
    ...sgd,
    augment: false,
    loss: paperLoss,
  },
  objects: { ...objects, trainSize: args['object-size'] ?? objects.trainSize },
});
