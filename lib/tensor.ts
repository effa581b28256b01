import type { CallArrays } from './call-arrays.js';
import { arrayKind, brackets, describe } from './describe.js';
import {
  allocateArray,
  bits,
  isDetached,
  isFloat,
  kinds,
  natural,
  numberOf,
  type ElementType,
  type ViewArray,
} from './elements.js';
import type { Located, Memory, Place } from './engine.js';
import { native } from './engines/native.js';
import { fail } from './errors.js';
import { refuseData, refuseLocation } from './foreign.js';
import type { CudaDType } from './tensor-types.js';

/**
 * A tensor after reading: element [i, j, ...] is data[offset + i * strides[0] + j * strides[1] + ...]. Views are made
 * once and filled in place, so that reading a tensor allocates nothing.
 */
export class View {
  /** null: there is no such tensor in this call, and nothing else here means anything. */
  data: ViewArray | Memory | null = null;
  /** Whose memory data is; undefined: the CPU's. */
  place: Place | undefined;
  /** What the caller knows it as. */
  argument = '';
  dtype: ElementType = 'float32';
  readonly shape: number[] = [];
  readonly strides: number[] = [];
  offset = 0;
  /** The indices of data that the view reaches lie in [first, end). */
  first = 0;
  end = 0;

  /** Sets what the caller's order of axes does not matter for. */
  setData(
    data: ViewArray | Memory | null,
    dtype: ElementType,
    offset: number,
    first: number,
    end: number,
    place?: Place | undefined,
  ): void {
    this.data = data;
    this.place = place;
    this.dtype = dtype;
    this.offset = offset;
    this.first = first;
    this.end = end;
  }

  /** Brings the axes into another order: axis i of then is axis order[i] of now. */
  permute(order: readonly number[]): void {
    for (const list of [this.shape, this.strides]) {
      for (let i = 0; i < order.length; i += 1) scratch[i] = list[order[i]];
      for (let i = 0; i < order.length; i += 1) list[i] = scratch[i];
    }
  }

  /**
   * Moves what is in CPU memory to an array of ours: changes or transfers of the caller's do not reach that. What is at a
   * place of its own stays there.
   */
  copyTo(arrays: CallArrays): void {
    if (this.data === null || this.place !== undefined) return;
    const from = this.array;
    const length = this.end - this.first;
    const start = from.byteOffset + this.first * from.BYTES_PER_ELEMENT;
    // One array's type stands for all of them here: what follows is the same for every kind.
    const data = arrays.array(this.argument, this.dtype, length) as Uint8Array;
    try {
      data.set(new (kinds[this.dtype] as Uint8ArrayConstructor)(from.buffer, start, length));
    } catch {
      fail('ERR_GLD_DETACHED', this.argument, 'memory that is still there', 'a buffer that was detached or shrunk');
    }
    this.setData(data, this.dtype, this.offset - this.first, 0, length);
  }

  /** The data of a view in CPU memory. */
  get array(): ViewArray {
    return this.data as ViewArray;
  }
}

const scratch = [0, 0, 0, 0, 0];

