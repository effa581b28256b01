/** What training asks of TensorFlow.js and of a data set, as structural types, and what a fit is told. */
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { expectObject, flag, integer, number, oneOf, type Table } from '../check.js';
import { describe } from '../describe.js';
import { fail } from '../errors.js';
import type { TfjsMath } from './model-types.js';

/** The parts of `tf` that training uses besides: `typeof tf` of @tensorflow/tfjs 4 fits them. */
export interface TfjsTraining<Tensor extends TfjsTensor = TfjsTensor, Scalar extends Tensor = Tensor>
  extends TfjsMath<Tensor, Scalar> {
  readonly train: object;
  readonly metrics: object;
  readonly CallbackList: new (...args: never[]) => object;
  readonly CustomCallback: new (...args: never[]) => object;
  readonly History: new () => object;
}

/** Refuses what is not the whole framework. */
export function expectTraining(
  tf: Pick<TfjsTraining, 'train' | 'metrics' | 'CallbackList' | 'CustomCallback' | 'History'>,
): void {
  const what = "the framework, which import * as tf from '@tensorflow/tfjs' gives";
  expectObject('tf', tf, what);
  const parts = ['train', 'metrics', 'CallbackList', 'CustomCallback', 'History'] as const;
  const missing = parts.find((name) => tf[name] === undefined);
  if (missing !== undefined) fail('ERR_GLD_ARG_TYPE', 'tf', what, `an object without ${missing}`);
}

/** Numbers by name: of a batch, or of an epoch. */
export interface DistillerLogs {
  [name: string]: number;
}

/** What is called while a training runs. Instances of `tf.Callback`, such as early stopping's, fit it too. */
export interface DistillerCallback {
  onTrainBegin?(logs?: DistillerLogs): void | Promise<void>;
  onTrainEnd?(logs?: DistillerLogs): void | Promise<void>;
  onEpochBegin?(epoch: number, logs?: DistillerLogs): void | Promise<void>;
  onEpochEnd?(epoch: number, logs?: DistillerLogs): void | Promise<void>;
  onBatchBegin?(batch: number, logs?: DistillerLogs): void | Promise<void>;
  onBatchEnd?(batch: number, logs?: DistillerLogs): void | Promise<void>;
  onYield?(epoch: number, batch: number, logs: DistillerLogs): void | Promise<void>;
}

/** `tf.History`. */
export interface DistillerHistory {
  /** The epochs that were trained. */
  readonly epoch: number[];
  /** By name, a number for every one of them. */
  readonly history: { [name: string]: number[] };
}

/** What {@link Distiller.fit} and {@link Distiller.fitDataset} have in common, as tfjs's own. */
export interface DistillerTrainArgs {
  /** Number of the epoch to end with. @default 1 */
  readonly epochs?: number | undefined;
  /**
   * Number of the epoch to begin with, for the weights of the terms too, which are otherwise those that follow the training
   * before. @default 0
   */
  readonly initialEpoch?: number | undefined;
  /** What is called while the training runs, in this order. @default none */
  readonly callbacks?: DistillerCallback | readonly DistillerCallback[] | undefined;
  /** How often other tasks get their turn: in milliseconds, or after what. @default 'auto', every 125 ms */
  readonly yieldEvery?: number | 'auto' | 'batch' | 'epoch' | 'never' | undefined;
  /** 1 prints a line after every epoch; 0 prints nothing. @default 1 */
  readonly verbose?: 0 | 1 | undefined;
  /**
   * By class, how many times its samples count; each class that occurs has to be there. A sample's weight counts in every
   * term, as `sampleWeights` of the loss do. A soft label's class is its largest.
   * @default once
   */
  readonly classWeight?: { readonly [label: number]: number } | undefined;
}

/** What {@link Distiller.fit} is told. */
export interface DistillerFitArgs<Tensor = TfjsTensor> extends DistillerTrainArgs {
  /** Samples in a batch. @default 32 */
  readonly batchSize?: number | undefined;
  /** Whether the samples are put in a new order for every epoch. @default true */
  readonly shuffle?: boolean | undefined;
  /** [n]: how many times each sample counts, in every term of the loss; times its class's weight. @default once */
  readonly sampleWeight?: Tensor | undefined;
  /** Images and labels, and perhaps weights of the samples, to evaluate on after every epoch. @default none */
  readonly validationData?: readonly [Tensor, Tensor] | readonly [Tensor, Tensor, Tensor] | undefined;
  /** The share of the samples, the last ones, that is evaluated on and not trained with. @default 0 */
  readonly validationSplit?: number | undefined;
}

