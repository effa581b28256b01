import { Buffer, constants } from 'node:buffer';
import { arrayKind } from './describe.js';
import { fail } from './errors.js';
import type { DType } from './tensor-types.js';

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

/** Bytes from which on an array is faster to have without zeros in it. */
const UNFILLED = 4096;

/**
 * A new array for so many elements of that type, its contents anything, all of which the caller writes: to fill a gradient of
 * megabytes with zeros first takes a good part of a call.
 */
export function allocateArray(argument: string, dtype: ElementType, length: number): ViewArray {
  const Kind = kinds[dtype];
  const bytes = length * Kind.BYTES_PER_ELEMENT;
  try {
    // In Node.js 20, an array may be longer than a Buffer.
    if (bytes < UNFILLED || bytes > constants.MAX_LENGTH) return new Kind(length);
    return new Kind(Buffer.allocUnsafeSlow(bytes).buffer);
  } catch {
    return fail('ERR_GLD_MEMORY', argument, `memory for ${length} ${dtype} elements`, 'none');
  }
}

/** The elements of a Float16Array as a Uint16Array over the same memory; other arrays are returned as they are. */
export function bits(data: ViewArray): ViewArray {
  if (data.length === 0 || arrayKind(data) !== 'Float16Array') return data;
  return new Uint16Array(data.buffer, data.byteOffset, data.length);
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