/** The elements of a view in CPU memory in row-major order: its own array where they lie so already, else a copy. */
export function copyDense(view: View): ViewArray {
  const { array, shape, strides, first, end, offset, dtype } = view;
  if (isDense(view)) {
    const Kind = kinds[dtype] as Float32ArrayConstructor;
    return new Kind(array.buffer, array.byteOffset + first * array.BYTES_PER_ELEMENT, end - first);
  }
  // One array's type stands for all of them here: what follows is the same for every kind.
  const from = array as Float32Array;
  const data = allocateArray(view.argument, dtype, countElements(view.argument, shape)) as Float32Array;
  const index = shape.map(() => 0);
  for (let at = 0, where = offset; at < data.length; at += 1) {
    data[at] = from[where];
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      where += strides[axis];
      index[axis] += 1;
      if (index[axis] < shape[axis]) break;
      where -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return data;
}

/** The elements of a view in CPU memory in row-major order as numbers, which 16-bit floats are only the bits of. */
export function numbersOf(view: View): ArrayLike<number | bigint> {
  const elements = copyDense(view) as Uint16Array;
  return view.dtype === 'float16' || view.dtype === 'bfloat16'
    ? Float32Array.from(elements, (_, at) => numberOf(elements, at, view.dtype))
    : elements;
}

/** The product of sizes, refused where a double can no longer count it. */
export function countElements(argument: string, sizes: readonly number[]): number {
  let product = 1;
  for (let axis = 0; axis < sizes.length; axis += 1) product *= sizes[axis];
  if (product > Number.MAX_SAFE_INTEGER) {
    fail('ERR_GLD_OVERFLOW', argument, 'fewer than 2^53 elements', sizes.join(' * '));
  }
  return product;
}

/** Gives a list of numbers another length; setting the same one again would be slow. */
export function resize(list: number[], length: number): void {
  if (list.length !== length) list.length = length;
}

/** Writes the strides of a dense tensor of the shape, whose axis i is the order[i]th of those that lie in memory. */
export function setDense(strides: number[], shape: readonly number[], order?: readonly number[]): void {
  resize(strides, shape.length);
  for (let place = shape.length - 1, step = 1; place >= 0; place -= 1) {
    const axis = order === undefined ? place : order.indexOf(place);
    strides[axis] = step;
    step *= shape[axis];
  }
}

/** Whether a view's elements lie in row-major order without gaps; the stride of an axis of size 1 does not matter. */
export function isDense({ shape, strides }: View): boolean {
  const dense: number[] = [];
  setDense(dense, shape);
  return shape.every((size, axis) => size === 1 || strides[axis] === dense[axis]);
}

/**
 * Reads a tensor of any element type and one of the given ranks (`axes` names them, for the message). Every property
 * is read once, and all that the view reaches lies inside its array when this returns. `convert` makes a typed array of
 * data that is none.
 */
export function readView(
  view: View,
  argument: string,
  value: unknown,
  ranks: readonly number[],
  axes: string,
  convert?: (argument: string, data: unknown) => unknown,
): void {
  if (typeof value !== 'object' || value === null) {
    fail('ERR_GLD_ARG_TYPE', argument, 'a tensor { data, shape }', describe(value));
  }
  const tensor = value as Readonly<Record<string, unknown>>;
  view.argument = argument;
  refuseLocation(argument, tensor);
  const located = native.placeOf(argument, tensor);
  if (located !== undefined) return readViewAt(located, view, argument, tensor, ranks, axes);
  const given = convert === undefined ? tensor.data : convert(argument, tensor.data);
  const kind = arrayKind(given);
  if (kind === undefined) refuseData(argument, tensor, given);
  const { shape, strides } = view;
  readShape(shape, argument, tensor, ranks, axes);
  const count = countElements(argument, shape);
  const dtype = elementType(argument, kind, tensor.dtype ?? tensor.type);
  // 16-bit floats travel as bits, so that the addon need not know of Float16Array.
  const data = bits(given as ViewArray);
  if (data.length === 0) refuseEmpty(argument, data, count);
  const strided = readStrides(strides, argument, tensor, shape);
  const offset = readOffset(argument, tensor);
  let first = offset;
  let last = offset;
  if (strided) {
    for (let axis = 0; axis < shape.length; axis += 1) {
      const span = (shape[axis] - 1) * strides[axis];
      if (span < 0) first += span;
      else last += span;
      // The stride of an axis of size 1 is never used; whatever it says must not reach the arithmetic.
      if (shape[axis] === 1) strides[axis] = 0;
    }
    if (first < 0 || last >= data.length) refuseReach(argument, view, offset, first, last, data.length);
  } else {
    setDense(strides, shape);
    last += count - 1;
    if (last >= data.length) refuseShort(argument, shape, offset, last + 1, data.length);
  }
  view.setData(data, dtype, offset, first, last + 1);
}

/** Element types that GPUs compute with. */
export const cudaDtypes = ['float32', 'float16', 'bfloat16', 'int32'] as const satisfies readonly CudaDType[];

/** {@link readView} for a tensor elsewhere. That its memory holds all that the view reaches is for the engine to see. */
function readViewAt(
  { memory, place }: Located,
  view: View,
  argument: string,
  tensor: Readonly<Record<string, unknown>>,
  ranks: readonly number[],
  axes: string,
): void {
  const { shape, strides } = view;
  readShape(shape, argument, tensor, ranks, axes);
  const count = countElements(argument, shape);
  const declared = tensor.dtype ?? tensor.type;
  if (!cudaDtypes.includes(declared as CudaDType)) {
    fail('ERR_GLD_DTYPE', `${argument}.dtype`, `one of ${cudaDtypes.join(', ')}`, describe(declared));
  }
  if (!readStrides(strides, argument, tensor, shape)) setDense(strides, shape);
  const offset = readOffset(argument, tensor);
  view.setData(memory, declared as CudaDType, offset, 0, count, place);
}

/** {@link readView} for floating-point elements. */
export function readFloats(view: View, argument: string, value: unknown, ranks: readonly number[], axes: string): void {
  readView(view, argument, value, ranks, axes);
  expectFloats(argument, view);
}

/** Refuses a view that is not in CPU memory: `expected` would have been, and `received` is what it is. */
export function expectHost({ argument, place }: View, expected: string, received: string): void {
  if (place !== undefined) fail('ERR_GLD_DEVICE', argument, expected, `${received} on ${place.name}`);
}

export function expectFloats(argument: string, view: View): void {
  if (isFloat(view.dtype)) return;
  const got = view.dtype === 'uint16' ? 'a Uint16Array without a dtype' : view.dtype;
  fail(
    'ERR_GLD_DTYPE',
    argument,
    'float32, float64, float16 or bfloat16 elements (16-bit ones in a Float16Array, or a Uint16Array with its dtype)',
    got,
  );
}

function elementType(argument: string, kind: string, declared: unknown): ElementType {
  const own = natural[kind];
  if (own === undefined) fail('ERR_GLD_DTYPE', `${argument}.data`, 'an array of floats', `a ${kind}`);
  if (declared === undefined || declared === null) return own;
  const name = String(declared);
  if (name === own) return own;
  if (kind === 'Uint16Array' && (name === 'float16' || name === 'bfloat16')) return name;
  if (own === 'uint8' && name === 'bool') return name;
  return fail('ERR_GLD_DTYPE', `${argument}.dtype`, `${own}, the element type of its ${kind}`, describe(declared));
}

function readShape(
  shape: number[],
  argument: string,
  tensor: Readonly<Record<string, unknown>>,
  ranks: readonly number[],
  axes: string,
): void {
  const given = (tensor.shape ?? tensor.dims) as ArrayLike<unknown>;
  const rank = lengthOf(given);
  if (rank === undefined) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.shape`, `an array of sizes ${axes}`, describe(given));
  }
  if (!ranks.includes(rank)) {
    fail('ERR_GLD_RANK', argument, `shape ${axes}`, `rank ${rank}: ${brackets(remaining(given, rank, []))}`);
  }
  resize(shape, rank);
  for (let axis = 0; axis < rank; axis += 1) {
    const size = given[axis];
    if (!Number.isSafeInteger(size) || (size as number) < 1) {
      const got = remaining(given, rank, [...shape.slice(0, axis), size]);
      fail('ERR_GLD_SHAPE', argument, `shape ${axes} of positive integers`, brackets(got));
    }
    shape[axis] = size as number;
  }
}

/** Whether strides are given; false for a dense tensor. */
function readStrides(
  strides: number[],
  argument: string,
  tensor: Readonly<Record<string, unknown>>,
  shape: readonly number[],
): boolean {
  const given = (tensor.strides ?? tensor.stride) as ArrayLike<unknown> | null | undefined;
  // transformers.js has a method of this name, and dense data always.
  if (given === undefined || given === null || typeof given === 'function') return false;
  const rank = lengthOf(given);
  if (rank === undefined) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.strides`, 'an array of integers', describe(given));
  }
  if (rank !== shape.length) refuseStrides(argument, shape.length, remaining(given, rank, []));
  resize(strides, rank);
  for (let axis = 0; axis < rank; axis += 1) {
    const stride = given[axis];
    if (!Number.isSafeInteger(stride)) {
      refuseStrides(argument, rank, remaining(given, rank, [...strides.slice(0, axis), stride]));
    }
    strides[axis] = stride as number;
  }
  return true;
}