/** What {@link Distiller.fitDataset} is told. */
export interface DistillerFitDatasetArgs<Tensor = TfjsTensor> extends DistillerTrainArgs {
  /** How many batches make an epoch. @default all that the data set has */
  readonly batchesPerEpoch?: number | undefined;
  /** A data set of batches to evaluate on after every epoch, or images and labels, and perhaps weights. @default none */
  readonly validationData?: TfjsDataset | readonly [Tensor, Tensor] | readonly [Tensor, Tensor, Tensor] | undefined;
  /** Size of the batches that images and labels are evaluated in. @default 32 */
  readonly validationBatchSize?: number | undefined;
  /** How many batches of a data set are evaluated on. @default all */
  readonly validationBatches?: number | undefined;
}

/** What {@link Distiller.evaluate} is told. */
export interface DistillerEvaluateArgs<Tensor = TfjsTensor> {
  /** Samples in a batch. @default 32 */
  readonly batchSize?: number | undefined;
  /** [n]: how many times each sample counts. @default once */
  readonly sampleWeight?: Tensor | undefined;
}

/** What {@link Distiller.evaluateDataset} is told. */
export interface DistillerEvaluateDatasetArgs {
  /** How many batches are evaluated on. @default all */
  readonly batches?: number | undefined;
}

/** `tf.data.Dataset` of batches { xs, ys }, or whatever can be gone through like it. */
export interface TfjsDataset {
  /** Number of batches, where it is known. */
  readonly size?: number | null;
  iterator(): Promise<{ next(): Promise<{ readonly value: unknown; readonly done?: boolean | undefined }> }>;
}

const yields = oneOf(['auto', 'batch', 'epoch', 'never'], 'auto');

const unread = (value: unknown) => value;

const hookNames = [
  ...['onTrainBegin', 'onTrainEnd', 'onEpochBegin', 'onEpochEnd'],
  ...['onBatchBegin', 'onBatchEnd', 'onYield'],
];

function hooks(value: unknown, path: string): readonly object[] {
  const list = Array.isArray(value);
  return (list ? value : [value ?? {}]).map((entry: unknown, i) => {
    const at = list ? `${path}[${i}]` : path;
    const callback = expectObject(at, entry, 'a callback: an object with onEpochEnd() and the like');
    for (const name of hookNames) {
      const hook = callback[name] ?? undefined;
      if (hook === undefined || typeof hook === 'function') continue;
      fail('ERR_GLD_ARG_TYPE', `${at}.${name}`, 'a function', describe(hook));
    }
    return callback;
  });
}

function classWeights(value: unknown, path: string): Readonly<Record<number, number>> | undefined {
  if (value === undefined) return undefined;
  const given = expectObject(path, value, 'an object with a weight for every class');
  for (const [label, weight] of Object.entries(given)) {
    if (!/^\d+$/.test(label)) fail('ERR_GLD_OPTION', `${path}.${label}`, 'classes as names, from 0 on', 'another one');
    const what = 'a finite number of at least 0';
    if (typeof weight !== 'number') fail('ERR_GLD_ARG_TYPE', `${path}[${label}]`, what, describe(weight));
    if (!(weight >= 0 && weight < Infinity)) fail('ERR_GLD_WEIGHT', `${path}[${label}]`, what, String(weight));
  }
  return given as Record<number, number>;
}

function verbosity(value: unknown, path: string): 0 | 1 {
  if (value === undefined) return 1;
  if (value === 0 || value === 1) return value;
  return fail('ERR_GLD_OPTION', path, '0 or 1', describe(value));
}

const train = {
  epochs: integer(1, 1),
  initialEpoch: integer(undefined, 0),
  callbacks: hooks,
  yieldEvery: (value: unknown, path: string) =>
    typeof value === 'number' ? number(0, 0, 'milliseconds, at least 0')(value, path) : yields(value, path),
  verbose: verbosity,
  classWeight: classWeights,
} satisfies Table;

const batchSize = integer(32, 1);

/** What each method takes, with its checks. */
export const args = {
  fit: {
    ...train,
    batchSize,
    shuffle: flag(true),
    sampleWeight: unread,
    validationData: unread,
    validationSplit: number(0, 0, 'a share of at least 0 and less than 1', 1),
  },
  fitDataset: {
    ...train,
    batchesPerEpoch: integer(undefined, 1),
    validationData: unread,
    validationBatchSize: batchSize,
    validationBatches: integer(undefined, 1),
  },
  evaluate: { batchSize, sampleWeight: unread },
  evaluateDataset: { batches: integer(undefined, 1) },
};
