/** The course of a training: steps per epoch, learning rate over time. */

export const stepsPerEpoch = (images: number, batchSize: number): number => Math.ceil(images / batchSize);

export interface Schedule {
  /** 'cosine': from the base rate to 0 along half a cosine, every step. 'steps': times 0.1 at 50 % and at 75 %. */
  kind: 'cosine' | 'steps';
  /** The learning rate that it begins with, after the warm-up. */
  base: number;
  /**
   * Epochs in which the rate grows evenly to what the course says. A student that has just been made has small logits, whose
   * gradients under the GLD loss are many times those of the task. Runs that were recorded without it had none. Default 0.
   */
  warmup?: number;
}

/** Rate for an update, the first of the run being that of step 0, with so many steps in each of the epochs. */
export function learningRate(
  { kind, base, warmup = 0 }: Schedule,
  step: number,
  steps: number,
  epochs: number,
): number {
  const progress = step / (steps * epochs);
  const share = Math.min(1, (step + 1) / (steps * warmup));
  if (kind === 'cosine') return share * 0.5 * base * (1 + Math.cos(Math.PI * progress));
  return share * base * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01);
}
