import type { CudaTensor } from './cuda-tensor.js';
import type {
  AnyTensor,
  ArrayOf,
  DenseTensor,
  DeviceTensor,
  HalfTensor,
  OwnArray,
  TensorLike,
} from './tensor-types.js';

export type * from './tensor-types.js';

/** A gradient, in the layout of the tensor it belongs to; float64 for a float64 tensor and float32 for all others. */
export type Gradient = DenseTensor;

/** A result in CPU memory: in an array of its own, or in one of the buffers `O` that were lent. */
export type HostResult<O> = DenseTensor<OwnArray | Extract<O[keyof O], Float32Array | Float64Array>>;

/** Gradients in CPU memory under that option: each in an array of its own, or in one of the buffers `O` that were lent. */
export type HostGradient<D extends GradientDtype, O = OutBuffers<HostBuffer<D>>> =
  | HostResult<O>
  | ('student' extends D ? HalfTensor<ArrayOf<Uint16ArrayConstructor> | Extract<O[keyof O], Uint16Array>> : never);

/** A gradient wherever it lies and whatever it is made of. */
export type AnyGradient<O = OutBuffers<AnyBuffer>> = HostGradient<GradientDtype, O> | CudaTensor;

/** Axis orders of maps of one, two and three axes. */
export type MapLayout = 'NCW' | 'NWC' | 'NCHW' | 'NHWC' | 'NCDHW' | 'NDHWC';

/**
 * Which positions of a map count: 0 or false where one does not. Like a {@link TensorLike}, strides and all, over bytes or
 * booleans; an array of booleans is copied.
 */
export interface MaskLike extends Omit<TensorLike, 'data'> {
  /** A byte or a boolean for each position. */
  readonly data: Uint8Array | Uint8ClampedArray | readonly boolean[];
}

/** What the maps of both kinds of sides have in common. */
interface MapOptions {
  /** Axis order of the map. @default channels first, 'NCW', 'NCHW' or 'NCDHW' */
  readonly layout?: MapLayout | undefined;
  /**
   * [n, ...axes of the map], in CPU memory: positions that do not count are left out of every mean, whatever they hold,
   * NaN included, and a row without any that counts is left out of the loss.
   * @default all count
   */
  readonly mask?: MaskLike | undefined;
}

/** A network's last feature map with the linear classifier that follows it. */
export interface FeatureSide<T extends AnyTensor = TensorLike> extends MapOptions {
  /** [n, C, ...axes of the map], of which there are one to three: [n, C, H, W] of images; or as `layout` says. */
  readonly features: T;
  /** The classifier's weight: [K, C], or [C, K] with `weightLayout` 'CK'. */
  readonly weight: T;
  /** The classifier's bias [K]. @default none */
  readonly bias?: T | undefined;
  /** Axis order of `weight`. @default 'KC' */
  readonly weightLayout?: 'KC' | 'CK' | undefined;
}

/**
 * The output of a network that classifies every position, such as one for segmentation: its means over the whole map and
 * over the cells are the logits.
 */
export interface LogitMapSide<T extends AnyTensor = TensorLike> extends MapOptions {
  /** [n, K, ...axes of the map], of which there are one to three; or as `layout` says. */
  readonly logitMap: T;
}

/** A network's logits, where the caller has pooled and classified already. */
export interface LogitSide<T extends AnyTensor = TensorLike> {
  /**
   * [n, 1 + L, K]: the global row first, then those of the L cells, level by level and row by row. L may be 0, and then
   * [n, K] is the same; both sides have as many rows. They are what lies before a softmax.
   */
  readonly logits: T;
}

/**
 * One network, as features with a classifier, as a map of logits, or as logits. Teacher and student may differ in this; two
 * maps have the same number of axes, but may differ in size, layout and mask.
 */
export type Side<T extends AnyTensor = TensorLike> = FeatureSide<T> | LogitMapSide<T> | LogitSide<T>;

/**
 * Class indices in any integer array, or as a tensor [n] or [n, 1] whose elements are whole numbers of any type; or soft
 * labels, a float tensor [n, K] whose rows are distributions over the classes.
 */
export type Labels =
  | readonly number[]
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | TensorLike;

