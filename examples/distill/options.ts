/** The options of `npm start`: one table, from which parsing, checking and --help are made. */
import { datasetNames } from '../data/index.js';
import { networkNames, parseNetwork } from '../tfjs/network-names.js';
import {
  type Arguments as ArgumentsOf,
  choice,
  flag,
  integer,
  list,
  network,
  number,
  type OptionSpec,
  text,
} from '../training/options.js';
import type { Reduction } from '../report/types.js';
import type { TableOf } from '../training/study.js';
import { armNames, defaultArms, paperBeta, paperDistanceWeight } from './arms.js';

const grid: OptionSpec<[number, number]> = {
  value: 'D|RxC',
  help: 'cells of the feature map that get local logits: D for D x D, or rows x columns (default 2)',
  parse(input) {
    const [, rows, columns = rows] = /^([1-9]\d?)(?:x([1-9]\d?))?$/.exec(input) ?? [];
    if (!rows) throw new Error(`expected a grid such as 2 or 2x4, got '${input}'`);
    return [Number(rows), Number(columns)];
  },
};

const reduction: OptionSpec<Reduction> = {
  value: 'ROWS|matrix|row',
  help:
    "what the relation term's mean over rows is divided by: a number of rows, whatever the batch is; matrix: the paper's " +
    'm, by which a smaller batch, the last one of an epoch above all, weighs the term more; row: 1 ' +
    `(default ${paperBeta.rows}, the paper's m)`,
  parse(input) {
    if (input === 'matrix' || input === 'row') return input;
    const rows = Number(input);
    if (Number.isSafeInteger(rows) && rows > 0) return { rows };
    throw new Error(`expected matrix, row, or a number of rows such as ${paperBeta.rows}, got '${input}'`);
  },
};

const teacher: OptionSpec<string> = {
  value: 'NAME|FILE.onnx',
  help: `the teacher: a network that is trained, ${networkNames}; or an ONNX model, which is not`,
  parse(input) {
    if (!input.endsWith('.onnx')) parseNetwork(input);
    return input;
  },
};

/** One number for all channels, or one for each. */
const perChannel = (low: number, help: string): OptionSpec<number[]> => ({
  value: 'X|R,G,B',
  help,
  parse: (input) => input.split(',').map((part) => number('', low, 1e6, '').parse(part)),
});

export const groups = {
  'What is run': {
    quick: flag('fewer and shorter trainings'),
    dataset: choice(
      datasetNames,
      'shapes is generated, the others are read from files (default fashion-mnist where it is installed, else shapes)',
    ),
    data: text(
      'DIR',
      'folder with the four files of fashion-mnist or mnist (default: where their packages put them), or the folder with ' +
        'the CIFAR files in the binary version, or its parent',
    ),
    'train-size': integer(
      'N',
      2,
      1e7,
      'training images (default: 4000 for fashion-mnist and mnist, 3000 for shapes, all for CIFAR)',
    ),
    'validation-size': integer(
      'N',
      0,
      1e7,
      'images kept out of the training images, on which accuracy is measured after every epoch, so that the test images ' +
        'are for the end; 0: on the test images (default: 1000 for fashion-mnist and mnist, else 0)',
    ),
    'test-size': integer('N', 1, 1e7, 'test images (default: 1000 for shapes, elsewhere all)'),
    arms: list(
      'A,B,...',
      choice(armNames, ''),
      `which students: ${armNames.join(', ')} (default ${defaultArms.join(',')})`,
    ),
    seeds: list(
      'N,N,...',
      integer('N', 0, 2 ** 32 - 1, ''),
      'one student per arm and seed; a seed decides initial weights and batches (default 1,2,3)',
    ),
    'base-seed': integer('N', 0, 2 ** 32 - 1, 'seed of the data set and the teacher (default 1)'),
  },
  Training: {
    recipe: choice(
      ['default', 'paper'],
      'paper: SGD with momentum 0.9, weight decay 5e-4, learning rate 0.1 times 0.1 at 50 % and 75 % of 200 epochs, ' +
        'batch 64, resnet110 teaches resnet20, augmentation; not measured on a CPU. default: a cosine schedule, and ' +
        'networks and epochs that suit the data set',
    ),
    teacher,
    student: network(`the student's network: ${networkNames}`),
    epochs: integer('N', 1, 1e5, 'epochs of a student'),
    'teacher-epochs': integer('N', 1, 1e5, 'epochs of the teacher (default: as --epochs if that is given)'),
    batch: integer('N', 2, 1e5, 'images per batch (default 64)'),
    lr: number(
      'X',
      1e-8,
      100,
      'first learning rate, after the warm-up (default 0.4 for fashion-mnist and mnist, else 0.1)',
    ),
    warmup: number('X', 0, 1e5, 'epochs in which the learning rate grows evenly from 0 (default 1; 0 for none)'),
    'weight-decay': number('X', 0, 1, 'weight decay (default 5e-4)'),
    augment: flag('augment the training images: random shifts and flips (default)'),
    'no-augment': flag('do not'),
  },
  'A teacher that is an ONNX model': {
    'teacher-features': text('NAME', 'tensor that is its feature map (default: what its head gets the mean of)'),
    'teacher-logits': text(
      'NAME',
      'its logits, or what a softmax makes of them; without --teacher-features they are all that is taken, and there are ' +
        'no local logits',
    ),
    'teacher-input': choice(['NCHW', 'NHWC'], 'axis order of its images (default: the one that fits)'),
    'teacher-mean': perChannel(
      -1e6,
      'it gets (value - mean) / std of values in 0 ... 1 (default: normalised as for the student)',
    ),
    'teacher-std': perChannel(1e-6, 'likewise; 0.00392157 (1 / 255), with mean 0, for values in 0 ... 255'),
  },
  'Teacher outputs': {
    'teacher-cache': text(
      'DIR',
      "keep the teacher's logits of all views of the training images here, for other runs too (default: in the run's " +
        'folder). CIFAR has too many views: there, they are computed in every step, unless you give --no-augment',
    ),
  },
  'The loss': {
    alpha: number('X', 0, 1, 'weight of the global KD term; the task term gets 1 - alpha (default 0.7)'),
    beta: number(
      'X',
      0,
      Infinity,
      "weight of the relation term. 500 is the paper's, for batches of m = 64 x 5 = 320 logit rows, which --reduction " +
        'divides by whatever the batch is (default 500 x rows / 320 for another number of rows)',
    ),
    reduction,
    metric: choice(['sqeuclidean', 'euclidean'], 'distances the relation term compares (default sqeuclidean)'),
    'local-weight': number('X', 0, Infinity, 'weight of the local term (default 1)'),
    grid,
    temperature: number('X', 1e-3, 1e3, 'temperature of the kd arm (default 4)'),
    'distance-weight': number(
      'X',
      0,
      Infinity,
      `weight of the rkd arm's distance term (default ${paperDistanceWeight})`,
    ),
  },
} as const;

/** What was given on the command line, parsed. */
export type Arguments = ArgumentsOf<TableOf<typeof groups>>;
