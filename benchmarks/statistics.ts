/** How repeated measurements are summed up, everywhere in the suite. */

/** The value below which a share of the values lies, interpolated between the sorted ones; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? Number.NaN;
  return low + (at - below) * ((sorted[below + 1] ?? low) - low);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Interquartile range: how far apart the middle half of the values lies. */
export const spread = (values: readonly number[]): number => quantile(values, 0.75) - quantile(values, 0.25);

/** Quotients of what ran side by side, repetition by repetition, as far as both have one. */
export const ratios = (values: readonly number[], base: readonly number[]): number[] =>
  values.slice(0, base.length).map((value, i) => value / base[i]);

/** How many times as long as `base` the values are: the median of the quotients, in which a slow moment cancels. */
export const ratio = (values: readonly number[], base: readonly number[]): number => median(ratios(values, base));
