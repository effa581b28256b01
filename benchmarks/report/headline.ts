/** What ours is set against: the fastest contender that was there and is not crippled. */
import { type Multiplier, productRate, productShare, standing } from '../products.js';
import type { RunRecord } from '../record.js';
import { median } from '../statistics.js';
import { count, share } from './format.js';
import { type Lineup, type Measured, measured, ours } from './lineup.js';

/** The fastest in a case of those whose products are known to be sound. */
export function fastest(record: RunRecord, { others }: Lineup): Measured | undefined {
  const [first] = others
    .filter(measured)
    .filter((one) => one.contender !== ours && standing(record, one) === 'sound')
    .sort((a, b) => median(a.seconds) - median(b.seconds));
  return first;
}

/** Follows a ratio, or whatever else is told of a contender. */
export const mark = (record: RunRecord, of: Multiplier): string =>
  standing(record, of) === 'crippled' ? ' crippled' : '';

/** '182 Gflop/s, 88 %'; empty where it is not known. */
export function productText(record: RunRecord, of: Multiplier): string {
  const [rate, part] = [productRate(record, of), productShare(record, of)];
  return rate === undefined || part === undefined ? '' : `${count(rate)}flop/s, ${share(part)}${mark(record, of)}`;
}

/** Where no contender is sound a text says so in place of ratios. */
export const nobody =
  'no contender is on record whose products are known to reach half of the machine’s rate, so none is set against ours';
