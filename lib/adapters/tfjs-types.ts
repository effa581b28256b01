/**
 * The parts of TensorFlow.js that the adapter uses, as structural types: `typeof tf` of @tensorflow/tfjs 4 fits them,
 * and compiling against this package needs no tfjs.
 */

/** `tf.Tensor`, which `tf.Variable` and `tf.Scalar` are too. */
export interface TfjsTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly isDisposed: boolean;
  dataSync(): object;
  data(): Promise<object>;
  dispose(): void;
}

/** `tf` itself. */
export interface TfjsLike<Tensor extends TfjsTensor = TfjsTensor, Scalar extends Tensor = Tensor> {
  scalar(value: number, dtype: 'float32'): Scalar;
  tensor(values: Float32Array, shape: number[], dtype: 'float32'): Tensor;
  mul(a: Tensor, b: Tensor): Tensor;
  clone(x: Tensor): Tensor;
  keep(x: Tensor): Tensor;
  tidy(f: () => void): void;
  customGrad(f: () => { value: Tensor; gradFunc: (dy: Tensor) => Tensor[] }): (...inputs: Tensor[]) => Tensor;
  engine(): { isTapeOn(): boolean };
  getBackend(): string;
}

/** Any of `tf.train`'s optimizers. */
export interface TfjsOptimizer<Tensor, Scalar> {
  minimize(f: () => Scalar, returnCost?: boolean, varList?: Tensor[]): unknown;
}

/** Whether a value is a tensor or a variable of TensorFlow.js, by what is used of it and others do not have. */
export function isTfjsTensor(value: unknown): value is TfjsTensor {
  const { dataSync, isDisposed } = Object(value) as Record<string, unknown>;
  return typeof dataSync === 'function' && typeof isDisposed === 'boolean';
}

/** Whether it is a variable of a layer, which keeps a tensor and gives it away by read(). */
export function isLayerVariable(value: unknown): boolean {
  const { read, val } = Object(value) as Record<string, unknown>;
  return typeof read === 'function' && isTfjsTensor(val);
}
