/** The course of a training: steps per epoch, learning rate over time. */

export const stepsPerEpoch = (images: number, batchSize: number): number => Math.ceil(images / batchSize);

export interface Schedule {
  /** 'cosine': from the base rate to 0 along half a cosine, every step. 'steps': times 0.1 at 50 % and at 75 %. */
  kind: 'cosine' | 'steps';
  /** The first learning rate. */
  base: number;
}

/** Rate for the update that starts at `progress` (0 <= progress < 1) of the run, counted in epochs / all epochs. */
export function learningRate({ kind, base }: Schedule, progress: number): number {
  if (kind === 'cosine') return 0.5 * base * (1 + Math.cos(Math.PI * progress));
  return base * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01);
}
