/** Stage `cross_entropy`: the task loss, L_task = −(1/n) Σ_i Σ_k y_ik log softmax(z_i)_k. */
import { rows } from './rows.js';
import { logSoftmax } from './softmax.js';

/** Class indices [n] as label distributions [n, K]. */
export function oneHot(labels: ArrayLike<number>, classes: number): Float64Array {
  const targets = new Float64Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) targets[i * classes + labels[i]] = 1;
  return targets;
}

/**
 * logits [n, K], targets [n, K] → L_task and ∂L_task/∂logits [n, K].
 * A row of targets need not sum to 1; the gradient is that of the formula above whatever its sum.
 */
export function crossEntropy(
  logits: Float64Array,
  targets: Float64Array,
  classes: number,
): { loss: number; gradient: Float64Array } {
  const z = rows(logits, classes);
  const y = rows(targets, classes);
  const gradient = new Float64Array(logits.length);
  const dz = rows(gradient, classes);
  const n = z.length;
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const logP = logSoftmax(z[i]);
    const mass = y[i].reduce((sum, value) => sum + value, 0);
    for (let k = 0; k < classes; k++) {
      loss -= (y[i][k] * logP[k]) / n;
      dz[i][k] = (mass * Math.exp(logP[k]) - y[i][k]) / n;
    }
  }
  return { loss, gradient };
}
