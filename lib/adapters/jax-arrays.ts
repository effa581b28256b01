/** Reading, making and giving up arrays of jax-js, whose every use consumes a reference. */
import type { Table } from '../check.js';
import { brackets } from '../describe.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import type { DenseTensor, TensorLike } from '../types.js';
import { entriesOf } from './inputs.js';
import { isConcrete, isJaxArray, type JaxArray, type JaxLike } from './jax-types.js';

/** What has to be known of an array to make one like it. */
export type Like = { readonly dtype: string; readonly device: string | undefined };

/** The arrays of a record and of its two sides, whatever their names, tracers included. */
export function arraysIn(inputs: unknown): JaxArray[] {
  const { teacher, student } = Object(inputs) as Record<string, unknown>;
  return [...arraysOf(inputs, tables.inputs), ...arraysOf(teacher, tables.side), ...arraysOf(student, tables.side)];
}

function arraysOf(fields: unknown, table: Table): JaxArray[] {
  if (typeof fields !== 'object' || fields === null || isJaxArray(fields) || ArrayBuffer.isView(fields)) return [];
  return entriesOf(fields, table)
    .map(([, value]) => value)
    .filter(isJaxArray);
}

/** The arrays of a tree, one for each time that it has it. */
export function arraysOfTree({ tree }: Pick<JaxLike, 'tree'>, value: unknown): JaxArray[] {
  return tree.leaves(value).filter(isJaxArray);
}

/** Whether a value is an array of jax-js; a freed one, and a tracer, are refused. */
export function isReadable(argument: string, value: unknown): value is JaxArray {
  if (!isJaxArray(value)) return false;
  if (!isConcrete(value)) {
    const cure = 'an array with elements (inside of grad, vmap or jit: scalar(), with what surrogate() found)';
    fail('ERR_GLD_ADAPTER', argument, cure, 'a tracer of a transformation, which has none');
  }
  if (value.refCount === 0) refuseFreed(argument, value);
  return true;
}

/** Refuses arrays that are used more often than there are references to them; `uses` names the argument of each. */
export function expectReferences(uses: readonly { argument: string; tensor: JaxArray }[]): void {
  const counts = new Map<JaxArray, number>();
  for (const { argument, tensor } of uses) {
    const count = (counts.get(tensor) ?? 0) + 1;
    if (count > tensor.refCount) refuseFreed(argument, tensor);
    counts.set(tensor, count);
  }
}

function refuseFreed(argument: string, { shape }: JaxArray): never {
  const expected = 'an array with a reference of its own (every use consumes one; x.ref makes another)';
  return fail('ERR_GLD_DISPOSED', argument, expected, `a freed one of shape ${brackets(shape)}`);
}

/** Gives up one reference for every time that an array is in the list; those that are gone already are left alone. */
export function release(arrays: readonly { dispose(): void; readonly refCount?: number }[]): void {
  for (const array of arrays) if (array.refCount !== 0) array.dispose();
}

/** The result of a function; gives up those if it throws. */
export function guarded<T>(those: readonly { dispose(): void }[], f: () => T): T {
  try {
    return f();
  } catch (error) {
    release(those);
    throw error;
  }
}

/**
 * The result of a function of the caller's that consumes one reference for every time that an array is in the list. If it
 * throws, those that it had not come to use are given up.
 */
export function consuming<T>(arrays: readonly JaxArray[], f: () => T): T {
  const left = new Map<JaxArray, number>();
  for (const array of arrays) left.set(array, (left.get(array) ?? array.refCount) - 1);
  try {
    return f();
  } catch (error) {
    for (const [array, count] of left) while (array.refCount > count) array.dispose();
    throw error;
  }
}

/** The same with references that are made for the function: the caller's stay. */
export function lending<T>(arrays: readonly JaxArray[], f: () => T): T {
  return consuming(
    arrays.map(({ ref }) => ref),
    f,
  );
}

/** An array's elements for the core. The caller's reference stays; the one that reading consumes is made here. */
export function readSync(array: JaxArray, argument: string): TensorLike {
  const own = array.ref;
  try {
    return elements(own, own.dataSync());
  } catch (error) {
    release([own]);
    const received = `one on device '${array.device}' (${error instanceof Error ? error.message : error})`;
    return fail('ERR_GLD_ADAPTER', argument, 'an array with synchronous data; async() takes any other', received);
  }
}

export async function read(array: JaxArray): Promise<TensorLike> {
  const own = array.ref;
  try {
    return elements(own, await own.data());
  } catch (error) {
    release([own]);
    throw error;
  }
}

function elements({ shape, dtype }: JaxArray, data: object): TensorLike {
  // Which jax-js gives as int32.
  if (dtype === 'bool') return { data: Uint8Array.from(data as Int32Array), shape };
  return { data: data as ArrayBufferView, shape, dtype };
}

/** An array on the device and of the element type of another one, owned by the caller. */
export function arrayOf<A extends JaxArray>(
  { numpy }: Pick<JaxLike<A>, 'numpy'>,
  { data, shape }: Pick<DenseTensor, 'data' | 'shape'>,
  { dtype, device }: Like,
): A {
  const options = { shape: [...shape], device };
  if (dtype === 'float64' && float16Array === undefined) {
    // jax-js trips over a Float64Array there. Two float32 numbers have 48 bits of fraction between them.
    const high = Float32Array.from(data);
    const low = Float32Array.from(data, (value, i) => (Number.isFinite(high[i]) ? value - high[i] : 0));
    return numpy.array(high, options).astype(dtype).add(numpy.array(low, options).astype(dtype));
  }
  const Kind = dtype === 'float64' ? Float64Array : dtype === 'float16' && float16Array ? float16Array : Float32Array;
  return numpy.array(data instanceof Kind ? data : Kind.from(data), options);
}

/** From Node.js 24 on. Without it jax-js can read no float16 array, and so none gets this far. */
const float16Array = (globalThis as { Float16Array?: typeof Float32Array }).Float16Array;
