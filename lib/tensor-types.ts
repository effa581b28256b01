/** Element types that the loss reads. float16 and bfloat16 are computed in float32, the others as what they are. */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16';

/**
 * Anything with a typed array and a shape: a plain object, an ndarray (scijs, stdlib, numpy-ts), an onnxruntime or
 * transformers.js tensor. Nothing is converted or copied in synchronous calls; strided views are read in place.
 *
 * Tensors of frameworks that keep their data to themselves go through an adapter: `gld-loss/tfjs`, `gld-loss/jax`, or
 * `gld-loss/surrogate` for any other.
 */
export interface TensorLike {
  /**
   * Float32Array or Float64Array; 16-bit floats in a Float16Array, or in a Uint16Array with their `dtype`. Strings are
   * refused: they are here because onnxruntime's type for the outputs of a session has them.
   */
  readonly data: ArrayBufferView | readonly string[];
  /** Sizes of the axes, each at least 1. */
  readonly shape?: ArrayLike<number> | undefined;
  /** The same under the name that onnxruntime and transformers.js use; read when there is no `shape`. */
  readonly dims?: ArrayLike<number> | undefined;
  /** Element type; needed for a Uint16Array only, checked against the array otherwise. */
  readonly dtype?: unknown;
  /** The same under the name that onnxruntime and transformers.js use; read when there is no `dtype`. */
  readonly type?: unknown;
  /** Distance between neighbours along each axis, in elements; may be zero or negative. @default dense, row-major */
  readonly strides?: ArrayLike<number> | ((...args: never[]) => unknown) | undefined;
  /** The same under scijs's name; read when there is no `strides`. A method of this name means dense data. */
  readonly stride?: ArrayLike<number> | ((...args: never[]) => unknown) | undefined;
  /** Index in `data` of the element whose indices are all zero. @default 0 */
  readonly offset?: number | undefined;
  /** Where numpy-ts keeps the offset; read when there is no `offset`. */
  readonly storage?: { readonly offset?: number | undefined } | undefined;
  /** onnxruntime's tell of where the data is; anything but CPU memory is refused. */
  readonly location?: string | undefined;
}

/** Element types of tensors on a GPU. */
export type CudaDType = 'float32' | 'float16' | 'bfloat16' | 'int32';

/**
 * A tensor in the memory of a GPU: a {@link CudaTensor}, or a plain object with the address of memory that somebody else
 * allocated through CUDA in this process. What has been put there must be complete when a call is made (synchronize the
 * stream that wrote it), and stay as it is until the call is done.
 */
export interface DeviceTensor {
  readonly device: 'cuda';
  /** Address of the memory, a multiple of the element size. */
  readonly ptr: bigint;
  readonly shape: ArrayLike<number>;
  /** Labels are int32, everything else one of the others. */
  readonly dtype: CudaDType;
  /** The GPU's number. @default 0 */
  readonly deviceId?: number | undefined;
  /** Distance between neighbours along each axis, in elements; may be zero or negative. @default dense, row-major */
  readonly strides?: ArrayLike<number> | undefined;
  /** Elements between `ptr` and the element whose indices are all zero. @default 0 */
  readonly offset?: number | undefined;
  /** A tensor on a GPU has no array. */
  readonly data?: undefined;
}

/** A tensor in the memory of the CPU or of a GPU. */
export type AnyTensor = TensorLike | DeviceTensor;

/** A copy of a {@link CudaTensor}'s elements in CPU memory. It is a {@link TensorLike} itself. */
export interface HostTensor {
  /** float16 and bfloat16 elements are in a Uint16Array. */
  data: ArrayOf<Float32ArrayConstructor> | ArrayOf<Uint16ArrayConstructor> | ArrayOf<Int32ArrayConstructor>;
  shape: number[];
  dtype: CudaDType;
}

/**
 * An array over an ArrayBuffer of its own, such as can go where a `BufferSource` is wanted. TypeScript before 5.7 does not
 * tell it from one over shared memory, and has no name for it.
 */
export type ArrayOf<Constructor extends { of(...items: never[]): unknown }> = ReturnType<Constructor['of']>;

/** The array of a result that nobody lent one for, over an ArrayBuffer of its own. */
export type OwnArray = ArrayOf<Float32ArrayConstructor> | ArrayOf<Float64ArrayConstructor>;

/** A result: dense, row-major, `data.length` the product of `shape`. It is a {@link TensorLike} itself. */
export interface DenseTensor<A extends Float32Array | Float64Array = Float32Array | Float64Array> {
  data: A;
  shape: number[];
  dtype: 'float32' | 'float64';
}

/** A gradient of 16-bit floats, which `gradientDtype: 'student'` asks for. */
export interface HalfTensor<A extends Uint16Array = Uint16Array> {
  data: A;
  shape: number[];
  dtype: 'float16' | 'bfloat16';
}
