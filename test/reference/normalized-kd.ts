/**
 * Stage `normalized_kd`: the Kullback-Leibler divergence from teacher to student of the softmax of normalized logits,
 * L_ND = (1/n) Σ_r KL( softmax(ŷt_r) ‖ softmax(ŷs_r) ).
 *
 * - `std` (Kim et al., ICCV 2021): ŷ = z / σ(z), σ the standard deviation over the K classes of that row, with K−1
 *   (unbiased) or K. A row with σ = 0 has ŷ = 0.
 *   - With a temperature τ (Sun et al., CVPR 2024): ŷ = z / (τ σ(z)), and the divergence is multiplied by τ².
 *   - Compensated: it is multiplied by τ² σ(zt) σ(zs) instead, which is a constant for the gradient.
 * - `temperature` (Hinton, Vinyals, Dean, 2015): ŷ = z / τ, and the divergence is multiplied by τ².
 *
 * The sum runs over all given rows while n counts samples, so that the local rows of a sample add up: L_local is a sum
 * over the cells. A row of weight w counts as if it were w times there; `samples` is then the weight of all samples.
 */
import { dot, rows } from './rows.js';
import { logSoftmax } from './softmax.js';
import type { Normalization } from './types.js';

interface Normalized {
  /** What the row was divided by: τσ or τ. */
  divisor: number;
  /** ŷ, up to a common offset of the row, which softmax does not see. */
  value: number[];
  /** ∂L/∂ŷ → ∂L/∂z */
  backward(upstream: number[]): number[];
}

function divideByStd(z: Float64Array, unbiased: boolean, temperature: number): Normalized {
  const K = z.length;
  // Differences to the row's first logit are exact zeros when all are equal; a rounded mean would leave a σ of 1e-17.
  const shifted = Array.from(z, (value) => value - z[0]);
  const mean = shifted.reduce((sum, value) => sum + value, 0) / K;
  const centred = shifted.map((value) => value - mean);
  const degrees = unbiased ? K - 1 : K;
  const sigma = Math.sqrt(dot(centred, centred) / degrees);
  if (sigma === 0) return { divisor: 0, value: centred.map(() => 0), backward: (upstream) => upstream.map(() => 0) };

  const divisor = temperature * sigma;
  return {
    divisor,
    value: centred.map((value) => value / divisor),
    backward(upstream) {
      // ŷ_k = z_k / (τσ) and ∂σ/∂z_k = (z_k − μ) / (degrees·σ). The upstream sums to zero, so z or z − μ is the same here.
      const dSigma = -dot(upstream, centred) / (divisor * sigma);
      return upstream.map((value, k) => value / divisor + (dSigma * centred[k]) / (degrees * sigma));
    },
  };
}

function divideByTemperature(z: Float64Array, temperature: number): Normalized {
  return {
    divisor: temperature,
    value: Array.from(z, (value) => value / temperature),
    backward: (upstream) => upstream.map((value) => value / temperature),
  };
}

/** p (log p − log q) of one class, with 0 log 0 = 0 where the teacher excludes it (−∞). */
function divergence(logP: number, logQ: number): number {
  if (logP === -Infinity) return 0;
  return logQ === -Infinity ? Infinity : Math.exp(logP) * (logP - logQ);
}

export interface KdShape {
  /** n, by which the sum is divided; 0 where nothing counts. */
  samples: number;
  classes: number;
  normalization: Normalization;
  /** One per row; 1 by default. */
  weights?: ArrayLike<number>;
  /** The student's logits by which a compensated divergence is multiplied: those themselves by default. */
  held?: Float64Array;
}

/** teacher [.., K], student [.., K] → L_ND and ∂L_ND/∂student. */
export function normalizedKd(
  teacher: Float64Array,
  student: Float64Array,
  { samples, classes, normalization, weights, held = student }: KdShape,
): { loss: number; gradient: Float64Array } {
  const normalize = (z: Float64Array): Normalized =>
    normalization.kind === 'temperature'
      ? divideByTemperature(z, normalization.temperature)
      : divideByStd(z, normalization.unbiased ?? true, normalization.temperature ?? 1);
  const compensated = normalization.kind === 'std' && normalization.compensated === true;

  const zt = rows(teacher, classes);
  const zs = rows(student, classes);
  const constants = rows(held, classes);
  const gradient = new Float64Array(student.length);
  let loss = 0;
  for (let r = 0; r < zs.length; r++) {
    const weight = weights === undefined ? 1 : weights[r];
    if (weight === 0) continue;
    const ofTeacher = normalize(zt[r]);
    const normalized = normalize(zs[r]);
    const factor = compensated
      ? ofTeacher.divisor * normalize(constants[r]).divisor
      : (normalization.temperature ?? 1) ** 2;
    const scale = (weight * factor) / samples;
    const logP = logSoftmax(ofTeacher.value);
    const logQ = logSoftmax(normalized.value);
    for (let k = 0; k < classes; k++) loss += scale * divergence(logP[k], logQ[k]);
    const upstream = logQ.map((value, k) => scale * (Math.exp(value) - Math.exp(logP[k])));
    gradient.set(normalized.backward(upstream), r * classes);
  }
  return { loss, gradient };
}
