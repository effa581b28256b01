/** Stage `classifier`: one linear classifier for global and local rows alike, z = W·pooled + b. */

export interface ClassifierShape {
  /** Rows of `pooled`, m. */
  count: number;
  channels: number;
  classes: number;
}

/** pooled [m, C], weight [K, C], bias [K] → logits [m, K]. */
export function classify(
  pooled: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  { count, channels, classes }: ClassifierShape,
): Float64Array {
  const logits = new Float64Array(count * classes);
  for (let r = 0; r < count; r++) {
    for (let k = 0; k < classes; k++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += weight[k * channels + c] * pooled[r * channels + c];
      logits[r * classes + k] = sum + (bias ? bias[k] : 0);
    }
  }
  return logits;
}

export interface ClassifierGradients {
  pooled: Float64Array;
  weight: Float64Array;
  bias: Float64Array;
}

/** ∂L/∂logits [m, K] → ∂L/∂pooled [m, C], ∂L/∂weight [K, C], ∂L/∂bias [K]. */
export function classifyGradient(
  upstream: ArrayLike<number>,
  pooled: ArrayLike<number>,
  weight: ArrayLike<number>,
  { count, channels, classes }: ClassifierShape,
): ClassifierGradients {
  const gradients = {
    pooled: new Float64Array(count * channels),
    weight: new Float64Array(classes * channels),
    bias: new Float64Array(classes),
  };
  for (let r = 0; r < count; r++) {
    for (let k = 0; k < classes; k++) {
      const dz = upstream[r * classes + k];
      gradients.bias[k] += dz;
      for (let c = 0; c < channels; c++) {
        gradients.weight[k * channels + c] += dz * pooled[r * channels + c];
        gradients.pooled[r * channels + c] += dz * weight[k * channels + c];
      }
    }
  }
  return gradients;
}
