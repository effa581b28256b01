/**
 * Stage `relation`: how every logit row of the batch is related to every other, global and local rows alike
 * (Kim et al., ICCV 2021). Written with the whole m×m matrix, as in the paper:
 *
 *     D̃[r,c] = ‖z_r − z_c‖²  (sqeuclidean)  or  ‖z_r − z_c‖  (euclidean)
 *     D[r,:] = D̃[r,:] / ‖D̃[r,:]‖,  a row of zeros stays zero
 *     L_relation = (1/(m·rows)) Σ_rc (Dt[r,c] − Ds[r,c])²,  rows = m (matrix), 1 (row), or a number of the caller's
 *
 * A row of weight w counts as if it were w times in the batch, in every sum over rows or columns:
 *
 *     ‖D̃[r,:]‖² = Σ_c w_c D̃[r,c]²,   L_relation = (1/(M·rows)) Σ_rc w_r w_c (Dt[r,c] − Ds[r,c])²  with M = Σ w in place of m
 *
 * Both native methods, `relation_pairwise` and `relation_moments`, are held against this one. Logits may be as large as
 * 1e70: their fourth powers must stay within a double's range.
 */
import { dot, rows } from './rows.js';
import type { Metric, Reduction } from './types.js';

function distance(a: Float64Array, b: Float64Array, metric: Metric): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) ** 2;
  return metric === 'sqeuclidean' ? sum : Math.sqrt(sum);
}

/** Σ_c w_c a_c b_c; what has no weight may be anything. */
function weightedDot(a: Float64Array, b: Float64Array, weights: Float64Array): number {
  return dot(
    a.map((value, c) => (weights[c] === 0 ? 0 : weights[c] * value)),
    b,
  );
}

interface Relations {
  /** D, m×m, rows of unit length (or zero). */
  unit: Float64Array[];
  /** ‖D̃[r,:]‖ */
  norm: number[];
}

function relations(z: Float64Array[], metric: Metric, weights: Float64Array): Relations {
  const distances = z.map((row) => Float64Array.from(z, (other) => distance(row, other, metric)));
  const norm = distances.map((row) => Math.sqrt(weightedDot(row, row, weights)));
  const unit = distances.map((row, r) => row.map((value) => (norm[r] === 0 ? 0 : value / norm[r])));
  return { unit, norm };
}

/** What the sum over rows is divided by besides m; L_relation is at most 2 / rows. */
export function reductionRows(reduction: Reduction, m: number): number {
  if (typeof reduction === 'object') return reduction.rows;
  return reduction === 'matrix' ? m : 1;
}

export interface RelationShape {
  classes: number;
  metric: Metric;
  reduction: Reduction;
  /** [m]; 1 by default. */
  weights?: ArrayLike<number>;
}

/** teacher [m, K], student [m, K] → L_relation and ∂L_relation/∂student [m, K]. */
export function relation(
  teacher: Float64Array,
  student: Float64Array,
  { classes, metric, reduction, weights: given }: RelationShape,
): { loss: number; gradient: Float64Array } {
  const z = rows(student, classes);
  const m = z.length;
  const weights = given === undefined ? new Float64Array(m).fill(1) : Float64Array.from(given);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const dt = relations(rows(teacher, classes), metric, weights).unit;
  const { unit: ds, norm } = relations(z, metric, weights);
  const scale = 1 / total / reductionRows(reduction, total);

  const gradient = new Float64Array(student.length);
  const dz = rows(gradient, classes);
  let loss = 0;
  for (let r = 0; r < m; r++) {
    if (weights[r] === 0) continue;
    const apart = dt[r].map((value, c) => value - ds[r][c]);
    loss += scale * weights[r] * weightedDot(apart, apart, weights);
    if (norm[r] === 0) continue;

    // ∂L/∂D[r,:] but for the weights of the columns, then through the division by the norm: what lies along D[r,:] does
    // not change it.
    const dUnit = apart.map((value) => -2 * scale * weights[r] * value);
    const along = weightedDot(dUnit, ds[r], weights);
    for (let c = 0; c < m; c++) {
      if (weights[c] === 0) continue;
      const dDistance = (weights[c] * (dUnit[c] - along * ds[r][c])) / norm[r];
      // ∂‖a−b‖² = 2(a−b), ∂‖a−b‖ = (a−b)/‖a−b‖. At distance zero the root has no derivative; zero is taken.
      const length = ds[r][c] * norm[r];
      const perDifference = metric === 'sqeuclidean' ? 2 * dDistance : length === 0 ? 0 : dDistance / length;
      for (let k = 0; k < classes; k++) {
        const change = perDifference * (z[r][k] - z[c][k]);
        dz[r][k] += change;
        dz[c][k] -= change;
      }
    }
  }
  return { loss, gradient };
}
