import type { Call } from './call.js';
import { arrayKind, describe } from './describe.js';
import { isDetached, isFloat, natural } from './elements.js';
import { fail } from './errors.js';
import type { Settings } from './options.js';
import { limits } from './schema.js';
import { expectFloats, numbersOf, readView, resize, setDense, type View } from './tensor.js';

/**
 * Reads and checks the labels of n samples over so many classes: class indices, copied into memory of our own, or a
 * view of soft labels [n, K]; and tells the call what the options say of them.
 */
export function readLabels(
  call: Call,
  value: unknown,
  n: number,
  classes: number,
  { ignoreIndex }: Pick<Settings, 'ignoreIndex'>,
): void {
  const argument = 'labels';
  if (ignoreIndex !== undefined) {
    call.set('unlabelled', 1);
  }
  if (Array.isArray(value)) {
    expectCount(argument, value.length, n);
    return readIndices(call, argument, value, 0, 1, n, classes, ignoreIndex);
  }
  const kind = arrayKind(value);
  if (kind !== undefined) {
    const dtype = natural[kind];
    if (dtype === undefined || isFloat(dtype)) {
      const expected = 'an integer array of class indices, or soft labels as a tensor { data, shape: [n, K] }';
      fail('ERR_GLD_DTYPE', argument, expected, `a bare ${kind}`);
    }
    const array = value as Int32Array;
    if (isDetached(array)) fail('ERR_GLD_DETACHED', argument, 'memory that is still there', 'a detached buffer');
    expectCount(argument, array.length, n);
    return readIndices(call, argument, array, 0, 1, n, classes, ignoreIndex);
  }
  if (typeof value !== 'object' || value === null) {
    fail('ERR_GLD_ARG_TYPE', argument, 'class indices [n] or soft labels [n, K]', describe(value));
  }
  const view = call.view('softLabels');
  readView(view, argument, value, ranks, '[n], [n, 1] or [n, K]');
  // There are two classes at least, so that soft labels are never [n, 1].
  if (view.shape.length === 2 && view.shape[1] !== 1) {
    if (ignoreIndex !== undefined) {
      fail('ERR_GLD_OPTION', 'ignoreIndex', 'none with soft labels, which have no index', String(ignoreIndex));
    }
    return expectSoftLabels(argument, view, n, classes);
  }
  const { dtype, offset, shape, strides } = view;
  if (view.place !== undefined) return leaveThere(call, argument, view, n);
  if (dtype === 'bool') fail('ERR_GLD_DTYPE', argument, 'whole numbers for labels [n] or [n, 1]', dtype);
  expectCount(argument, shape[0], n);
  if (dtype === 'float16' || dtype === 'bfloat16') {
    readIndices(call, argument, numbersOf(view), 0, 1, n, classes, ignoreIndex);
  } else {
    readIndices(call, argument, view.array, offset, strides[0], n, classes, ignoreIndex);
  }
  view.data = null;
}

/** Class indices that stay where they are: the engine checks them. */
function leaveThere(call: Call, argument: string, from: View, n: number): void {
  const { data, dtype, offset, shape, strides, first, end, place } = from;
  from.data = null;
  if (dtype !== 'int32') {
    fail(
      'ERR_GLD_DTYPE',
      argument,
      'int32 elements for labels [n] or [n, 1] on a GPU (soft labels have shape [n, K])',
      dtype,
    );
  }
  expectCount(argument, shape[0], n);
  const view = call.view('labels');
  view.argument = argument;
  resize(view.shape, 1);
  view.shape[0] = n;
  resize(view.strides, 1);
  view.strides[0] = strides[0];
  view.setData(data, 'int32', offset, first, end, place);
}

const ranks = [1, 2] as const;

function expectSoftLabels(argument: string, view: View, n: number, classes: number): void {
  expectFloats(argument, view);
  if (view.shape[0] !== n || view.shape[1] !== classes) {
    const expected = `shape [${n}, ${classes}], one distribution over the classes per sample`;
    fail('ERR_GLD_SHAPE', argument, expected, `[${view.shape[0]}, ${view.shape[1]}]`);
  }
}

function expectCount(argument: string, count: number, n: number): void {
  if (count !== n) fail('ERR_GLD_SHAPE', argument, `${n} labels, one per sample`, `${count}`);
}

/** Copies before checking, so that what is checked is what is used even if the source is shared memory. */
function readIndices(
  call: Call,
  argument: string,
  source: ArrayLike<unknown>,
  offset: number,
  stride: number,
  n: number,
  classes: number,
  ignoreIndex: number | undefined,
): void {
  const data = call.labels(n);
  if (source instanceof Float32Array || source instanceof Float64Array) {
    readFloats(data, argument, source, offset, stride, n, classes, ignoreIndex);
  } else {
    readAny(data, argument, source, offset, stride, n, classes, ignoreIndex);
  }
  const view = call.view('labels');
  view.argument = argument;
  resize(view.shape, 1);
  view.shape[0] = n;
  setDense(view.strides, view.shape);
  view.setData(data, 'int32', 0, 0, n);
}

/** In a loop of their own: where floats are read among elements of other kinds, each becomes an object on the heap. */
function readFloats(
  data: Int32Array,
  argument: string,
  source: Float32Array | Float64Array,
  offset: number,
  stride: number,
  n: number,
  classes: number,
  ignoreIndex: number | undefined,
): void {
  for (let i = 0; i < n; i += 1) {
    const label = source[offset + i * stride];
    if (ignoreIndex !== undefined && label === ignoreIndex) {
      data[i] = limits.noLabel;
      continue;
    }
    if (!Number.isInteger(label) || label < 0 || label >= classes) refuse(argument, i, label, classes);
    data[i] = label;
  }
}

function readAny(
  data: Int32Array,
  argument: string,
  source: ArrayLike<unknown>,
  offset: number,
  stride: number,
  n: number,
  classes: number,
  ignoreIndex: number | undefined,
): void {
  for (let i = 0; i < n; i += 1) {
    const given = source[offset + i * stride];
    const label = typeof given === 'bigint' ? Number(given) : given;
    if (ignoreIndex !== undefined && label === ignoreIndex) {
      data[i] = limits.noLabel;
      continue;
    }
    if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= classes) {
      refuse(argument, i, given, classes);
    }
    data[i] = label as number;
  }
}

function refuse(argument: string, i: number, given: unknown, classes: number): never {
  return fail('ERR_GLD_LABEL', `${argument}[${i}]`, `an integer in [0, ${classes})`, describe(given));
}