/**
 * How many times each of n samples counts, [n] or [n, 1], in CPU memory: finite, at least 0, and not all 0. Integers mean
 * the same as samples repeated so often, and 0 an absent one.
 */
export type SampleWeights = readonly number[] | Float32Array | Float64Array | TensorLike;

/**
 * How much each of K classes counts in the task term, [K], in CPU memory: finite, at least 0, and not all 0. They multiply
 * the labels, smoothed ones too. With class indices, the mean is divided by the sum of the weights of the labels, and is 0
 * if that is; with soft labels by n, as without them.
 */
export type ClassWeights = SampleWeights;

/** What a loss is computed from: the student's tensors, and those of teacher and labels, in CPU memory by default. */
export interface Inputs<S extends AnyTensor = TensorLike, T extends AnyTensor = S> {
  /** The constant network that is imitated. */
  readonly teacher: Side<T>;
  /** The network that is trained; gradients are with respect to its tensors. */
  readonly student: Side<S>;
  /** Without labels there is no task term. */
  readonly labels?: Labels | T | undefined;
  /** How many times each sample counts. @default once */
  readonly sampleWeights?: SampleWeights | undefined;
  /** How much each class counts in the task term; only with labels. @default 1 */
  readonly classWeights?: ClassWeights | undefined;
}

/** {@link Inputs} with the student in CPU memory: gradients are typed arrays. */
export type HostInputs = Inputs<TensorLike, AnyTensor>;
/** {@link Inputs} with the student on a GPU: gradients are there too. */
export type CudaInputs = Inputs<DeviceTensor, AnyTensor>;
/** {@link Inputs} with every tensor wherever it may be. */
export type AnyInputs = Inputs<AnyTensor>;

/** Names of the student's tensors that gradients exist for. */
export type GradientName = 'features' | 'weight' | 'bias' | 'logits' | 'logitMap';

/** The relation loss's two exact methods. */
export type RelationMethod = 'pairwise' | 'moments';

/**
 * What divides a row of logits before the softmax:
 * - 'std': the row's own standard deviation σ over its K classes, with K - 1 (`unbiased`, the default) or K.
 *   A row of equal logits counts as uniform and gets no gradient. One with a logit of −∞ is NaN.
 *   - `temperature` τ > 0, 1 by default: rows are divided by τσ, and the loss has the factor τ², as in Sun et al., *Logit
 *     Standardization in Knowledge Distillation* (CVPR 2024).
 *   - `compensated`, false by default: the factor of a row's loss is (τσ_t)(τσ_s), the teacher's and the student's
 *     divisor, taken as a constant. The gradient is then not divided by σ_s, and grows with the teacher's logits as with a
 *     fixed temperature. A row of equal logits on either side has loss and gradient 0.
 * - 'temperature': a constant τ > 0 with the factor τ² on the loss, as in Hinton et al. (2015), eq. 1 and section 2.
 */
export type Normalization =
  | {
      readonly kind?: 'std' | undefined;
      readonly unbiased?: boolean | undefined;
      readonly compensated?: boolean | undefined;
    }
  | {
      readonly kind: 'std';
      readonly unbiased?: boolean | undefined;
      readonly compensated?: boolean | undefined;
      readonly temperature?: number | undefined;
    }
  | { readonly kind: 'temperature'; readonly temperature: number };

/** How the relation loss is computed. */
export interface RelationOptions {
  /**
   * 'pairwise' takes O(m²K) time, 'moments' O(mK²) time and O(K²) memory; both are exact, and neither keeps an m × m
   * matrix. 'auto' takes the one expected to be faster. 'moments' is for squared distances only.
   * @default 'auto'
   */
  readonly method?: 'auto' | RelationMethod | undefined;
  /** Distance between two rows of logits: ‖a - b‖² or ‖a - b‖. @default 'sqeuclidean' */
  readonly metric?: 'sqeuclidean' | 'euclidean' | undefined;
  /**
   * What (1/m) Σ_rc, the mean over the m rows of a sum over a row, is divided by:
   * - 'matrix' (the paper's): by m. The term shrinks as 1/m, so that with the same β each row
   *   of a batch of a fraction 1/f of the rows weighs f times as much against the batch's other terms.
   * - `{ rows }`: by that number, finite and greater than 0, whatever m is. What 'matrix'
   *   is in a batch of so many rows: β = 500 belongs to 320, the paper's 64 samples with 1 + 4 rows each. A last, smaller
   *   batch weighs the term as the others do.
   * - 'row': by nothing, which is `{ rows: 1 }`; the paper's weight is then β = 500/320.
   *
   * With sample weights, m is their sum over the rows. Adapters have `{ rows: 320 }` by default.
   * @default 'matrix'
   */
  readonly reduction?: 'matrix' | 'row' | { readonly rows: number } | undefined;
}

