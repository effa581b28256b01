/** The axis orders a caller may use, and the ones the stages are written in: NCHW for maps, KC for the classifier. */
import type { MapShape } from './pool.js';
import type { Dense } from './types.js';

type Layout = 'NCHW' | 'NHWC';
type WeightLayout = 'KC' | 'CK';

export function mapShape(shape: readonly number[], layout: Layout): MapShape {
  const [samples, ...rest] = shape;
  const [channels, height, width] = layout === 'NCHW' ? rest : [rest[2], rest[0], rest[1]];
  return { samples, channels, height, width };
}

/** Calls `visit` with the place of every element in NCHW order and in NHWC order. */
function eachPosition(map: MapShape, visit: (nchw: number, nhwc: number) => void): void {
  const { samples, channels, height, width } = map;
  for (let i = 0; i < samples; i++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          visit(((i * channels + c) * height + y) * width + x, ((i * height + y) * width + x) * channels + c);
        }
      }
    }
  }
}

export function toNCHW(data: ArrayLike<number>, map: MapShape, layout: Layout): ArrayLike<number> {
  if (layout === 'NCHW') return data;
  const out = new Float64Array(data.length);
  eachPosition(map, (nchw, nhwc) => (out[nchw] = data[nhwc]));
  return out;
}

export function fromNCHW(data: Float64Array, map: MapShape, layout: Layout): Float64Array {
  if (layout === 'NCHW') return data;
  const out = new Float64Array(data.length);
  eachPosition(map, (nchw, nhwc) => (out[nhwc] = data[nchw]));
  return out;
}

function transpose(data: ArrayLike<number>, rows: number, cols: number): Float64Array {
  const out = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c];
  }
  return out;
}

/** weight in its own layout → [K, C] */
export function toKC({ data, shape }: Dense, layout: WeightLayout): Float64Array {
  return layout === 'KC' ? Float64Array.from(data) : transpose(data, shape[0], shape[1]);
}

/** [K, C] → the layout of a weight of that `shape` */
export function fromKC(data: Float64Array, shape: readonly number[], layout: WeightLayout): Float64Array {
  return layout === 'KC' ? data : transpose(data, shape[1], shape[0]);
}
