/** Logits of one side of the loss. */
import { classify, pool, type TensorLike } from 'gld-loss';
import type { Split } from '../data/index.js';
import { sideOf, type Teacher, type TeacherSide } from './types.js';

/** Rows and columns of cells; [0, 0] for the global logits alone. */
export type Grid = readonly [number, number];

/** Logit rows per image. */
export const rowsOf = ([rows, columns]: Grid): number => 1 + rows * columns;

/**
 * The logit rows of a side, as the loss compares them: [n, 1 + rows x columns, K], the global row first. A side of logits
 * has the rows that it has, of which the global one may be asked for alone.
 */
export function logitRows(side: TeacherSide, grid: Grid, threads?: number): Float32Array {
  if ('logits' in side) return rowsOfLogits(side.logits, grid);
  const { features, layout, weight, weightLayout, bias } = side;
  const cells = rowsOf(grid) - 1;
  const {
    pooled: { data, shape },
  } = pool({ features, layout }, { grid: cells > 0 ? grid : [1, 1], threads });
  const [n, rows, channels] = shape;
  // Without cells, the global rows are left, from between those of the one cell that pool needs.
  const pooled = { data, shape: [n, 1 + cells, channels], strides: [rows * channels, channels, 1] };
  return classify({ pooled, weight, bias, weightLayout }, { threads }).logits.data as Float32Array;
}

function rowsOfLogits({ data, shape }: TensorLike, grid: Grid): Float32Array {
  const [n, rows, classes] = shape as [number, number, number];
  const all = data as Float32Array;
  if (rowsOf(grid) > 1 || rows === 1) return all;
  const global = new Float32Array(n * classes);
  for (let i = 0; i < n; i++) global.set(all.subarray(i * rows * classes, (i * rows + 1) * classes), i * classes);
  return global;
}

const evaluationBatch = 200;

/** Share of the split's images whose largest global logit is that of their label. */
export async function accuracy({ form, outputs }: Teacher, split: Split, threads?: number): Promise<number> {
  let correct = 0;
  for await (const batch of split.batches({ batchSize: evaluationBatch })) {
    const { labels, size } = batch;
    const logits = logitRows(sideOf(form, await outputs(batch), size), [0, 0], threads);
    const classes = logits.length / size;
    for (let i = 0; i < size; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      if (row.indexOf(Math.max(...row)) === labels[i]) correct++;
    }
  }
  return correct / split.size;
}
