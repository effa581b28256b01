/**
 * Stage `pool`: the mean of the feature map over the whole of it (the global row) and over each cell of a grid (the
 * local rows), as in Kim et al., "Distilling Global and Local Logits with Densely Connected Relations", ICCV 2021. The
 * windows are those of adaptive average pooling, so that no position is left out when the grid does not divide the map.
 */

export interface MapShape {
  samples: number;
  channels: number;
  height: number;
  width: number;
}

export interface Grid {
  rows: number;
  cols: number;
}

interface Window {
  top: number;
  bottom: number;
  left: number;
  right: number;
  area: number;
}

/** The positions [start, end) that cell `index` of `cells` covers on an axis of `size` positions. */
function span(index: number, cells: number, size: number): [start: number, end: number] {
  return [Math.floor((index * size) / cells), Math.ceil(((index + 1) * size) / cells)];
}

/** The windows of a sample's rows: the whole map first, then the cells, row by row. */
function windows({ height, width }: MapShape, grid: Grid): Window[] {
  const all: Window[] = [{ top: 0, bottom: height, left: 0, right: width, area: height * width }];
  for (let row = 0; row < grid.rows; row++) {
    const [top, bottom] = span(row, grid.rows, height);
    for (let col = 0; col < grid.cols; col++) {
      const [left, right] = span(col, grid.cols, width);
      all.push({ top, bottom, left, right, area: (bottom - top) * (right - left) });
    }
  }
  return all;
}

/** features [n, C, H, W] → pooled [n, R, C] with R = 1 + cells. */
export function pool(features: ArrayLike<number>, shape: MapShape, grid: Grid): Float64Array {
  const { samples, channels, height, width } = shape;
  const cells = windows(shape, grid);
  const pooled = new Float64Array(samples * cells.length * channels);
  for (let i = 0; i < samples; i++) {
    for (const [r, cell] of cells.entries()) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let y = cell.top; y < cell.bottom; y++) {
          for (let x = cell.left; x < cell.right; x++) {
            sum += features[((i * channels + c) * height + y) * width + x];
          }
        }
        pooled[(i * cells.length + r) * channels + c] = sum / cell.area;
      }
    }
  }
  return pooled;
}

/** ∂L/∂pooled [n, R, C] → ∂L/∂features [n, C, H, W]: each position gets its share of every window it is in. */
export function poolGradient(upstream: ArrayLike<number>, shape: MapShape, grid: Grid): Float64Array {
  const { samples, channels, height, width } = shape;
  const cells = windows(shape, grid);
  const features = new Float64Array(samples * channels * height * width);
  for (let i = 0; i < samples; i++) {
    for (const [r, cell] of cells.entries()) {
      for (let c = 0; c < channels; c++) {
        const share = upstream[(i * cells.length + r) * channels + c] / cell.area;
        for (let y = cell.top; y < cell.bottom; y++) {
          for (let x = cell.left; x < cell.right; x++) {
            features[((i * channels + c) * height + y) * width + x] += share;
          }
        }
      }
    }
  }
  return features;
}
