import type { Call, WeightsRole } from './call.js';
import { arrayKind, brackets, describe } from './describe.js';
import { isDetached, natural, type ViewArray } from './elements.js';
import { fail } from './errors.js';
import { expectHost, readView, resize, type View } from './tensor.js';

/** Reads and checks how many times each of n samples counts, which is then the weight of all of its rows. */
export function readSampleWeights(call: Call, value: unknown, n: number, rows: number): void {
  const view = readWeights(call, 'sampleWeights', value, n, 1, ofSamples);
  view.shape[1] = rows;
  view.strides[1] = 0;
}

/** The same for each row of logits of such a rank, [n, K] or [n, R, K]. */
export function readRowWeights(call: Call, value: unknown, n: number, rows: number, rank: number): void {
  readWeights(call, 'weights', value, n, rows, rank === 3 ? ofRows : ofSamples);
}

/** Reads and checks how much each of the classes counts in the task term. */
export function readClassWeights(call: Call, value: unknown, classes: number): void {
  const view = readWeights(call, 'classWeights', value, classes, 1, ofClasses);
  resize(view.shape, 1);
  resize(view.strides, 1);
}

/** Weights of a role: what their shape may be, how it is written, and what there is one for. */
interface Kind {
  readonly role: WeightsRole;
  readonly ranks: readonly number[];
  readonly axes: string;
  readonly per: string;
}

const ofSamples: Kind = { role: 'weights', ranks: [1, 2], axes: '[n] or [n, 1]', per: 'sample' };
const ofRows: Kind = { role: 'weights', ranks: [2], axes: '[n, R]', per: 'row' };
const ofClasses: Kind = { role: 'classWeights', ranks: [1], axes: '[K]', per: 'class' };

/** Reads weights as [n, rows]: arrays of numbers are copied, typed arrays and tensors are left where they are. */
function readWeights(
  call: Call,
  argument: string,
  value: unknown,
  n: number,
  rows: number,
  { role, ranks, axes, per }: Kind,
): View {
  const view = call.view(role);
  view.argument = argument;
  const kind = arrayKind(value);
  if (Array.isArray(value)) {
    expectCount(argument, value.length, n, rows, per);
    const data = call.weights(role, n * rows);
    for (let i = 0; i < data.length; i += 1) data[i] = readNumber(argument, i, value[i]);
    placeDense(view, data, 'float64', n, rows);
  } else if (kind !== undefined) {
    const dtype = natural[kind];
    if (dtype !== 'float32' && dtype !== 'float64') refuseType(argument, describe(value));
    const array = value as Float32Array;
    if (isDetached(array)) fail('ERR_GLD_DETACHED', argument, 'memory that is still there', 'a detached buffer');
    expectCount(argument, array.length, n, rows, per);
    placeDense(view, array, dtype, n, rows);
  } else {
    if (typeof value !== 'object' || value === null) {
      fail('ERR_GLD_ARG_TYPE', argument, `an array of weights or a tensor ${axes}`, describe(value));
    }
    readView(view, argument, value, ranks, axes);
    expectHost(view, 'weights in CPU memory', 'a tensor');
    if (view.dtype !== 'float32' && view.dtype !== 'float64') refuseType(argument, view.dtype);
    expectShape(view, n, rows);
  }
  expectWeights(view);
  return view;
}

function placeDense(view: View, data: ViewArray, dtype: 'float32' | 'float64', n: number, rows: number): void {
  resize(view.shape, 2);
  resize(view.strides, 2);
  view.shape[0] = n;
  view.shape[1] = rows;
  view.strides[0] = rows;
  view.strides[1] = 1;
  view.setData(data, dtype, 0, 0, data.length);
}

function expectShape({ argument, shape, strides }: View, n: number, rows: number): void {
  if (shape[0] !== n || (shape.length === 2 && shape[1] !== rows)) {
    const expected = `shape ${brackets(shape.length === 2 ? [n, rows] : [n])}`;
    fail('ERR_GLD_SHAPE', argument, expected, brackets(shape));
  }
  if (shape.length === 2) return;
  resize(shape, 2);
  resize(strides, 2);
  shape[1] = 1;
  strides[1] = 0;
}

function expectCount(argument: string, count: number, n: number, rows: number, per: string): void {
  if (count === n * rows) return;
  const expected = `${n * rows} weights, one per ${per}${rows === 1 ? '' : ` of ${n} samples`}`;
  fail('ERR_GLD_SHAPE', argument, expected, `${count}`);
}

/** Finite, not below 0, and not all of them 0. */
function expectWeights({ argument, array, shape, strides, offset }: View): void {
  const data = array as Float64Array;
  const rows = shape[1];
  let all = 0;
  for (let i = 0; i < shape[0]; i += 1) {
    for (let r = 0; r < rows; r += 1) {
      all += readNumber(argument, i * rows + r, data[offset + i * strides[0] + r * strides[1]]);
    }
  }
  if (all === 0) fail('ERR_GLD_WEIGHT', argument, 'at least one weight above 0', 'none');
}

function readNumber(argument: string, index: number, weight: unknown): number {
  if (typeof weight === 'number' && weight >= 0 && weight < Infinity) return weight;
  return fail('ERR_GLD_WEIGHT', `${argument}[${index}]`, 'a finite number of at least 0', describe(weight));
}

function refuseType(argument: string, received: string): never {
  return fail('ERR_GLD_DTYPE', argument, 'numbers in an array, or float32 or float64 elements', received);
}
