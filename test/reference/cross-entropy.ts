/**
 * Stage `cross_entropy`: the task loss, L_task = −(1/N) Σ_i w_i Σ_k y_ik log softmax(z_i)_k with N = Σ w_i. A sample of
 * weight w counts as if it were w times in the batch; without weights each counts once.
 *
 * With weights v_k of classes, as PyTorch's cross_entropy has them: v_k y_ik in the place of y_ik, after smoothing. Of class
 * indices c_i, N = Σ w_i v_{c_i}; of distributions it is Σ w_i all the same.
 */
import { rows } from './rows.js';
import { logSoftmax } from './softmax.js';

/** Class indices [n] as label distributions [n, K]; a row of zeros for one that is ignored, which may be no class. */
export function oneHot(labels: ArrayLike<number>, classes: number, ignoreIndex?: number): Float64Array {
  const targets = new Float64Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== ignoreIndex) targets[i * classes + labels[i]] = 1;
  }
  return targets;
}

/** Label smoothing: (1 − ε)·y + ε·(Σ y)/K, row by row. */
export function smoothed(targets: Float64Array, classes: number, epsilon: number): Float64Array {
  return Float64Array.from(
    rows(targets, classes).flatMap((row) => {
      const mass = row.reduce((sum, value) => sum + value, 0);
      return Array.from(row, (value) => (1 - epsilon) * value + (epsilon * mass) / classes);
    }),
  );
}

/** The targets v_k y_ik, and how much each sample counts in N, with such weights of classes. */
export function weighted(
  targets: Float64Array,
  classes: number,
  classWeights: ArrayLike<number>,
  weights: ArrayLike<number>,
  labels?: ArrayLike<number>,
): { targets: Float64Array; counts: Float64Array } {
  return {
    targets: targets.map((value, at) => value * classWeights[at % classes]),
    // A sample without a label has the weight 0, and its label may be no class.
    counts: Float64Array.from(weights, (weight, i) =>
      weight === 0 || labels === undefined ? weight : weight * classWeights[labels[i]],
    ),
  };
}

/**
 * logits [n, K], targets [n, K], weights [n], what each counts in N [n] → L_task and ∂L_task/∂logits [n, K]; both 0 where N is.
 * A logit of −∞ excludes its class: 0·∞ is 0 where that is no target, and the loss is +∞ where it is.
 * A row of targets need not sum to 1; the gradient is that of the formula above whatever its sum.
 */
export function crossEntropy(
  logits: Float64Array,
  targets: Float64Array,
  classes: number,
  weights: ArrayLike<number> = new Float64Array(logits.length / classes).fill(1),
  counts: ArrayLike<number> = weights,
): { loss: number; gradient: Float64Array } {
  const z = rows(logits, classes);
  const y = rows(targets, classes);
  const gradient = new Float64Array(logits.length);
  const dz = rows(gradient, classes);
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  let loss = 0;
  for (let i = 0; i < z.length; i++) {
    if (weights[i] === 0 || total === 0) continue;
    const share = weights[i] / total;
    const logP = logSoftmax(z[i]);
    const mass = y[i].reduce((sum, value) => sum + value, 0);
    for (let k = 0; k < classes; k++) {
      if (y[i][k] !== 0) loss -= share * y[i][k] * logP[k];
      dz[i][k] = share * (mass * Math.exp(logP[k]) - y[i][k]);
    }
  }
  return { loss, gradient };
}