/**
 * What computes a call, and so where it is computed: the CPU; the GPU that its tensors lie on, else the first one; a
 * certain GPU; or 'auto': the GPU that tensors lie on, else the first one if CUDA is available and nothing asks for what
 * only the CPU does (float64, masks, weights, pyramids, volumes, maps of logits, labels to ignore), else the CPU.
 */
export type DeviceOption = 'cpu' | 'cuda' | `cuda:${number}` | 'auto';

/** What the factors of matrix products are rounded to on a GPU. Sums are in float32 always. */
export type Precision = 'float32' | 'tf32' | 'bf16';

/** Element type of gradients: float32 (float64 for float64 tensors), or that of the student's tensor. */
export type GradientDtype = 'float32' | 'student';

/**
 * Into how many cells maps are cut.
 * - A number: so many on every axis.
 * - An array with one number per axis of the map: [rows, columns] of an image.
 * - An array of any other length: a pyramid of so many levels, each with the same number of cells on every axis; [1, 2, 4]
 *   of an image is 1 + 4 + 16 cells.
 * - `{ pyramid }`: its levels, 1 to 8, each a number or one number per axis. Never to be mistaken for the form before.
 *
 * Where both sides are logits, the axes are those of an image, unless a level of `{ pyramid }` has other ones.
 */
export type GridOption = number | readonly number[] | { readonly pyramid: readonly (number | readonly number[])[] };

/** The weights of the terms, which may change from call to call. */
export interface TermWeights {
  /** α in (1 - α)·task + α·global; at least 0, and at most 1 when there are labels. @default 0.7 */
  readonly alpha?: number | undefined;
  /** β, the relation term's weight, at least 0. 500 belongs to m = 320 rows, see {@link RelationOptions}. @default 500 */
  readonly beta?: number | undefined;
  /** Weight of the local term, at least 0. @default 1 */
  readonly localWeight?: number | undefined;
}

/** Options about labels. */
export interface LabelOptions {
  /**
   * ε in [0, 1): labels are taken as (1 - ε)·label + ε/K, hard and soft ones. With ε > 0 every class is a target: one that a
   * logit of −∞ excludes makes the loss +∞.
   * @default 0
   */
  readonly labelSmoothing?: number | undefined;
  /**
   * Samples whose class index is this integer, which need not be a class, have no task term; the mean is over the others.
   * Not for soft labels.
   * @default none
   */
  readonly ignoreIndex?: number | undefined;
}

/** Options of a {@link GldLoss}: everything but the buffers, which belong to one call. */
export interface GldLossOptions<D extends GradientDtype = 'float32'> extends TermWeights, LabelOptions {
  /** Cells of the map. @default 2 on every axis, or what the logits have if both sides are logits */
  readonly grid?: GridOption | undefined;
  /** What divides a row of logits before the softmax. @default { kind: 'std', unbiased: true, compensated: false, temperature: 1 } */
  readonly normalization?: Normalization | undefined;
  /** How the relation term is computed. */
  readonly relation?: RelationOptions | undefined;
  /** Which gradients to compute: all that the student has, none, or those named. @default true */
  readonly gradients?: boolean | readonly GradientName[] | undefined;
  /**
   * 'float32': float32, or float64 for a float64 tensor. 'student': that of the student's tensor, 16-bit floats included,
   * which only a GPU writes; in CPU memory those are in a Uint16Array.
   * @default 'float32'
   */
  readonly gradientDtype?: D | undefined;
  /** What computes, see {@link DeviceOption}. @default the GPU that tensors lie on, else the CPU */
  readonly device?: DeviceOption | undefined;
  /**
   * Precision of the matrix products on a GPU: 'float32' as accurate as float32 products, 'tf32' with factors
   * of 10 bits of fraction, 'bf16' with factors of 7. The CPU has 'float32' only and refuses the others, unless it was
   * 'auto' that chose it.
   * @default 'float32'
   */
  readonly precision?: Precision | undefined;
  /** The most CPU threads to use, at least 1; no bit of the result depends on it. @default all of the pool */
  readonly threads?: number | undefined;
}

