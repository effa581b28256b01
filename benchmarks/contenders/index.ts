/** What every contender can do. */
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import type { ProductSize } from '../products.js';
import type { DType } from '../record.js';

export interface Outputs {
  /** The loss, or what the stage computes where that is no loss. */
  value: number | ArrayLike<number>;
  /** By the name of the input they belong to, such as 'student.features'; empty in forward mode. */
  gradients: Record<string, ArrayLike<number>>;
  method?: 'pairwise' | 'moments';
}

/** A contender that is ready to compute one case. */
export interface Participant {
  /** Computes once, for the comparison with the reference. */
  result(): Promise<Outputs>;
  /** Seconds per call over that many calls. */
  time(calls: number): Promise<number>;
  /** Milliseconds in which its threads may still spin after a call. */
  settles?: number;
  /** Bytes that a call leaves for the garbage collector, where that is of interest. */
  bytesPerCall?(): Promise<number>;
  close?(): Promise<void>;
}

export interface Product extends ProductSize {
  dtype: DType;
  threads: number;
}

/** One way in which a contender takes part in a case, or why it does not. */
export type Entry = { variant?: string } & ({ skipped: string } | { prepare(data: Data): Promise<Participant> });

export interface Contender {
  readonly name: string;
  /** What it is made of, for the record's versions. */
  readonly versions: Record<string, string>;
  /** Empty where it has no part in a case. */
  entries(on: Case, threads: number): Entry[];
  /**
   * Seconds of a product by what multiplies its matrices, the best of a few; undefined where it takes no part with such a
   * dtype and so many threads. Ours is measured with the machine's limits.
   */
  secondsOfProduct?(product: Product): Promise<number | undefined>;
  close(): Promise<void>;
}

/** A contender that cannot take part at all. */
export class Absent extends Error {}

/** Beyond this many flops a method is not sane on a processor: some seconds on one core. */
export const flopLimit = 2e11;

const digits = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 3 });

export function tooLong(flops: number, limit = flopLimit): string | undefined {
  if (flops <= limit) return undefined;
  return `${digits(flops / 1e9)} Gflop at least, more than the ${digits(limit / 1e9)} allowed here`;
}

export function tooLarge(bytes: number, limit: number): string | undefined {
  if (bytes <= limit) return undefined;
  const gib = (count: number) => digits(count / 2 ** 30);
  return `its m × m matrices take ${gib(bytes)} GiB, more than the ${gib(limit)} allowed here`;
}
