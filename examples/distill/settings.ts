/** The settings of a run: everything its numbers depend on, and defaults by data set and recipe. */
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetName, DatasetOptions } from '../data/index.js';
import { idxFormats, isInstalled } from '../data/idx-formats.js';
import { isLogitsAlone, type OnnxOptions } from '../onnx/teacher.js';
import { UsageError } from '../training/options.js';
import { armNames, betaFor, defaultArms, needsMap, paperLoss } from './arms.js';
import type { PairSettings } from './jobs.js';
import type { Arguments } from './options.js';

export interface Settings extends PairSettings {
  dataset: {
    name: DatasetName;
    /** Why it is not the usual one, for a log. */
    instead?: string;
  } & DatasetOptions;
}

interface Preset {
  teacher: string;
  student: string;
  teacherEpochs: number;
  epochs: number;
  rate: number;
  seeds?: number[];
  trainSize?: number;
  validationSize?: number;
  testSize?: number;
}

/** ResNet-8 of width 16, which models/README.md tells how to train. */
export const garmentTeacher = fileURLToPath(new URL('../models/fashion-mnist-resnet8.onnx', import.meta.url));

function preset(dataset: DatasetName, paper: boolean, quick: boolean): Preset {
  const rate = 0.1;
  if (paper) return { teacher: 'resnet110', student: 'resnet20', teacherEpochs: 200, epochs: 200, rate };
  switch (dataset) {
    case 'shapes':
      return quick
        ? { teacher: 'cnn12', student: 'cnn4', teacherEpochs: 6, epochs: 5, rate, trainSize: 2000, testSize: 500 }
        : { teacher: 'cnn16', student: 'cnn4', teacherEpochs: 12, epochs: 12, rate };
    case 'fashion-mnist':
    case 'mnist': {
      const teacher = dataset === 'mnist' ? 'resnet8' : garmentTeacher;
      // Short trainings want a large rate, with a warm-up.
      const common = { teacher, student: 'resnet8x0.25', teacherEpochs: 12, rate: 0.4 };
      return quick
        ? { ...common, epochs: 8, seeds: [1], trainSize: 1500, validationSize: 500, testSize: 2000 }
        : { ...common, epochs: 10, trainSize: 3000, validationSize: 1000 };
    }
    default:
      return quick
        ? { teacher: 'cnn8', student: 'cnn4', teacherEpochs: 2, epochs: 2, rate, trainSize: 1000, testSize: 500 }
        : { teacher: 'resnet20', student: 'resnet8', teacherEpochs: 30, epochs: 30, rate };
  }
}

const insteadOfGarments =
  `Fashion-MNIST is not in ${idxFormats['fashion-mnist'].folder}: these are GENERATED images instead, with other networks. ` +
  'For the real ones install the package dataset-fashion-mnist, or say --data DIR where the four files are';

/** The data set of a run that names none. */
const defaultDataset = ({ data }: Arguments): DatasetName =>
  data !== undefined || isInstalled('fashion-mnist') ? 'fashion-mnist' : 'shapes';

