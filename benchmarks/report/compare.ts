/** Two runs side by side. */
import { median } from '../statistics.js';
import type { Measurement, RunRecord } from '../record.js';

const keyOf = ({ case: name, mode, dtype, layout, contender, variant = '', threads }: Measurement) =>
  `${name} ${mode} ${dtype} ${layout} ${contender} ${variant} ${threads} threads`;

export function compare(a: RunRecord, b: RunRecord): string {
  const before = new Map(a.measurements.map((one) => [keyOf(one), one]));
  const rows = b.measurements.flatMap((one) => {
    const other = before.get(keyOf(one));
    if (!other || one.seconds.length === 0 || other.seconds.length === 0) return [];
    return [`${keyOf(one)}: ${(median(one.seconds) / median(other.seconds)).toFixed(3)} times as long`];
  });
  return rows.join('\n');
}
