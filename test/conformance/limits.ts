/** How large an error may be. */
import type { Precision } from './record.js';

export interface ErrorLimits {
  loss: number;
  /** In units of the relation term's bound. */
  relation: number;
  /** Of a gradient's largest element. */
  gradient: number;
}

/**
 * Well-conditioned inputs. For float32 these are the CPU engine's own. TF32 keeps 11 significant bits of each factor and
 * bfloat16 8: logits of about 3 are off by some 2^-11 and 2^-8 of that, and all that follows with them. What an engine
 * really makes of it is measured (accuracy.ts); these limits catch what is wrong, not what is rounded.
 */
export const usual: Record<Precision | 'float64', ErrorLimits> = {
  float64: { loss: 1e-14, relation: 1e-14, gradient: 3e-14 },
  float32: { loss: 1e-6, relation: 1e-6, gradient: 1e-5 },
  tf32: { loss: 2e-3, relation: 1e-3, gradient: 2e-2 },
  bf16: { loss: 1e-2, relation: 1e-2, gradient: 0.1 },
};

/** Inputs on which careless formulas break. */
export const hostile: Record<'float32' | 'float64', ErrorLimits> = {
  float32: { loss: 1e-4, relation: 1e-6, gradient: 1e-4 },
  float64: { loss: 1e-4, relation: 1e-12, gradient: 1e-9 },
};

/** What storing a gradient in fewer bits than it was computed in adds, when its largest element is `top`. */
export function storageError(dtype: string, computed: 'float32' | 'float64', top: number): number {
  if (dtype === 'float32' && computed === 'float64') return 2 ** -24;
  // Half a unit in the last place; float16 also has no numbers between 0 and 2^-24.
  if (dtype === 'float16') return 2 ** -11 + (top > 0 ? 2 ** -25 / top : 0);
  return dtype === 'bfloat16' ? 2 ** -8 : 0;
}
