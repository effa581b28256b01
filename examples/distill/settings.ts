/** The settings of a run: everything its numbers depend on, and defaults by data set and recipe. */
import { basename, resolve } from 'node:path';
import type { DatasetName, DatasetOptions } from '../data/index.js';
import { isLogitsAlone, type OnnxOptions } from '../onnx/teacher.js';
import { UsageError } from '../training/options.js';
import { armNames, betaFor, defaultArms, defaultLogitArms, needsMap, paperLoss } from './arms.js';
import type { PairSettings } from './jobs.js';
import type { Arguments } from './options.js';

export interface Settings extends PairSettings {
  dataset: { name: DatasetName } & DatasetOptions;
}

interface Preset {
  teacher: string;
  student: string;
  teacherEpochs: number;
  epochs: number;
  trainSize?: number;
  testSize?: number;
}

function preset(dataset: DatasetName, paper: boolean, quick: boolean): Preset {
  if (paper) return { teacher: 'resnet110', student: 'resnet20', teacherEpochs: 200, epochs: 200 };
  if (dataset === 'shapes') {
    return quick
      ? { teacher: 'cnn12', student: 'cnn4', teacherEpochs: 6, epochs: 5, trainSize: 2000, testSize: 500 }
      : { teacher: 'cnn16', student: 'cnn4', teacherEpochs: 12, epochs: 12 };
  }
  return quick
    ? { teacher: 'cnn8', student: 'cnn4', teacherEpochs: 2, epochs: 2, trainSize: 1000, testSize: 500 }
    : { teacher: 'resnet20', student: 'resnet8', teacherEpochs: 30, epochs: 30 };
}

/** @throws UsageError for options that do not go together. */
export function resolveSettings(args: Arguments): Settings {
  const name = args.dataset ?? 'shapes';
  const paper = args.recipe === 'paper';
  if (paper && args.quick) throw new UsageError('--quick: cannot be combined with --recipe paper');
  if (args.augment && args['no-augment']) throw new UsageError('--no-augment: cannot be combined with --augment');
  if (name === 'shapes' && args.data) {
    throw new UsageError('--data: the shapes are generated; add --dataset cifar100 or cifar10');
  }
  if (name !== 'shapes' && !args.data) {
    throw new UsageError(`--dataset ${name}: expected --data DIR with its binary files`);
  }
  const defaults = preset(name, paper, args.quick ?? false);
  const trainSize = args['train-size'] ?? defaults.trainSize;
  const testSize = args['test-size'] ?? defaults.testSize;
  const baseSeed = args['base-seed'] ?? 1;
  const reduction = args.reduction ?? paperLoss.reduction;
  const augment = !args['no-augment'];
  const onnx = onnxOptions(args);
  if (args['teacher-cache'] !== undefined && augment) {
    throw new UsageError('--teacher-cache: stored outputs are those of the images as they are; add --no-augment');
  }
  const logitsAlone = isLogitsAlone(onnx);
  if (logitsAlone) refuseLocal(args);
  const chosen = args.arms ?? (logitsAlone ? defaultLogitArms : defaultArms);
  return {
    dataset: {
      name,
      seed: baseSeed,
      ...(args.data ? { dir: resolve(args.data) } : {}),
      ...(trainSize ? { trainSize } : {}),
      ...(testSize ? { testSize } : {}),
    },
    baseSeed,
    teacher: {
      ...(onnx
        ? { network: basename(onnx.path), epochs: 0, onnx }
        : {
            network: args.teacher ?? defaults.teacher,
            epochs: args['teacher-epochs'] ?? args.epochs ?? defaults.teacherEpochs,
          }),
      ...(args['teacher-cache'] === undefined ? {} : { cache: resolve(args['teacher-cache']) }),
    },
    student: { network: args.student ?? defaults.student, epochs: args.epochs ?? defaults.epochs },
    arms: armNames.filter((arm) => chosen.includes(arm)),
    seeds: args.seeds ?? [1, 2, 3],
    batchSize: args.batch ?? 64,
    schedule: { kind: paper ? 'steps' : 'cosine', base: args.lr ?? 0.1, warmup: args.warmup ?? 1 },
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
function onnxOptions(args: Arguments): OnnxOptions | undefined {
  const { teacher } = args;
  const [features, logits] = [args['teacher-features'], args['teacher-logits']];
  const { 'teacher-input': layout, 'teacher-mean': mean, 'teacher-std': std } = args;
  const given = { features, logits, input: layout, mean, std };
  const first = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (!isModel(teacher)) {
    if (first !== undefined) throw new UsageError(`--teacher-${first}: expected --teacher FILE.onnx with it`);
    return undefined;
  }
  if (args['teacher-epochs'] !== undefined) throw new UsageError('--teacher-epochs: an ONNX model is not trained');
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
  const { onnx, cache } = saved.teacher;
  if (args.teacher && !(onnx && isModel(args.teacher))) {
    throw new UsageError('--teacher: a resumed run keeps its teacher; only the file of an ONNX model may have moved');
  }
  if (args['teacher-cache'] && cache === undefined) {
    throw new UsageError('--teacher-cache: the run in this folder keeps no teacher outputs');
  }
  return {
    ...saved,
    dataset: { ...saved.dataset, ...(args.data ? { dir: resolve(args.data) } : {}) },
    teacher: {
      ...saved.teacher,
      ...(args.teacher ? { onnx: { ...onnx, path: resolve(args.teacher) } } : {}),
      ...(args['teacher-cache'] ? { cache: resolve(args['teacher-cache']) } : {}),
    },
  };
}
