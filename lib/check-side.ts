import { withCall } from './call.js';
import { oneOf, options } from './check.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { looksProbable } from './probabilities.js';
import { readSide, Side as ReadSide, type SideName } from './sides.js';
import { classify } from './stages/classifier.js';
import { pool } from './stages/pool.js';
import { expectHost, numbersOf, readFloats, View } from './tensor.js';
import type { DType, FeatureSide, LogitMapSide, Side, TensorLike } from './types.js';

/** Options of {@link checkSide}. */
export interface CheckSideOptions {
  /** What messages call the side. @default 'side' */
  readonly name?: SideName | undefined;
}

/** What {@link checkSide} found. */
export interface SideCheck {
  /** What the model puts out: the logits that the side gives, or their softmax, which must not be taken for logits. */
  readonly output: 'logits' | 'softmax';
  /** The largest difference between an element of that and what the side gives. */
  readonly difference: number;
}

/** Rows of numbers, one for each sample. */
interface Matrix {
  readonly values: ArrayLike<number>;
  readonly n: number;
  readonly classes: number;
  /** How exact they are, as a share of the range of a row's logits. */
  readonly accuracy: number;
}

/** Those of a side. */
interface Own extends Matrix {
  readonly side: ReadSide;
}

/** By element types. GPUs and fast kernels round the factors of float32 products to 10 bits. */
export const accuracies: Readonly<Record<DType, number>> = {
  float64: 1e-6,
  float32: 1e-3,
  float16: 1e-2,
  bfloat16: 5e-2,
};
/** Probabilities are compared by their logarithms, from this one on, and no less exactly than this. */
const [leastProbability, leastAccuracy] = [2 ** -14, 0.25];
/** Logits this far below the top of their row have no probability: masks, of whatever size, say nothing of the others. */
const reach = 100;
/** How exact every logit is by itself, as a share of its size. */
const ownAccuracy = 2 ** -20;

const table = { name: oneOf(['teacher', 'student', 'side'], 'side') };

/**
 * Checks that a side is what its model computes: the global logits that the loss makes of it (the mean over the map times
 * the classifier, the mean of a map of logits, or the first row of logits) have to be the model's own output for the same
 * batch, or that has to be their softmax. Without it, a model that was taken apart in the wrong place trains or teaches
 * without complaint. Once before a training is enough; nothing is read from a GPU.
 *
 *     checkSide({ features, weight, bias }, logits, { name: 'teacher' });
 *
 * @param side As {@link gldLoss} takes it.
 * @param output What the whole model puts out for the batch, [n, K].
 * @throws {GldError} `ERR_GLD_SPLIT`, which says where they differ and why that may be; else see {@link GldErrorCode}.
 */
export function checkSide(side: Side, output: TensorLike, settings?: CheckSideOptions): SideCheck {
  const own = globalLogits(sideName(settings), side);
  const given = readOutput(output, own);
  const accuracy = Math.max(own.accuracy, given.accuracy);

  const logits = compare(own.values, given.values, accuracy * spreadOf(given));
  if (logits.at === undefined) return { output: 'logits', difference: logits.most };
  if (!areProbabilities(given)) return refuse(own, given, logits.at, '');

  const probabilities = { ...own, values: softmax(own) };
  const tolerance = accuracy + Math.min(2 * accuracy * spreadOf(own), leastAccuracy);
  const { at } = compare(logarithms(probabilities.values), logarithms(given.values), tolerance);
  if (at !== undefined) return refuse(probabilities, given, at, ' behind a softmax');
  return { output: 'softmax', difference: compare(probabilities.values, given.values, Infinity).most };
}

/** The name that the options give the side. */
export function sideName(settings: CheckSideOptions | undefined): SideName {
  return options(table, settings).name;
}

/** What the loss takes for the rows of the whole maps. */
function globalLogits(name: SideName, value: Side): Own {
  return withCall((call) => {
    const side = new ReadSide(call, 'student', name);
    readSide(side, value);
    for (const { argument, data, place } of call.views) {
      if (data === null || place === undefined) continue;
      fail('ERR_GLD_DEVICE', argument, 'a tensor in CPU memory (its toHost() is one)', `one on ${place.name}`);
    }
    const { kind, n, classes, logits, map, mask, tensors } = side;
    const probable =
      kind === 'logits'
        ? looksProbable(logits, logits.shape.length - 1)
        : kind === 'logitMap' && looksProbable(map, 1, mask);
    if (probable) {
      const received = 'rows that look like probabilities: none is below 0, and their sum is 1';
      fail('ERR_GLD_SPLIT', `${name}.${kind}`, 'logits, which lie before the softmax', received);
    }
    const accuracy = Math.max(...tensors.map((view) => (view.data === null ? 0 : accuracyOf(view))));
    const values = kind === 'logits' ? firstRows(logits) : pooledLogits(value as FeatureSide | LogitMapSide);
    return { side, values, n, classes, accuracy };
  });
}

