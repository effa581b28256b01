/**
 * Stage `cross_entropy`: the task loss, L_task = −(1/N) Σ_i w_i Σ_k y_ik log softmax(z_i)_k with N = Σ w_i. A sample of
 * weight w counts as if it were w times in the batch; without weights each counts once.
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

/**
 * logits [n, K], targets [n, K], weights [n] → L_task and ∂L_task/∂logits [n, K]; both 0 where all weights are.
 * A logit of −∞ excludes its class: 0·∞ is 0 where that is no target, and the loss is +∞ where it is.
 * A row of targets need not sum to 1; the gradient is that of the formula above whatever its sum.
 */
export function crossEntropy(
  logits: Float64Array,
  targets: Float64Array,
  classes: number,
  weights: ArrayLike<number> = new Float64Array(logits.length / classes).fill(1),
): { loss: number; gradient: Float64Array } {
  const z = rows(logits, classes);
  const y = rows(targets, classes);
  const gradient = new Float64Array(logits.length);
  const dz = rows(gradient, classes);
  const total = Array.from(weights).reduce((sum, weight) => sum + weight, 0);
  let loss = 0;
  for (let i = 0; i < z.length; i++) {
    if (weights[i] === 0) continue;
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
