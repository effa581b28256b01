/** What a run of the study is: its options and the numbers they stand for. */
import type { ShapesOptions } from '../../data/index.js';
import { type ArmName, armNames, paperLoss } from '../../distill/arms.js';
import type { PairSettings } from '../../distill/jobs.js';
import { type Arguments as ArgumentsOf, choice, flag, integer, list, network } from '../../training/options.js';
import { networkNames } from '../../tfjs/network-names.js';
import type { TableOf } from '../../training/study.js';
import { sgd, type Sizes } from '../backbones.js';

export const pairNames = ['same', 'different'] as const;
export type PairName = (typeof pairNames)[number];

export const pairTitles: Record<PairName, string> = {
  same: 'Same architecture',
  different: 'Different architectures',
};

export interface ClassificationSettings {
  /** Pictures of shapes; the pairs' baseSeed decides them. */
  shapes: Sizes & Required<Pick<ShapesOptions, 'parts' | 'noise'>>;
  pairs: Partial<Record<PairName, PairSettings>>;
}

/** Harder than the shapes of npm start, on which these networks come close to 100 %: 21 classes, and more noise. */
const difficulty = { parts: 7, noise: 0.2 };

interface Preset extends Sizes {
  teacherEpochs: number;
  epochs: number;
  seeds: number[];
  networks: Record<PairName, [teacher: string, student: string]>;
}

const full: Preset = {
  trainSize: 2400,
  testSize: 1000,
  teacherEpochs: 20,
  epochs: 12,
  seeds: [1, 2, 3],
  networks: { same: ['resnet14x0.5', 'resnet8x0.25'], different: ['wrn10-0.5', 'cnn4'] },
};
const quick: Preset = {
  trainSize: 960,
  testSize: 400,
  teacherEpochs: 5,
  epochs: 3,
  seeds: [1, 2],
  networks: { same: ['resnet8x0.5', 'resnet8x0.25'], different: ['wrn10-0.5', 'cnn4'] },
};

const epochs = (help: string) => integer('N', 1, 1e5, help);
const pairHelp = (side: number) => `(default ${pairNames.map((name) => full.networks[name][side]).join(' and ')})`;

export const groups = {
  'What is run': {
    quick: flag('fewer images and shorter trainings'),
    pairs: list(
      'A,B',
      choice(pairNames, ''),
      `which pairs of teacher and student: ${pairNames.join(', ')} (default both)`,
    ),
    arms: list('A,B,...', choice(armNames, ''), `which students: ${armNames.join(', ')} (default all)`),
    seeds: list(
      'N,N,...',
      integer('N', 0, 2 ** 32 - 1, ''),
      `one student per pair, arm and seed; a seed decides initial weights and batches (default ${full.seeds.join(',')})`,
    ),
    'base-seed': integer('N', 0, 2 ** 32 - 1, 'seed of the images and the teachers (default 1)'),
    'train-size': integer('N', 2, 1e7, `training images (default ${full.trainSize})`),
    'test-size': integer('N', 1, 1e7, `test images (default ${full.testSize})`),
  },
  Training: {
    epochs: epochs(`epochs of a student (default ${full.epochs})`),
    'teacher-epochs': epochs(`epochs of a teacher (default ${full.teacherEpochs}, or as --epochs if that is given)`),
    teacher: network(`the teacher's network in both pairs: ${networkNames} ${pairHelp(0)}`),
    student: network(`the student's network in both pairs, likewise ${pairHelp(1)}`),
  },
} as const;

export type Arguments = ArgumentsOf<TableOf<typeof groups>>;

export function resolveSettings(args: Arguments): ClassificationSettings {
  const preset = args.quick ? quick : full;
  const names = pairNames.filter((name) => args.pairs?.includes(name) ?? true);
  return {
    shapes: {
      trainSize: args['train-size'] ?? preset.trainSize,
      testSize: args['test-size'] ?? preset.testSize,
      ...difficulty,
    },
    pairs: Object.fromEntries(
      names.map((name) => {
        const [teacher, student] = preset.networks[name];
        return [
          name,
          {
            baseSeed: args['base-seed'] ?? 1,
            teacher: {
              network: args.teacher ?? teacher,
              epochs: args['teacher-epochs'] ?? args.epochs ?? preset.teacherEpochs,
            },
            student: { network: args.student ?? student, epochs: args.epochs ?? preset.epochs },
            arms: armNames.filter((arm: ArmName) => args.arms?.includes(arm) ?? true),
            seeds: args.seeds ?? preset.seeds,
            batchSize: 64,
            schedule: { kind: 'cosine', base: 0.1 },
            ...sgd,
            augment: true,
            loss: paperLoss,
          } satisfies PairSettings,
        ];
      }),
    ),
  };
}