/** By the stages that the loss has for it. */
function pooledLogits(side: FeatureSide | LogitMapSide): ArrayLike<number> {
  const { features, logitMap, layout, mask, weight, bias, weightLayout } = side as FeatureSide & Partial<LogitMapSide>;
  const { data, shape } = pool({ features: logitMap ?? features, layout, mask }, { grid: 1 }).pooled;
  const [n, rows, channels] = shape as [number, number, number];
  const pooled = { data, shape: [n, channels], strides: [rows * channels, 1] };
  return logitMap === undefined ? classify({ pooled, weight, bias, weightLayout }).logits.data : numbersIn(pooled);
}

/** The global rows of logits. */
function firstRows({ array, dtype, shape, strides, offset }: View): ArrayLike<number> {
  const last = shape.length - 1;
  return numbersIn({
    data: array,
    dtype,
    shape: [shape[0], shape[last]],
    strides: [strides[0], strides[last]],
    offset,
  });
}

function numbersIn(matrix: TensorLike): ArrayLike<number> {
  const view = new View();
  readFloats(view, 'rows', matrix, [2], '[n, K]');
  return numbersOf(view) as ArrayLike<number>;
}

/** The model's output, which has the shape of the side's own. */
function readOutput(output: unknown, { n, classes }: Matrix): Matrix {
  const view = new View();
  readFloats(view, 'output', output, [2], '[n, K]');
  expectHost(view, 'a tensor in CPU memory', 'one');
  if (view.shape[0] !== n || view.shape[1] !== classes) {
    fail('ERR_GLD_SHAPE', 'output', `shape ${brackets([n, classes])}, as the side's logits have`, brackets(view.shape));
  }
  return { values: numbersOf(view) as ArrayLike<number>, n, classes, accuracy: accuracyOf(view) };
}

function accuracyOf({ dtype }: View): number {
  return accuracies[dtype as DType];
}

/** The widest range of a row's logits, as an offset that all have in common is no signal. */
function spreadOf({ values, n, classes }: Matrix): number {
  let spread = 0;
  for (let i = 0; i < n; i += 1) {
    const row = Array.from({ length: classes }, (_, k) => values[i * classes + k]).filter(Number.isFinite);
    const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
    for (const value of row) if (top - value <= reach) spread = Math.max(spread, top - value);
  }
  return spread;
}

/** The first element that differs by more than the tolerance, if one does, and the largest difference. */
function compare(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  tolerance: number,
): { at: number | undefined; most: number } {
  let most = 0;
  for (let at = 0; at < b.length; at += 1) {
    const difference = a[at] === b[at] ? 0 : Math.abs(a[at] - b[at]);
    const own = ownAccuracy * Math.min(Math.abs(b[at]), Number.MAX_VALUE);
    if (!(difference <= tolerance + own)) return { at, most };
    most = Math.max(most, difference);
  }
  return { at: undefined, most };
}

/** Whether all rows may be what a softmax puts out. */
function areProbabilities({ values, n, classes, accuracy }: Matrix): boolean {
  for (let i = 0; i < n; i += 1) {
    let sum = 0;
    for (let k = 0; k < classes; k += 1) {
      const value = values[i * classes + k];
      if (!(value >= 0)) return false;
      sum += value;
    }
    if (!(Math.abs(sum - 1) <= accuracy)) return false;
  }
  return true;
}

function softmax({ values, n, classes }: Matrix): Float64Array {
  const result = Float64Array.from(values);
  for (let i = 0; i < n; i += 1) {
    const row = result.subarray(i * classes, (i + 1) * classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
    row.forEach((value, k) => (row[k] = Math.exp(value - most) / sum));
  }
  return result;
}

function logarithms(probabilities: ArrayLike<number>): Float64Array {
  return Float64Array.from(probabilities, (value) => Math.log(Math.max(value, leastProbability)));
}

/** Says where the two differ, and what the cause may be. */
function refuse(own: Own, given: Matrix, at: number, behind: string): never {
  // As many digits as tell them apart.
  const digits = [4, 7, 10, 17].find(
    (count) => own.values[at].toPrecision(count) !== given.values[at].toPrecision(count),
  );
  const shown = ({ values }: Matrix) => String(Number(values[at].toPrecision(digits)));
  const [sample, label] = [Math.floor(at / own.classes), at % own.classes];
  const expected = `${shown(given)} for class ${label} of sample ${sample}, as the model puts out`;
  const received = `${shown(own)} from ${parts[own.side.kind]}${behind}`;
  return fail(
    'ERR_GLD_SPLIT',
    own.side.name,
    expected,
    `${received} (likely ${causesOf(own.side, behind).join(', or ')})`,
  );
}

const parts = {
  features: 'the mean over its features, its weight and bias',
  logitMap: 'the mean over its logitMap',
  logits: 'the first row of its logits',
} as const;

function causesOf({ kind, classes, channels, layout, weightLayout }: ReadSide, behind: string): string[] {
  const activation = behind === '' ? ['an activation behind the logits'] : [];
  const run = 'another run: other samples, or dropout or batch normalization in training mode';
  if (kind === 'logits') return [run, ...activation];
  const order = `a map that is not ${layout}`;
  if (kind === 'logitMap') return ['another pooling than the mean over the whole map', ...activation, order, run];
  return [
    'a layer between that mean and the classifier',
    ...activation,
    ...(classes === channels ? [`a weight that is not '${weightLayout}'`] : []),
    order,
    `${run}. A head that is not linear goes in as its logits [n, K] before any softmax, on both sides`,
  ];
}
