/** Numbers as reports show and combine them. */

export const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample standard deviation (n − 1); undefined for a single value. */
export function deviation(values: number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** 0.8123 → '81.2'. */
export const percent = (value: number): string => (100 * value).toFixed(1);

/** A difference of accuracies in points, with its sign. */
export const points = (value: number): string => `${value < 0 ? '−' : '+'}${percent(Math.abs(value))}`;

export const integer = (value: number): string => value.toLocaleString('en');

/** At most `digits` significant digits, small numbers as 1.2 × 10⁻⁴. */
export function significant(value: number, digits = 3): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (Number.isSafeInteger(value)) return integer(value);
  if (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6) return String(Number(value.toPrecision(digits)));
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
  return `${Number(mantissa)} × 10${superscript(Number(exponent))}`;
}

/** −4 → '⁻⁴'. */
export const superscript = (exponent: number): string =>
  [...String(exponent)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('');

/** 134.2 → '2 min 14 s'. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Seconds as m:ss, or h:mm:ss. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 2 ** 34 → '16 GiB'. */
export const gibibytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`;

/**
 * For each position, the values that `of` finds there in any of the lists; as long as the longest list. Values that are
 * not finite are left out: a run that diverged has NaN there, or null once it went through JSON.
 */
export function columns<T>(lists: T[][], of: (item: T) => number | null | undefined): number[][] {
  const length = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length }, (_, i) =>
    lists.flatMap((list) => {
      const value = i < list.length ? of(list[i]) : undefined;
      return typeof value === 'number' && Number.isFinite(value) ? [value] : [];
    }),
  );
}
