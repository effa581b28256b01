/** Element types that the loss reads. float16 and bfloat16 are computed in float32, the others as what they are. */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16';

/**
 * Anything with a typed array and a shape: a plain object, an ndarray (scijs, stdlib, numpy-ts), an onnxruntime or
 * transformers.js tensor. Nothing is converted or copied in synchronous calls; strided views are read in place.
 *
 * Tensors of frameworks that keep their data to themselves (tfjs, jax-js and the like) go through an adapter such as
 * `gld-loss/tfjs`, or are read into typed arrays first.
 */
export interface TensorLike {
  /** Float32Array or Float64Array; 16-bit floats in a Float16Array, or in a Uint16Array with their `dtype`. */
  readonly data: ArrayBufferView;
  /** Sizes of the axes, each at least 1. */
  readonly shape?: ArrayLike<number> | undefined;
  /** The same under the name that onnxruntime and transformers.js use; read when there is no `shape`. */
  readonly dims?: ArrayLike<number> | undefined;
  /** Element type; needed for a Uint16Array only, checked against the array otherwise. */
  readonly dtype?: unknown;
  /** The same under the name that onnxruntime and transformers.js use; read when there is no `dtype`. */
  readonly type?: unknown;
  /** Distance between neighbours along each axis, in elements; may be zero or negative. Default: dense, row-major. */
  readonly strides?: ArrayLike<number> | ((...args: never[]) => unknown) | undefined;
  /** The same under scijs's name; read when there is no `strides`. A method of this name means dense data. */
  readonly stride?: ArrayLike<number> | ((...args: never[]) => unknown) | undefined;
  /** Index in `data` of the element whose indices are all zero. Default 0. */
  readonly offset?: number | undefined;
  /** Where numpy-ts keeps the offset; read when there is no `offset`. */
  readonly storage?: { readonly offset?: number | undefined } | undefined;
  /** onnxruntime's tell of where the data is; anything but CPU memory is refused. */
  readonly location?: string | undefined;
}

/** A result: dense, row-major, `data.length` the product of `shape`. It is a {@link TensorLike} itself. */
export interface DenseTensor {
  data: Float32Array | Float64Array;
  shape: number[];
  dtype: 'float32' | 'float64';
}

/** A gradient, in the layout of the tensor it belongs to; float64 for a float64 tensor and float32 for all others. */
export type Gradient = DenseTensor;

/** A network's last feature map with the linear classifier that follows it. */
export interface FeatureSide {
  /** [n, C, H, W], or [n, H, W, C] with `layout` 'NHWC'. */
  readonly features: TensorLike;
  /** The classifier's weight: [K, C], or [C, K] with `weightLayout` 'CK'. */
  readonly weight: TensorLike;
  /** The classifier's bias [K]; none by default. */
  readonly bias?: TensorLike | undefined;
  /** Axis order of `features`. Default 'NCHW'. */
  readonly layout?: 'NCHW' | 'NHWC' | undefined;
  /** Axis order of `weight`. Default 'KC'. */
  readonly weightLayout?: 'KC' | 'CK' | undefined;
}

/** A network's logits, where the caller has pooled and classified already. */
export interface LogitSide {
  /** [n, 1 + L, K]: the global row first, then those of the L cells, row by row of the grid. L may be 0. */
  readonly logits: TensorLike;
}

/** One network, as features with a classifier or as logits. Teacher and student may differ in this. */
export type Side = FeatureSide | LogitSide;

/**
 * Class indices [n] in any integer array, or as a tensor with integer elements and shape [n]; or soft labels, a float
 * tensor [n, K] whose rows are distributions over the classes.
 */
export type Labels =
  | readonly number[]
  | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array
  | TensorLike;

/** What a loss is computed from. */
export interface Inputs {
  /** The constant network that is imitated. */
  readonly teacher: Side;
  /** The network that is trained; gradients are with respect to its tensors. */
  readonly student: Side;
  /** Without labels there is no task term. */
  readonly labels?: Labels | undefined;
}

/** Names of the student's tensors that gradients exist for. */
export type GradientName = 'features' | 'weight' | 'bias' | 'logits';

/** The relation loss's two exact methods. */
export type RelationMethod = 'pairwise' | 'moments';

