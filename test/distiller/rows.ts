/** Logits that a side stands for, against those that its model gives. */
import { classify, pool, type Side, type TensorLike } from 'gld-loss';
import type { TfjsSide } from 'gld-loss/tfjs';
import type { Test } from 'tap';

/** Logits of the means over the whole maps and over the cells of a grid of 2 x 2, [n, 5, K], or those that there are. */
export function rowsOf(side: TfjsSide | Side): Float32Array {
  const { features, logitMap, logits, layout, weight, bias, weightLayout } = side as never as Record<string, never>;
  if (logits !== undefined) return (logits as TensorLike).data as Float32Array;
  const { pooled } = pool({ features: logitMap ?? features, layout }, { grid: 2 });
  if (logitMap !== undefined) return pooled.data as Float32Array;
  return classify({ pooled, weight, bias, weightLayout }).logits.data as Float32Array;
}

/** The global rows have to be the model's logits. */
export function expectRows(t: Test, side: TfjsSide | Side, logits: TensorLike, what: string, bound = 1e-5): void {
  const [n, classes] = logits.shape as [number, number];
  const expected = logits.data as Float32Array;
  const rows = rowsOf(side);
  const perSample = rows.length / n;
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = expected.reduce((most, value, i) => {
    const at = Math.floor(i / classes) * perSample + (i % classes);
    return Math.max(most, Math.abs(value - rows[at]));
  }, 0);
  t.ok(difference <= bound * size, `${what}: off by ${difference / size}`);
}
