/**
 * The parts of jax-js that the adapter uses, as structural types: `typeof jax` of @jax-js/jax fits them, and compiling
 * against this package needs no jax-js.
 */

/** `numpy.Array`. */
export interface JaxArray {
  readonly shape: number[];
  readonly dtype: string;
  readonly device: string;
  readonly refCount: number;
  readonly ref: this;
  dispose(): void;
  data(): Promise<object>;
  dataSync(): object;
  // Declared as methods with any, so that jax-js's own overloads fit.
  add(other: any): this;
  mul(other: any): this;
  sum(): this;
  astype(dtype: any): this;
}

/** `jax` itself. */
export interface JaxLike<A extends JaxArray = JaxArray> {
  vjp(f: (...primals: any[]) => any, primals: any[]): [out: any, back: any];
  numpy: {
    array(values: any, options?: { shape?: number[]; device?: any }): A;
    zeros(shape: number[], options?: { dtype?: any; device?: any }): A;
  };
  tree: {
    leaves(tree: any): any[];
    map(f: (...leaves: any[]) => any, tree: any, ...rest: any[]): any;
    structure(tree: any): { equals(other: any): boolean };
  };
}

/** Whether a value is an array of jax-js, or what stands for one inside of `grad`, `vmap` or `jit`. */
export function isJaxArray(value: unknown): value is JaxArray {
  // Reading `ref` would make a reference.
  if (typeof value !== 'object' || value === null || !('ref' in value)) return false;
  const { dispose, mul } = value as Partial<JaxArray>;
  return typeof dispose === 'function' && typeof mul === 'function';
}

/** Whether its elements can be read: it is not a tracer. */
export function isConcrete(array: JaxArray): boolean {
  return typeof array.dataSync === 'function';
}
