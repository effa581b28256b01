/** results.json of a run. */
import { fromJson as read } from 'gld-loss-pages/json';
import type { DType, Limits, ProductRate, RunRecord } from '../record.js';

export { toJson } from 'gld-loss-pages/json';

/** Its floors are by a large Eigen product of this many rows, columns and channels, and nobody's products were measured. */
interface Format1 extends Omit<RunRecord, 'format' | 'limits' | 'products'> {
  format: 1;
  limits: (Omit<Limits, 'flopsPerSecond' | 'flopsBy'> & { productFlopsPerSecond: Record<DType, number> })[];
}
const sizeOfFormat1 = { rows: 2048, columns: 2048, depth: 2048 };

function fromFormat1({ limits, ...rest }: Format1): RunRecord {
  return {
    ...rest,
    format: 2,
    limits: limits.map(({ productFlopsPerSecond, ...limit }) => ({
      ...limit,
      flopsPerSecond: productFlopsPerSecond,
      flopsBy: 'Eigen',
    })),
    products: limits.flatMap(({ threads, productFlopsPerSecond }) =>
      (['float32', 'float64'] as const).map(
        (dtype): ProductRate => ({
          by: 'Eigen',
          threads,
          dtype,
          ...sizeOfFormat1,
          flopsPerSecond: productFlopsPerSecond[dtype],
        }),
      ),
    ),
  };
}

export function fromJson(text: string): RunRecord {
  const record = read<RunRecord | Format1>(text);
  if (record.format === 1) return fromFormat1(record);
  if (record.format !== 2) {
    throw new RangeError(`results: expected format 1 or 2, got ${String((record as { format: unknown }).format)}`);
  }
  return record;
}
