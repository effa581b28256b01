/** Tensors of TensorFlow.js and numbers in CPU memory, there and back. */
import type * as tfjs from '@tensorflow/tfjs';
import { isTfjsTensor, type TfjsTensor } from '../adapters/tfjs-types.js';
import type { Values } from './graph.js';
import type { TfjsMath } from './model-types.js';

/** The numbers as a tensor; a tensor as it is. */
export function toTensor<Tensor extends TfjsTensor>(tf: TfjsMath<Tensor>, value: Tensor | Values): Tensor {
  if (isTfjsTensor(value)) return value as Tensor;
  const { data, shape } = value as Values;
  return tf.tensor(data, [...shape], 'float32');
}

/** The numbers of a tensor, which stays the caller's. */
export async function toValues<Tensor extends TfjsTensor>(value: Tensor | Values): Promise<Values> {
  if (!isTfjsTensor(value)) return value as Values;
  const data = await value.data();
  const floats = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
  return { data: floats, shape: value.shape, dtype: 'float32' };
}

/** Reads the tensors that a function gives, and disposes all that it made; those that it did not make stay. */
export async function readKept<Tensor extends TfjsTensor>(tf: TfjsMath<Tensor>, f: () => Tensor[]): Promise<Values[]> {
  const kept: Tensor[] = [];
  tf.tidy(() => {
    // Clones, because a tensor may be one that was there before.
    for (const tensor of f()) kept.push(tf.keep(tf.clone(tensor)));
  });
  try {
    return await Promise.all(kept.map((tensor) => toValues<Tensor>(tensor)));
  } finally {
    for (const tensor of kept) tensor.dispose();
  }
}

/** Keeps the tensors that were made in a tidy so far, and gives those that nobody else keeps. */
export function keepMade<Tensor extends TfjsTensor>(tf: TfjsMath<Tensor>): Tensor[] {
  const { activeScope } = (tf as unknown as typeof tfjs).engine().state;
  const made = activeScope.track as unknown as (Tensor & { readonly kept: boolean })[];
  return made.filter(({ kept, isDisposed }) => !kept && !isDisposed).map((tensor) => tf.keep(tensor));
}

/** How many images a model is looked at with. */
const probes = 8;

/** The first of the images, which the caller disposes. */
export function probeOf<Tensor extends TfjsTensor>(tf: TfjsMath<Tensor>, images: Tensor): Tensor {
  let probe!: Tensor;
  tf.tidy(() => {
    probe = tf.keep(tf.slice(images, 0, Math.min(probes, images.shape[0])));
  });
  return probe;
}
