import { numberOf } from './elements.js';
import type { DType } from './tensor-types.js';
import type { View } from './tensor.js';

type SideName = 'teacher' | 'student';

/** In how many calls a watch looks at rows. */
const CALLS = 16;
/** How many rows of a side it looks at in each. */
const ROWS = 4;
/** How many bits have to speak for probabilities: numbers that are none say as much once in a million times. */
const ENOUGH = 20;

/** To how many bits the sum of probabilities of a type is 1: less of them than the type has, as each is rounded. */
const exactness: Readonly<Record<DType, number>> = { float32: 20, float64: 20, float16: 9, bfloat16: 6 };

/**
 * Looks at a few rows of logits in the first calls of whoever keeps it, and warns of those that are probabilities: rows from
 * behind a softmax look like any logits to the loss, which then has next to nothing to distil.
 */
export class Watch {
  #left = CALLS;
  /** Bits that have spoken for probabilities since a row did not look like them. */
  readonly #bits = { teacher: 0, student: 0 };

  /** Whether this call is one of the first. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  /** Looks at a side's logits in CPU memory, whose classes are on that axis. */
  look(side: SideName, view: View, axis: number, mask?: View): void {
    if (view.data === null || view.place !== undefined || warned.has(side)) return;
    const bits = bitsOf(view, axis, mask);
    this.#bits[side] = bits === undefined ? 0 : this.#bits[side] + bits;
    if (this.#bits[side] >= ENOUGH) warn(side, view.argument);
  }
}

/** Whether logits in CPU memory look like probabilities. */
export function looksProbable(view: View, axis: number, mask?: View): boolean {
  return (bitsOf(view, axis, mask) ?? 0) >= ENOUGH;
}

/**
 * How many bits a few rows of a view say for being probabilities; undefined if one of them is none. Positions that a mask
 * leaves out say nothing.
 */
function bitsOf(view: View, axis: number, mask?: View): number | undefined {
  const rows = view.shape.reduce((product, size) => product * size, 1) / view.shape[axis];
  const count = Math.min(rows, ROWS);
  let bits = 0;
  for (let i = 0; i < count; i += 1) {
    const row = count === 1 ? 0 : Math.floor((i * (rows - 1)) / (count - 1));
    if (mask !== undefined && mask.data !== null && mask.array[startOf(mask, row)] === 0) continue;
    const more = bitsOfRow(view, axis, startOf(view, row, axis));
    if (more === undefined) return undefined;
    bits += more;
  }
  return bits;
}

/**
 * How many bits a row says for being probabilities: its signs and its sum are right; undefined if they are not. Rows of
 * equal numbers, or of one 1 and zeros, are probabilities that logits may as well be, and say nothing.
 */
function bitsOfRow({ array, dtype, shape, strides }: View, axis: number, first: number): number | undefined {
  const classes = shape[axis];
  const bits = exactness[dtype as DType];
  let [sum, least, most] = [0, Infinity, -Infinity];
  for (let k = 0, at = first; k < classes; k += 1, at += strides[axis]) {
    const value = numberOf(array, at, dtype);
    if (!(value >= 0 && value <= 1)) return undefined;
    sum += value;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  // A sum over many classes in float32, which a softmax divides by, is rounded with each of them.
  if (!(Math.abs(sum - 1) <= 2 ** -bits + classes * 2 ** -24)) return undefined;
  return least === most || most === 1 ? 0 : classes + bits;
}

/** Where the row of that number begins: rows are counted over all axes but the one of the classes, the last one fastest. */
function startOf({ shape, strides, offset }: View, row: number, except = -1): number {
  let start = offset;
  let rest = row;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    if (axis === except) continue;
    start += (rest % shape[axis]) * strides[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return start;
}

/** The sides that this process was warned of. */
const warned = new Set<SideName>();

function warn(side: SideName, argument: string): void {
  warned.add(side);
  process.emitWarning(
    `${argument}: expected logits, got rows that look like probabilities: none is below 0, and their sum is 1. ` +
      'Hand over what lies before the softmax. The loss takes the softmax itself, and of probabilities that is nearly flat.',
    { type: 'GldWarning', code: 'GLD_PROBABILITIES' },
  );
}
