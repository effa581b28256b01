import { arrayKind, brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { refuseData, refuseDevice } from './foreign.js';
import type { DType } from './types.js';

/** Element types of the typed arrays, the integer ones included: labels may have them. */
export type ElementType =
  | DType | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64';

/** Typed arrays that a view may lie on. */
export type ViewArray =
  | Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array;

/** A tensor after reading: element [i, j, ...] is data[offset + i * strides[0] + j * strides[1] + ...]. */
export interface View {
  readonly data: ViewArray;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** The indices of data that the view reaches lie in [first, end). */
  readonly first: number;
  readonly end: number;
}

/** A view with floating-point elements. */
export interface FloatView extends View {
  readonly dtype: DType;
}

/** The element type that each kind of typed array has when nothing is declared. */
export const natural: Readonly<Record<string, ElementType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Float16Array: 'float16',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
};

const floats: ReadonlySet<string> = new Set<DType>(['float32', 'float64', 'float16', 'bfloat16']);

/** The product of sizes, refused where a double can no longer count it. */
export function countElements(argument: string, sizes: readonly number[]): number {
  let product = 1;
  for (const size of sizes) product *= size;
  if (product > Number.MAX_SAFE_INTEGER) {
    fail('ERR_GLD_OVERFLOW', argument, 'fewer than 2^53 elements', sizes.join(' * '));
  }
  return product;
}

/** Row-major strides of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let axis = shape.length - 1, step = 1; axis >= 0; step *= shape[axis]!, axis -= 1) strides[axis] = step;
  return strides;
}

/**
 * Reads a tensor of any element type and one of the given ranks (`axes` names them, for the message). Every property
 * is read once, and all that the view reaches lies inside its array when this returns.
 */
export function readView(argument: string, value: unknown, ranks: readonly number[], axes: string): View {
  if (typeof value !== 'object' || value === null) {
    fail('ERR_GLD_ARG_TYPE', argument, 'a tensor { data, shape }', describe(value));
  }
  const tensor = value as Readonly<Record<string, unknown>>;
  refuseDevice(argument, tensor);
  const given = tensor['data'];
  const kind = arrayKind(given);
  if (kind === undefined) return refuseData(argument, tensor, given);
  const shape = readShape(argument, tensor, ranks, axes);
  const count = countElements(argument, shape);
  const dtype = elementType(argument, kind, tensor['dtype'] ?? tensor['type']);
  // 16-bit floats travel as bits, so that the addon need not know of Float16Array.
  const data = kind === 'Float16Array' ? bits(given as Uint16Array) : (given as ViewArray);
  if (data.length === 0) refuseEmpty(argument, data, count);
  const strides = readStrides(argument, tensor, shape);
  const offset = readOffset(argument, tensor);
  const { first, end } = reach(argument, data.length, shape, strides, offset);
  return { data, dtype, shape, strides: strides ?? denseStrides(shape), offset, first, end };
}

/** {@link readView} for floating-point elements. */
export function readFloats(argument: string, value: unknown, ranks: readonly number[], axes: string): FloatView {
  return asFloats(argument, readView(argument, value, ranks, axes));
}

/** The view itself, if its elements are floating-point numbers. */
export function asFloats(argument: string, view: View): FloatView {
  if (!floats.has(view.dtype)) {
    const got = view.dtype === 'uint16' ? 'a Uint16Array without a dtype' : view.dtype;
    fail(
      'ERR_GLD_DTYPE',
      argument,
      'float32, float64, float16 or bfloat16 elements (16-bit ones in a Float16Array, or a Uint16Array with its dtype)',
      got,
    );
  }
  return view as FloatView;
}

/** The same view with its axes in another order: result axis i is axis order[i]. */
export function permute(view: FloatView, order: readonly number[]): FloatView {
  return { ...view, shape: order.map((i) => view.shape[i]!), strides: order.map((i) => view.strides[i]!) };
}

/** The same elements in memory of our own: later changes or transfers of the caller's array do not reach it. */
export function copyView<V extends View>(view: V): V {
  // One constructor's type stands for all of them here: what follows is the same for every kind.
  const Kind = kinds[view.dtype] as Uint8ArrayConstructor;
  const length = view.end - view.first;
  const start = view.data.byteOffset + view.first * view.data.BYTES_PER_ELEMENT;
  const data = new Kind(length);
  data.set(new Kind(view.data.buffer, start, length));
  return { ...view, data, offset: view.offset - view.first, first: 0, end: length };
}

const kinds = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

function bits(data: Uint16Array): Uint16Array {
  return data.length === 0 ? data : new Uint16Array(data.buffer, data.byteOffset, data.length);
}