function readOffset(argument: string, tensor: Readonly<Record<string, unknown>>): number {
  const own = tensor.offset;
  const offset = own ?? (tensor.storage as { offset?: unknown } | null | undefined)?.offset ?? 0;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    fail('ERR_GLD_STRIDE', `${argument}.offset`, 'an integer of at least 0', describe(offset));
  }
  return offset as number;
}

/** How many elements an array of any realm and kind has, or what is like one; undefined for everything else. */
export function lengthOf(list: unknown): number | undefined {
  if (typeof list !== 'object' || list === null) return undefined;
  const { length } = list as Partial<ArrayLike<unknown>>;
  return typeof length === 'number' ? length : undefined;
}

/** A list of that length for a message, without reading again what was `read` already. */
function remaining(list: ArrayLike<unknown>, length: number, read: readonly unknown[]): ArrayLike<unknown> {
  const shown = Math.min(length, 17);
  return Array.from({ length: shown }, (_, i) => (i < read.length ? read[i] : list[i]));
}

function refuseStrides(argument: string, rank: number, given: ArrayLike<unknown>): never {
  return fail('ERR_GLD_STRIDE', `${argument}.strides`, `${rank} integers, one per axis`, brackets(given));
}

function refuseShort(argument: string, shape: readonly number[], offset: number, end: number, length: number): never {
  const from = offset === 0 ? '' : ` from offset ${offset}`;
  const expected = `at least ${end} elements for shape ${brackets(shape)}${from}`;
  return fail('ERR_GLD_SHORT', `${argument}.data`, expected, `${length}`);
}

function refuseReach(
  argument: string,
  { shape, strides }: View,
  offset: number,
  first: number,
  last: number,
  length: number,
): never {
  const given = `shape ${brackets(shape)}, strides ${brackets(strides)} and offset ${offset}`;
  const expected = `shape, strides and offset within [0, ${length - 1}], the data's indices`;
  return fail('ERR_GLD_STRIDE', argument, expected, `${given}, which reach [${first}, ${last}]`);
}

function refuseEmpty(argument: string, data: ViewArray, count: number): never {
  if (isDetached(data)) {
    fail('ERR_GLD_DETACHED', `${argument}.data`, 'memory that is still there', 'a detached buffer');
  }
  return fail('ERR_GLD_SHORT', `${argument}.data`, `at least ${count} elements`, '0');
}
