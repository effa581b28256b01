import type { Copies } from './copies.js';
import { countGpus, expectGpu } from './cuda.js';
import { arrayKind, brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { refuseData, refuseLocation } from './foreign.js';
import type { DeviceMemory } from './native.cjs';
import type { CudaDType, DType } from './types.js';

/** Element types of the typed arrays: labels may have the integer ones, and masks have bytes, or booleans in bytes. */
export type ElementType =
  | DType
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64';

/** Typed arrays that a view may lie on. */
export type ViewArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Memory on a GPU that a view may lie on: a CudaTensor's, or somebody else's by its address. */
export type DeviceData = DeviceMemory | bigint;

/** The `device` of what lies in CPU memory; others are the numbers of GPUs. */
export const host = -1;

/** Where a CudaTensor has its memory; the same for all copies of this package in a process. */
export const memoryOf: unique symbol = Symbol.for('gld-loss.DeviceMemory') as never;

/**
 * A tensor after reading: element [i, j, ...] is data[offset + i * strides[0] + j * strides[1] + ...]. Views are made
 * once and filled in place, so that reading a tensor allocates nothing.
 */
export class View {
  /** null: there is no such tensor in this call, and nothing else here means anything. */
  data: ViewArray | DeviceData | null = null;
  /** Where data is. */
  device = host;
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
  place(
    data: ViewArray | DeviceData | null,
    dtype: ElementType,
    offset: number,
    first: number,
    end: number,
    device: number = host,
  ): void {
    this.data = data;
    this.device = device;
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
   * Moves what is in CPU memory to an array of ours: changes or transfers of the caller's do not reach that. A GPU's stays
   * where it is.
   */
  copyTo(copies: Copies): void {
    if (this.data === null || this.device !== host) return;
    const from = this.array;
    const length = this.end - this.first;
    const start = from.byteOffset + this.first * from.BYTES_PER_ELEMENT;
    // One array's type stands for all of them here: what follows is the same for every kind.
    const data = copies.array(this.argument, this.dtype, length) as Uint8Array;
    try {
      data.set(new (kinds[this.dtype] as Uint8ArrayConstructor)(from.buffer, start, length));
    } catch {
      fail('ERR_GLD_DETACHED', this.argument, 'memory that is still there', 'a buffer that was detached or shrunk');
    }
    this.place(data, this.dtype, this.offset - this.first, 0, length);
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

/** One element as a number, 16-bit floats from their bits. */
export function numberOf(data: ViewArray, at: number, dtype: ElementType): number {
  const element = data[at] as number;
  if (dtype === 'float16') return fromFloat16(element);
  if (dtype !== 'bfloat16') return element;
  word[0] = element << 16;
  return number[0];
}

/** One float32 as its bits. */
const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);

function fromFloat16(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const special = fraction === 0 ? Infinity : NaN;
  const normal = exponent === 31 ? special : (1024 + fraction) * 2 ** (exponent - 25);
  return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : normal);
}

/** The element type that each kind of typed array has when nothing is declared. */
export const natural: Readonly<Record<string, ElementType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Float16Array: 'float16',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
};

const floats: ReadonlySet<string> = new Set<DType>(['float32', 'float64', 'float16', 'bfloat16']);

export function isFloat(dtype: ElementType): dtype is DType {
  return floats.has(dtype);
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
  const device = tensor.device;
  const address = tensor.ptr;
  if (device === 'cuda' || (address !== undefined && tensor.data === undefined)) {
    return readDeviceView(view, argument, tensor, device, address, ranks, axes);
  }
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
  view.place(data, dtype, offset, first, last + 1);
}

/** Element types that GPUs compute with. */
export const cudaDtypes = ['float32', 'float16', 'bfloat16', 'int32'] as const satisfies readonly CudaDType[];

/** {@link readView} for a tensor on a GPU. That its memory holds all that the view reaches is for the addon to see. */
function readDeviceView(
  view: View,
  argument: string,
  tensor: Readonly<Record<string | symbol, unknown>>,
  device: unknown,
  address: unknown,
  ranks: readonly number[],
  axes: string,
): void {
  if (device !== 'cuda') {
    fail('ERR_GLD_ARG_TYPE', `${argument}.device`, "'cuda', which a tensor with a ptr is on", describe(device));
  }
  const { shape, strides } = view;
  const index = readDeviceId(argument, tensor.deviceId);
  if (index >= countGpus()) expectGpu(argument, index, 'a tensor in CPU memory', `one on cuda:${index}`);
  const memory = tensor[memoryOf] as DeviceMemory | undefined;
  // The addon knows a DeviceMemory when it sees one, but a typed array would be memory of the CPU there.
  if (memory !== undefined && (typeof memory !== 'object' || memory === null || ArrayBuffer.isView(memory))) {
    fail('ERR_GLD_ARG_TYPE', argument, 'memory on a GPU', describe(memory));
  }
  if (memory === undefined && (typeof address !== 'bigint' || address <= 0n || address >= 1n << 64n)) {
    const expected = 'an address as a bigint, greater than 0 and less than 2^64';
    fail('ERR_GLD_ARG_TYPE', `${argument}.ptr`, expected, describe(address));
  }
  readShape(shape, argument, tensor, ranks, axes);
  const count = countElements(argument, shape);
  const declared = tensor.dtype ?? tensor.type;
  if (!cudaDtypes.includes(declared as CudaDType)) {
    fail('ERR_GLD_DTYPE', `${argument}.dtype`, `one of ${cudaDtypes.join(', ')}`, describe(declared));
  }
  if (!readStrides(strides, argument, tensor, shape)) setDense(strides, shape);
  const offset = readOffset(argument, tensor);
  view.place(memory ?? (address as bigint), declared as CudaDType, offset, 0, count, index);
}

function readDeviceId(argument: string, value: unknown): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.deviceId`, 'the number of a GPU, from 0', describe(value));
  }
  return value as number;
}

/** {@link readView} for floating-point elements. */
export function readFloats(view: View, argument: string, value: unknown, ranks: readonly number[], axes: string): void {
  readView(view, argument, value, ranks, axes);
  expectFloats(argument, view);
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

/** The arrays that elements of each type travel in. */
export const kinds = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

/** A new array for so many elements of that type. */
export function allocateArray(argument: string, dtype: ElementType, length: number): ViewArray {
  try {
    return new kinds[dtype](length);
  } catch {
    return fail('ERR_GLD_MEMORY', argument, `memory for ${length} ${dtype} elements`, 'none');
  }
}

/** The elements of a Float16Array as a Uint16Array over the same memory; other arrays are returned as they are. */
export function bits(data: ViewArray): ViewArray {
  if (data.length === 0 || arrayKind(data) !== 'Float16Array') return data;
  return new Uint16Array(data.buffer, data.byteOffset, data.length);
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
