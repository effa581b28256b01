/** How far a result is from the reference. */

export function largest(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]));
  return top;
}

/**
 * Error of an array, gradients above all: max |got − expected| / max |expected|.
 * Infinity when lengths differ or anything is not finite; against an expected zero the absolute error. `scale` is the
 * least to divide by, for sums whose terms cancel exactly: of what they leave, there are no digits to be right.
 */
export function arrayError(got: ArrayLike<number>, expected: ArrayLike<number>, scale = 0): number {
  if (got.length !== expected.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]);
    if (!Number.isFinite(error)) return Infinity;
    worst = Math.max(worst, error);
  }
  return worst / (Math.max(largest(expected), scale) || 1);
}

/** Error of a loss: |got − expected| / max(1, |expected|). */
export function lossError(got: number | undefined, expected: number | undefined): number {
  if (got === undefined || expected === undefined) return got === expected ? 0 : Infinity;
  const error = Math.abs(got - expected) / Math.max(1, Math.abs(expected));
  return Number.isNaN(error) ? Infinity : error;
}

export function allFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** Error of a relation loss over m rows, in units of its bound: |got − expected| / (2/m). */
export function relationError(got: number, expected: number, m: number): number {
  return lossError((got - expected) / (2 / m), 0);
}
