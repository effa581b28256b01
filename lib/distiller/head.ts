/** A head as a function of pooled features, and as a linear classifier where it is one. */
import type { Source, Values } from './graph.js';
import { isClose, largest, type MapSplit, type Split } from './split.js';

/** Logits [m, K] of pooled features [m, C]. */
export type Head = (rows: Values) => Promise<Values>;

/** A linear classifier. */
export interface Classifier {
  /** [C, K] */
  readonly weight: Float32Array;
  /** [K] */
  readonly bias: Float32Array;
}

/** The head of a model, which runs what lies behind the mean. */
export function headOf<Tensor>(source: Source<Tensor>, { logits }: Split, { pooled, rows }: MapSplit): Head {
  return async ({ data, shape: [m] }) => {
    const [values] = await source.run(pooled, { data, shape: [m, ...rows.shape.slice(1)], dtype: rows.dtype }, [
      logits,
    ]);
    return { ...values, shape: [m, values.data.length / m] };
  };
}

/** Rows that a head is run on at once. */
const rowsAtOnce = 256;

/**
 * The weight and bias of a head that is an affine map, however many layers it has and whatever they are: its value at 0 is the
 * bias, and its values at multiples of the unit vectors are the rows of the weight. undefined for one that is none, because
 * weight and bias do not give its values at pooled features of images, twice them and their opposites.
 */
export async function classifierOf(head: Head, { data, shape: [n], dtype }: Values): Promise<Classifier | undefined> {
  const channels = data.length / n;
  // Beyond the features themselves, so that the bias costs the weight no digits; a power of two, so that nothing is rounded.
  const unit = 8 * 2 ** Math.ceil(Math.log2(Math.max(largest(data), Number.MIN_VALUE)));
  const zero = await head({ data: new Float32Array(channels), shape: [1, channels], dtype });
  const bias = Float32Array.from(zero.data);
  const classes = bias.length;
  const weight = new Float32Array(channels * classes);
  for (let from = 0; from < channels; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, channels - from);
    const units = new Float32Array(count * channels);
    for (let i = 0; i < count; i += 1) units[i * channels + from + i] = unit;
    const made = await head({ data: units, shape: [count, channels], dtype });
    made.data.forEach((value, i) => {
      weight[from * classes + i] = (value - zero.data[i % classes]) / unit;
    });
  }
  for (const factor of [1, 2, -1]) {
    const rows = data.map((value) => factor * value);
    const expected = await head({ data: rows, shape: [n, channels], dtype });
    const own = classify(rows, { weight, bias });
    if (!isClose(expected, own)) return undefined;
  }
  return { weight, bias };
}

function classify(rows: ArrayLike<number>, { weight, bias }: Classifier): Float64Array {
  const channels = weight.length / bias.length;
  return Float64Array.from({ length: (rows.length / channels) * bias.length }, (_, i) => {
    const [row, k] = [Math.floor(i / bias.length), i % bias.length];
    let sum = bias[k];
    for (let c = 0; c < channels; c += 1) sum += rows[row * channels + c] * weight[c * bias.length + k];
    return sum;
  });
}
