/**
 * Stage `relation`: how every logit row of the batch is related to every other, global and local rows alike
 * (Kim et al., ICCV 2021). Written with the whole m×m matrix, as in the paper:
 *
 *     D̃[r,c] = ‖z_r − z_c‖²  (sqeuclidean)  or  ‖z_r − z_c‖  (euclidean)
 *     D[r,:] = D̃[r,:] / ‖D̃[r,:]‖,  a row of zeros stays zero
 *     L_relation = (1/m²) Σ_rc (Dt[r,c] − Ds[r,c])²  (matrix)  or  m times that  (row)
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

interface Relations {
  /** D, m×m, rows of unit length (or zero). */
  unit: Float64Array[];
  /** ‖D̃[r,:]‖ */
  norm: number[];
}

function relations(z: Float64Array[], metric: Metric): Relations {
  const distances = z.map((row) => Float64Array.from(z, (other) => distance(row, other, metric)));
  const norm = distances.map((row) => Math.sqrt(dot(row, row)));
  const unit = distances.map((row, r) => row.map((value) => (norm[r] === 0 ? 0 : value / norm[r])));
  return { unit, norm };
}

/** teacher [m, K], student [m, K] → L_relation and ∂L_relation/∂student [m, K]. */
export function relation(
  teacher: Float64Array,
  student: Float64Array,
  { classes, metric, reduction }: { classes: number; metric: Metric; reduction: Reduction },
): { loss: number; gradient: Float64Array } {
  const z = rows(student, classes);
  const m = z.length;
  const dt = relations(rows(teacher, classes), metric).unit;
  const { unit: ds, norm } = relations(z, metric);
  const scale = reduction === 'matrix' ? 1 / m ** 2 : 1 / m;

  const gradient = new Float64Array(student.length);
  const dz = rows(gradient, classes);
  let loss = 0;
  for (let r = 0; r < m; r++) {
    for (let c = 0; c < m; c++) loss += scale * (dt[r][c] - ds[r][c]) ** 2;
    if (norm[r] === 0) continue;

    // ∂L/∂D[r,:], then through the division by the norm: what lies along D[r,:] does not change it.
    const dUnit = ds[r].map((value, c) => 2 * scale * (value - dt[r][c]));
    const along = dot(dUnit, ds[r]);
    for (let c = 0; c < m; c++) {
      const dDistance = (dUnit[c] - along * ds[r][c]) / norm[r];
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