/** @throws UsageError for options that do not go together. */
export function resolveSettings(args: Arguments): Settings {
  const name = args.dataset ?? defaultDataset(args);
  const paper = args.recipe === 'paper';
  if (paper && args.quick) throw new UsageError('--quick: cannot be combined with --recipe paper');
  if (args.augment && args['no-augment']) throw new UsageError('--no-augment: cannot be combined with --augment');
  if (name === 'shapes' && args.data) throw new UsageError('--data: the shapes are generated; leave out --dataset');
  const isCifar = name === 'cifar10' || name === 'cifar100';
  if (isCifar && !args.data) throw new UsageError(`--dataset ${name}: expected --data DIR with its binary files`);
  const defaults = preset(name, paper, args.quick ?? false);
  const sizes = {
    trainSize: args['train-size'] ?? defaults.trainSize,
    validationSize: args['validation-size'] ?? defaults.validationSize,
    testSize: args['test-size'] ?? defaults.testSize,
  };
  const baseSeed = args['base-seed'] ?? 1;
  const reduction = args.reduction ?? paperLoss.reduction;
  const augment = !args['no-augment'];
  const teacher = args.teacher ?? defaults.teacher;
  const onnx = onnxOptions(args, teacher);
  const cache = args['teacher-cache'];
  if (cache !== undefined && isCifar && augment) {
    throw new UsageError('--teacher-cache: augmentation of CIFAR makes too many views of an image; add --no-augment');
  }
  const logitsAlone = isLogitsAlone(onnx);
  if (logitsAlone) refuseLocal(args);
  const chosen = args.arms ?? defaultArms;
  return {
    dataset: {
      name,
      ...(args.dataset === undefined && name === 'shapes' ? { instead: insteadOfGarments } : {}),
      seed: baseSeed,
      ...(args.data ? { dir: resolve(args.data) } : {}),
      ...Object.fromEntries(Object.entries(sizes).filter(([, size]) => size)),
    },
    baseSeed,
    teacher: {
      ...(onnx
        ? { network: basename(onnx.path), epochs: 0, onnx }
        : { network: teacher, epochs: args['teacher-epochs'] ?? args.epochs ?? defaults.teacherEpochs }),
      ...(isCifar && augment ? {} : { kept: cache === undefined ? {} : { folder: resolve(cache) } }),
    },
    student: { network: args.student ?? defaults.student, epochs: args.epochs ?? defaults.epochs },
    arms: armNames.filter((arm) => chosen.includes(arm)),
    seeds: args.seeds ?? defaults.seeds ?? [1, 2, 3],
    batchSize: args.batch ?? 64,
    schedule: { kind: paper ? 'steps' : 'cosine', base: args.lr ?? defaults.rate, warmup: args.warmup ?? 1 },
    momentum: 0.9,
    weightDecay: args['weight-decay'] ?? 5e-4,
    augment,
    loss: {
      alpha: args.alpha ?? paperLoss.alpha,
      beta: args.beta ?? betaFor(reduction),
      localWeight: logitsAlone ? 0 : (args['local-weight'] ?? paperLoss.localWeight),
      grid: logitsAlone ? [0, 0] : (args.grid ?? paperLoss.grid),
      reduction,
      metric: args.metric ?? paperLoss.metric,
      temperature: args.temperature ?? paperLoss.temperature,
      distanceWeight: args['distance-weight'] ?? paperLoss.distanceWeight,
    },
  };
}

const isModel = (teacher: string | undefined): teacher is string => teacher?.endsWith('.onnx') ?? false;

/** What is taken from which ONNX model; undefined for a teacher that is trained here. */
function onnxOptions(args: Arguments, teacher: string): OnnxOptions | undefined {
  const [features, logits] = [args['teacher-features'], args['teacher-logits']];
  const { 'teacher-input': layout, 'teacher-mean': mean, 'teacher-std': std } = args;
  const given = { features, logits, input: layout, mean, std };
  const first = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (first !== undefined && !isModel(args.teacher)) {
    throw new UsageError(`--teacher-${first}: expected --teacher FILE.onnx with it`);
  }
  if (!isModel(teacher)) return undefined;
  if (args['teacher-epochs'] !== undefined) {
    const trained = args.teacher === undefined ? '; --teacher NAME names a network that is' : '';
    throw new UsageError(`--teacher-epochs: an ONNX model is not trained${trained}`);
  }
  const options = { path: resolve(teacher), features, logits, layout, mean, std };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as OnnxOptions;
}

/** @throws UsageError for what a teacher of global logits cannot give. */
function refuseLocal(args: Arguments): void {
  const why = 'a teacher of logits alone (--teacher-logits) has no local ones';
  if (args.grid) throw new UsageError(`--grid: ${why}, and so no cells`);
  if (args['local-weight']) throw new UsageError(`--local-weight: ${why}; leave it out`);
  const arm = args.arms?.find((name) => needsMap[name] !== undefined);
  if (arm) throw new UsageError(`--arms ${arm}: ${why}, and this arm ${needsMap[arm]}`);
}

/** The settings of an interrupted run; only its data, the teacher's model and the teacher's outputs may have moved. */
export function resumed(saved: Settings, args: Arguments): Settings {
  if (args.data && saved.dataset.name === 'shapes') {
    throw new UsageError('--data: the run in this folder generates its data');
  }
  const { onnx, kept } = saved.teacher;
  if (args.teacher && !(onnx && isModel(args.teacher))) {
    throw new UsageError('--teacher: a resumed run keeps its teacher; only the file of an ONNX model may have moved');
  }
  if (args['teacher-cache'] && kept === undefined) {
    throw new UsageError('--teacher-cache: the run in this folder keeps no teacher outputs');
  }
  return {
    ...saved,
    dataset: { ...saved.dataset, ...(args.data ? { dir: resolve(args.data) } : {}) },
    teacher: {
      ...saved.teacher,
      ...(args.teacher ? { onnx: { ...onnx, path: resolve(args.teacher) } } : {}),
      ...(args['teacher-cache'] ? { kept: { folder: resolve(args['teacher-cache']) } } : {}),
    },
  };
}
