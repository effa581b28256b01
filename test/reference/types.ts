/**
 * The reference computes in float64, from plain dense arrays. Its inputs and options have the form of the public API,
 * so that one object can be given to both.
 */

/** A dense, row-major tensor. */
export interface Dense {
  data: ArrayLike<number>;
  shape: readonly number[];
}

export interface FeatureSide {
  /** [n, C, H, W], or [n, H, W, C] when `layout` is 'NHWC'. */
  features: Dense;
  /** [K, C], or [C, K] when `weightLayout` is 'CK'. */
  weight: Dense;
  /** [K] */
  bias?: Dense;
  layout?: 'NCHW' | 'NHWC';
  weightLayout?: 'KC' | 'CK';
}

export interface LogitSide {
  /** [n, R, K], row 0 of a sample the global one. */
  logits: Dense;
}

export type Side = FeatureSide | LogitSide;

/** Class indices [n], or a soft label distribution [n, K]. */
export type Labels = ArrayLike<number> | Dense;

export interface Inputs {
  teacher: Side;
  student: Side;
  labels?: Labels;
}

export type Normalization = { kind?: 'std'; unbiased?: boolean } | { kind: 'temperature'; temperature: number };
export type Metric = 'sqeuclidean' | 'euclidean';
export type Reduction = 'matrix' | 'row';

export interface Options {
  alpha?: number;
  beta?: number;
  grid?: number | readonly [rows: number, cols: number];
  localWeight?: number;
  normalization?: Normalization;
  relation?: { metric?: Metric; reduction?: Reduction };
}

export interface Terms {
  task?: number;
  global: number;
  local: number;
  relation: number;
}

export interface Result {
  loss: number;
  terms: Terms;
  gradients: { features?: Dense; weight?: Dense; bias?: Dense; logits?: Dense };
}
