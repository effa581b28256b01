/**
 * Rates of matrix products, and what share of the multiply-adds' own rate they are. A contender that multiplies far below
 * what the machine can do says something about its BLAS, and nothing about us.
 */
import type { DType, Limits, ProductRate } from './record.js';

export interface ProductSize {
  rows: number;
  columns: number;
  depth: number;
}

/** logits[rows, columns] = pooled[rows, depth] · weight[columns, depth]ᵀ: a large one, ImageNet's and CIFAR's. */
export const productSizes: ProductSize[] = [
  { rows: 1536, columns: 1536, depth: 1536 },
  { rows: 1280, columns: 1000, depth: 512 },
  { rows: 320, columns: 100, depth: 256 },
];

export const productFlops = ({ rows, columns, depth }: ProductSize): number => 2 * rows * columns * depth;

export interface Rates {
  limits: readonly Limits[];
  products: readonly ProductRate[];
}

export interface Multiplier {
  contender: string;
  threads: number;
  dtype: DType;
}

/** The best of its rates; undefined where none was measured. */
export function productRate({ products }: Rates, { contender, threads, dtype }: Multiplier): number | undefined {
  const rates = products
    .filter((one) => one.by === contender && one.threads === threads && one.dtype === dtype)
    .map(({ flopsPerSecond }) => flopsPerSecond);
  return rates.length === 0 ? undefined : Math.max(...rates);
}

/** What share of the machine's rate that is. */
export function productShare(rates: Rates, of: Multiplier): number | undefined {
  const rate = productRate(rates, of);
  const limit = rates.limits.find(({ threads }) => threads === of.threads);
  return rate === undefined || limit === undefined ? undefined : rate / limit.flopsPerSecond[of.dtype];
}

/** Below this share of the machine's rate a contender is crippled. */
export const crippledBelow = 0.5;

/** 'unknown' where its products were not measured, as in older records. */
export function standing(rates: Rates, of: Multiplier): 'sound' | 'crippled' | 'unknown' {
  const share = productShare(rates, of);
  if (share === undefined) return 'unknown';
  return share < crippledBelow ? 'crippled' : 'sound';
}