/**
 * What divides a row of logits before the softmax:
 * - 'std' (default): the row's own standard deviation over its K classes, with K - 1 (`unbiased`, default) or K.
 *   A row of equal logits counts as uniform and gets no gradient.
 * - 'temperature': a constant τ > 0 with the factor τ² on the loss, as in Hinton et al. (2015), eq. 1 and section 2.
 */
export type Normalization =
  | { readonly kind?: 'std' | undefined; readonly unbiased?: boolean | undefined }
  | { readonly kind: 'temperature'; readonly temperature: number };

/** How the relation loss is computed. */
export interface RelationOptions {
  /**
   * 'pairwise' takes O(m²K) time, 'moments' O(mK²) time and O(K²) memory; both are exact, and neither keeps an m × m
   * matrix. 'auto' (default) takes the one expected to be faster. 'moments' is for squared distances only.
   */
  readonly method?: 'auto' | RelationMethod | undefined;
  /** Distance between two rows of logits: ‖a - b‖² (default) or ‖a - b‖. */
  readonly metric?: 'sqeuclidean' | 'euclidean' | undefined;
  /** Mean over the m² entries (default, the paper's), or sum over a row and mean over the m rows: m times as large. */
  readonly reduction?: 'matrix' | 'row' | undefined;
}

/** Options of a {@link GldLoss}: everything but the buffers, which belong to one call. */
export interface GldLossOptions {
  /** α in (1 - α)·task + α·global; at least 0, and at most 1 when there are labels. Default 0.7. */
  readonly alpha?: number | undefined;
  /** β, the relation term's weight, at least 0. The term shrinks as 1/m; 500 belongs to m ≈ 320 rows. Default 500. */
  readonly beta?: number | undefined;
  /** Cells of the map: one number for both axes, or [rows, columns]. Default 2, or what the logits have if both are. */
  readonly grid?: number | readonly [number, number] | undefined;
  /** Weight of the local term, at least 0. Default 1. */
  readonly localWeight?: number | undefined;
  readonly normalization?: Normalization | undefined;
  readonly relation?: RelationOptions | undefined;
  /** Which gradients to compute: all that the student has (default), none, or those named. */
  readonly gradients?: boolean | readonly GradientName[] | undefined;
  /** 'cpu' (default), or 'auto' for the best device there is. 'cuda' is refused: this version has no CUDA engine. */
  readonly device?: 'cpu' | 'cuda' | 'auto' | undefined;
  /** The most threads to use, at least 1; no bit of the result depends on it. Default and cap: the machine's cores. */
  readonly threads?: number | undefined;
}

/** Buffers to write gradients into: each of the gradient's element type and exact length, sharing no memory. */
export type OutBuffers = { readonly [name in GradientName]?: Float32Array | Float64Array | undefined };

/** Options of one {@link GldLoss.compute}. With `out`, the result is lent as well: see there. */
export interface ComputeOptions {
  readonly out?: OutBuffers | undefined;
}

/** Options of one {@link GldLoss.computeAsync}. */
export interface ComputeAsyncOptions extends ComputeOptions {
  /** Aborting rejects the promise with the signal's reason: at once if queued, at the next block of work if running. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link gldLoss}. */
export interface GldOptions extends GldLossOptions, ComputeOptions {}

/** Options of {@link gldLossAsync}. */
export interface GldAsyncOptions extends GldLossOptions, ComputeAsyncOptions {}

/** The unweighted terms of the loss. */
export interface GldTerms {
  /** Mean cross-entropy of the student's global logits with the labels; absent without labels. */
  task?: number;
  /** Normalized distillation of the n global rows, divided by n. */
  global: number;
  /** Normalized distillation of all local rows, divided by n: a sum over the cells. */
  local: number;
  /** Mean squared difference between the teacher's and the student's row-normalized distances. */
  relation: number;
}

/** What a loss call returns. */
export interface GldResult {
  /** (1 - α)·task + α·global + localWeight·local + β·relation; without labels the first summand is absent. */
  loss: number;
  terms: GldTerms;
  /** Gradients of `loss`; absent when none were asked for. In `out` buffers where those were given. */
  gradients?: { [name in GradientName]?: Gradient };
  /** The method that computed the relation term. */
  relationMethod: RelationMethod;
}