function elementType(argument: string, kind: string, declared: unknown): ElementType {
  const own = natural[kind];
  if (own === undefined) fail('ERR_GLD_DTYPE', `${argument}.data`, 'an array of floats', `a ${kind}`);
  if (declared === undefined || declared === null) return own;
  const name = String(declared);
  if (name === own) return own;
  if (kind === 'Uint16Array' && (name === 'float16' || name === 'bfloat16')) return name;
  return fail('ERR_GLD_DTYPE', `${argument}.dtype`, `${own}, the element type of its ${kind}`, describe(declared));
}

function readShape(
  argument: string,
  tensor: Readonly<Record<string, unknown>>,
  ranks: readonly number[],
  axes: string,
): number[] {
  const given = tensor['shape'] ?? tensor['dims'];
  const shape = numbers(given);
  if (shape === undefined) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.shape`, `an array of sizes ${axes}`, describe(given));
  }
  if (!ranks.includes(shape.length)) {
    fail('ERR_GLD_RANK', argument, `shape ${axes}`, `rank ${shape.length}: ${brackets(shape)}`);
  }
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || (size as number) < 1) {
      fail('ERR_GLD_SHAPE', argument, `shape ${axes} of positive integers`, brackets(shape));
    }
  }
  return shape as number[];
}

function readStrides(
  argument: string,
  tensor: Readonly<Record<string, unknown>>,
  shape: readonly number[],
): number[] | undefined {
  const given = tensor['strides'] ?? tensor['stride'];
  // transformers.js has a method of this name, and dense data always.
  if (given === undefined || given === null || typeof given === 'function') return undefined;
  const strides = numbers(given);
  if (strides === undefined) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.strides`, 'an array of integers', describe(given));
  }
  if (strides.length !== shape.length || !strides.every((stride) => Number.isSafeInteger(stride))) {
    fail('ERR_GLD_STRIDE', `${argument}.strides`, `${shape.length} integers, one per axis`, brackets(strides));
  }
  return strides as number[];
}

function readOffset(argument: string, tensor: Readonly<Record<string, unknown>>): number {
  const own = tensor['offset'];
  const offset = own ?? (tensor['storage'] as { offset?: unknown } | null | undefined)?.offset ?? 0;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    fail('ERR_GLD_STRIDE', `${argument}.offset`, 'an integer of at least 0', describe(offset));
  }
  return offset as number;
}

/** The elements of an array or typed array, read once each; undefined for anything else. */
function numbers(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value.slice();
  return arrayKind(value) === undefined ? undefined : Array.from(value as ArrayLike<unknown>);
}

function reach(
  argument: string,
  length: number,
  shape: readonly number[],
  strides: number[] | undefined,
  offset: number,
): { first: number; end: number } {
  if (strides === undefined) {
    const end = offset + shape.reduce((product, size) => product * size, 1);
    if (end > length) {
      const from = offset === 0 ? '' : ` from offset ${offset}`;
      const expected = `at least ${end} elements for shape ${brackets(shape)}${from}`;
      fail('ERR_GLD_SHORT', `${argument}.data`, expected, `${length}`);
    }
    return { first: offset, end };
  }
  let first = offset;
  let last = offset;
  for (let axis = 0; axis < shape.length; axis += 1) {
    const span = (shape[axis]! - 1) * strides[axis]!;
    if (span < 0) first += span;
    else last += span;
    // The stride of an axis of size 1 is never used; whatever it says must not reach the arithmetic.
    if (shape[axis] === 1) strides[axis] = 0;
  }
  if (first < 0 || last >= length) {
    const given = `shape ${brackets(shape)}, strides ${brackets(strides)} and offset ${offset}`;
    const expected = `shape, strides and offset within [0, ${length - 1}], the data's indices`;
    fail('ERR_GLD_STRIDE', argument, expected, `${given}, which reach [${first}, ${last}]`);
  }
  return { first, end: last + 1 };
}

/** Whether the array's memory is gone: transferred to another thread, or a WebAssembly memory that grew. */
export function isDetached(data: ArrayBufferView): boolean {
  if (data.byteLength !== 0) return false;
  try {
    new Uint8Array(data.buffer);
    return false;
  } catch {
    return true;
  }
}

function refuseEmpty(argument: string, data: ViewArray, count: number): never {
  if (isDetached(data)) {
    fail('ERR_GLD_DETACHED', `${argument}.data`, 'memory that is still there', 'a detached buffer');
  }
  return fail('ERR_GLD_SHORT', `${argument}.data`, `at least ${count} elements`, '0');
}
