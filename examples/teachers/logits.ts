/** Logits of one side of the loss. */
import { classify, pool, type Side } from 'gld-loss';

/**
 * The logit rows of a side, as the loss compares them: [n, 1 + rows x columns, K], the global row first. A side of logits
 * has the rows that it has, whatever the grid.
 */
export function logitRows(side: Side, grid: [number, number], threads?: number): Float32Array {
  if ('logits' in side) return side.logits.data as Float32Array;
  const { features, layout, weight, weightLayout, bias } = side;
  const { pooled } = pool({ features, layout }, { grid, threads });
  return classify({ pooled, weight, bias, weightLayout }, { threads }).logits.data as Float32Array;
}