/** Arrays in CPU memory that gradients are written into. */
export type HostBuffer<D extends GradientDtype = 'float32'> = 'student' extends D
  ? Float32Array | Float64Array | Uint16Array
  : Float32Array | Float64Array;
/** All that gradients are written into. */
export type AnyBuffer = Float32Array | Float64Array | Uint16Array | DeviceTensor;

/**
 * Buffers to write gradients into, sharing no memory: arrays of the gradient's element type and exact length, or, where a
 * GPU computes, dense tensors there of the gradient's shape and type.
 */
export type OutBuffers<B = Float32Array | Float64Array> = { readonly [name in GradientName]?: B | undefined };

/** Buffers for the gradients. */
interface OutOptions<B> {
  /** Buffers to write the gradients into. @default new ones */
  readonly out?: OutBuffers<B> | undefined;
}

/** Options with the very buffers `O` in `out`, after which the result is typed; other names are errors there as well. */
export type Lending<Options extends { readonly out?: unknown }, O> = Options & {
  readonly out?: (O & { readonly [name in Exclude<keyof O, keyof NonNullable<Options['out']>>]: never }) | undefined;
};

/** Without `out`. */
export type NothingLent = Readonly<Record<never, never>>;

/**
 * Options of one {@link GldLoss.compute}. With `out`, the result is lent as well: see there. Weights of terms take the place
 * of the object's own for this call.
 */
export interface ComputeOptions<B = Float32Array | Float64Array> extends OutOptions<B>, TermWeights {}

/** What is used of an AbortSignal: those of browsers, of Node.js, of jsdom and of polyfills have it. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** Why; an AbortError stands for one that is missing. */
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The option that aborts a call. */
export interface SignalOption {
  /** Aborting rejects the promise with the signal's reason: at once if queued, at the next block of work if running. */
  readonly signal?: AbortSignalLike | undefined;
}

/** Options of one {@link GldLoss.computeAsync}. */
export interface ComputeAsyncOptions<B = Float32Array | Float64Array> extends ComputeOptions<B>, SignalOption {}

/** Options of {@link gldLoss}. */
export interface GldOptions<B = Float32Array | Float64Array, D extends GradientDtype = 'float32'>
  extends GldLossOptions<D>,
    OutOptions<B> {}

/** Options of {@link gldLossAsync}. */
export interface GldAsyncOptions<B = Float32Array | Float64Array, D extends GradientDtype = 'float32'>
  extends GldOptions<B, D>,
    SignalOption {}

/** The unweighted terms of the loss. */
export interface GldTerms {
  /** Mean cross-entropy of the student's global logits with the labels; absent without labels, 0 if all are ignored. */
  task?: number;
  /** Normalized distillation of the n global rows, divided by n. As everywhere here, n counts weights if there are any. */
  global: number;
  /** Normalized distillation of all local rows, divided by n: a sum over the cells. */
  local: number;
  /** Mean squared difference between the teacher's and the student's row-normalized distances. */
  relation: number;
}

/** What a loss call returns. */
export interface GldResult<G extends AnyGradient = DenseTensor> {
  /** (1 - α)·task + α·global + localWeight·local + β·relation; without labels the first summand is absent. */
  loss: number;
  terms: GldTerms;
  /**
   * Gradients of `loss`; absent when none were asked for. In `out` buffers where those were given, else where the
   * student's tensor is: each a typed array with its shape, or a new {@link CudaTensor}.
   */
  gradients?: { [name in GradientName]?: G };
  /** The method that computed the relation term. */
  relationMethod: RelationMethod;
}
