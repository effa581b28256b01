/**
 * Stage `pool`: the mean of the feature map over the whole of it (the global row) and over each cell of a grid (the
 * local rows), as in Kim et al., "Distilling Global and Local Logits with Densely Connected Relations", ICCV 2021. The
 * windows are those of adaptive average pooling, so that no position is left out when the grid does not divide the map.
 *
 * The map has any number of axes. A grid of several levels is a pyramid: the cells of one level after those of the other.
 * With a mask, a row is the mean over those positions of its window that the mask counts, and 0 where it counts none.
 */
import type { Levels } from './types.js';

export interface MapShape {
  samples: number;
  channels: number;
  /** Positions per axis. */
  size: readonly number[];
}

/** [n, ...size]: positions that are 0 do not count. */
export type Mask = ArrayLike<number | boolean>;

/** The product of sizes: positions of a map, cells of a level. */
function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

/** The positions [start, end) that cell `index` of `cells` covers on an axis of `size` positions. */
function span(index: number, cells: number, size: number): [start: number, end: number] {
  return [Math.floor((index * size) / cells), Math.ceil(((index + 1) * size) / cells)];
}

/** The windows of one level, each as the numbers of its positions in row-major order; the cells in that order too. */
function cellsOf(size: readonly number[], cells: readonly number[]): number[][] {
  let windows = [[0]];
  for (const [axis, length] of size.entries()) {
    windows = windows.flatMap((outer) =>
      Array.from({ length: cells[axis] }, (_, index) => {
        const [start, end] = span(index, cells[axis], length);
        const along = Array.from({ length: end - start }, (_, at) => start + at);
        return outer.flatMap((position) => along.map((at) => position * length + at));
      }),
    );
  }
  return windows;
}

/** The windows of a sample's rows: the whole map first, then the cells, level by level. */
function windowsOf({ size }: MapShape, levels: Levels): number[][] {
  return [size.map(() => 1), ...levels].flatMap((cells) => cellsOf(size, cells));
}

/** Of each row of each sample, the positions that count: [n][R]. */
function counted(shape: MapShape, levels: Levels, mask?: Mask): number[][][] {
  const windows = windowsOf(shape, levels);
  const positions = product(shape.size);
  return Array.from({ length: shape.samples }, (_, i) =>
    mask === undefined ? windows : windows.map((window) => window.filter((at) => mask[i * positions + at])),
  );
}

/** Which rows [n, R] have a position that counts. */
export function filledRows(shape: MapShape, levels: Levels, mask?: Mask): boolean[] {
  return counted(shape, levels, mask).flatMap((rows) => rows.map((positions) => positions.length > 0));
}

/** features [n, C, ...size] → pooled [n, R, C] with R = 1 + cells. */
export function pool(features: ArrayLike<number>, shape: MapShape, levels: Levels, mask?: Mask): Float64Array {
  const { samples, channels } = shape;
  const positions = product(shape.size);
  const rows = counted(shape, levels, mask);
  const pooled = new Float64Array(samples * rows[0].length * channels);
  let to = 0;
  for (let i = 0; i < samples; i++) {
    for (const window of rows[i]) {
      for (let c = 0; c < channels; c++, to++) {
        let sum = 0;
        for (const at of window) sum += features[(i * channels + c) * positions + at];
        pooled[to] = window.length === 0 ? 0 : sum / window.length;
      }
    }
  }
  return pooled;
}

/** ∂L/∂pooled [n, R, C] → ∂L/∂features [n, C, ...size]: each position gets its share of every window it counts in. */
export function poolGradient(upstream: ArrayLike<number>, shape: MapShape, levels: Levels, mask?: Mask): Float64Array {
  const { samples, channels } = shape;
  const positions = product(shape.size);
  const rows = counted(shape, levels, mask);
  const features = new Float64Array(samples * channels * positions);
  let from = 0;
  for (let i = 0; i < samples; i++) {
    for (const window of rows[i]) {
      for (let c = 0; c < channels; c++, from++) {
        const share = upstream[from] / window.length;
        for (const at of window) features[(i * channels + c) * positions + at] += share;
      }
    }
  }
  return features;
}
