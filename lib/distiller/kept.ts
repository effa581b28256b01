import type { TfjsTensor } from '../adapters/tfjs-types.js';
import type { TfjsMath } from './model-types.js';

/** Copies of tensors that outlive the tidy in which they were made, until they are disposed together. */
export class Kept<Tensor extends TfjsTensor> {
  readonly tensors: Tensor[] = [];
  readonly #tf: TfjsMath<Tensor>;

  constructor(tf: TfjsMath<Tensor>) {
    this.#tf = tf;
  }

  /** A copy of a tensor; a copy, because the tensor may be one that was there before. */
  readonly keep = (tensor: TfjsTensor): Tensor => {
    const copy = this.#tf.keep(this.#tf.clone(tensor as Tensor));
    this.tensors.push(copy);
    return copy;
  };

  /** Its first elements. */
  numbers(): Promise<number[]> {
    return Promise.all(this.tensors.map(async (tensor) => ((await tensor.data()) as ArrayLike<number>)[0]));
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}
