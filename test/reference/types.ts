/**
 * The reference computes in float64, from plain dense arrays. Its inputs and options have the form of the public API,
 * so that one object can be given to both.
 */

export type { Options } from './gld.js';

/** A dense, row-major tensor. */
export interface Dense {
  data: ArrayLike<number>;
  shape: readonly number[];
}

/** Of maps of one, two or three axes. */
export type Layout = 'NCW' | 'NWC' | 'NCHW' | 'NHWC' | 'NCDHW' | 'NDHWC';

/** Positions that count, [n, ...axes of the map]: those that are not 0. */
export interface MaskTensor {
  data: ArrayLike<number | boolean>;
  shape: readonly number[];
}

/** A grid's cells per axis, level by level; one level is the usual grid. */
export type Levels = readonly (readonly number[])[];
export type GridOption = number | readonly number[] | { pyramid: readonly (number | readonly number[])[] };

export interface FeatureSide {
  /** [n, C, ...axes of the map], or [n, ...axes, C] when `layout` ends in C. */
  features: Dense;
  /** [K, C], or [C, K] when `weightLayout` is 'CK'. */
  weight: Dense;
  /** [K] */
  bias?: Dense;
  layout?: Layout;
  weightLayout?: 'KC' | 'CK';
  mask?: MaskTensor;
}

export interface LogitMapSide {
  /** [n, K, ...axes of the map], or [n, ...axes, K] when `layout` ends in C. */
  logitMap: Dense;
  layout?: Layout;
  mask?: MaskTensor;
}

export interface LogitSide {
  /** [n, R, K], row 0 of a sample the global one. */
  logits: Dense;
}

export type Side = FeatureSide | LogitMapSide | LogitSide;

/** Class indices [n], or a soft label distribution [n, K]. */
export type Labels = ArrayLike<number> | Dense;

export interface Inputs {
  teacher: Side;
  student: Side;
  labels?: Labels;
  /** [n]: how many times each sample counts. */
  sampleWeights?: ArrayLike<number>;
  /** [K]: how much each class counts in the task term. */
  classWeights?: ArrayLike<number>;
}

export type Normalization =
  | { kind: 'std'; unbiased?: boolean; temperature?: number; compensated?: boolean }
  | { kind: 'temperature'; temperature: number };
export type Metric = 'sqeuclidean' | 'euclidean';
export type Reduction = 'matrix' | 'row' | { rows: number };

export interface Terms {
  task?: number;
  global: number;
  local: number;
  relation: number;
}

export interface Result {
  loss: number;
  terms: Terms;
  /** m, the rows of logits, each as many times as it counts. */
  rows: number;
  gradients: { features?: Dense; weight?: Dense; bias?: Dense; logits?: Dense; logitMap?: Dense };
}
