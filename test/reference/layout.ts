/** The axis orders a caller may use, and those of the stages: channels first for maps, KC for the classifier. */
import type { MapShape } from './pool.js';
import type { Dense, Layout } from './types.js';

type WeightLayout = 'KC' | 'CK';

/** Of a map of so many axes. */
export function layoutOf(axes: number, channelsLast: boolean): Layout {
  const spatial = (['W', 'HW', 'DHW'] as const)[axes - 1];
  return channelsLast ? `N${spatial}C` : `NC${spatial}`;
}

/** Channels first, of a tensor of that rank. */
export function usualLayout(rank: number): Layout {
  return layoutOf(rank - 2, false);
}

const isChannelsLast = (layout: Layout): boolean => layout.endsWith('C');

/** `layout` is channels first by default. */
export function mapShape(shape: readonly number[], layout: Layout = usualLayout(shape.length)): MapShape {
  const [samples, ...rest] = shape;
  return isChannelsLast(layout)
    ? { samples, channels: rest[rest.length - 1], size: rest.slice(0, -1) }
    : { samples, channels: rest[0], size: rest.slice(1) };
}

/** The transposes of `samples` matrices, one after the other. */
function transpose(data: ArrayLike<number>, rows: number, cols: number, samples = 1): Float64Array {
  const out = new Float64Array(samples * rows * cols);
  for (let i = 0; i < samples; i++) {
    const start = i * rows * cols;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) out[start + c * rows + r] = data[start + r * cols + c];
    }
  }
  return out;
}

function positions({ size }: MapShape): number {
  return size.reduce((product, extent) => product * extent, 1);
}

export function toChannelsFirst(data: ArrayLike<number>, map: MapShape, layout: Layout): ArrayLike<number> {
  return isChannelsLast(layout) ? transpose(data, positions(map), map.channels, map.samples) : data;
}

export function fromChannelsFirst(data: Float64Array, map: MapShape, layout: Layout): Float64Array {
  return isChannelsLast(layout) ? transpose(data, map.channels, positions(map), map.samples) : data;
}

/** weight in its own layout → [K, C] */
export function toKC({ data, shape }: Dense, layout: WeightLayout): Float64Array {
  return layout === 'KC' ? Float64Array.from(data) : transpose(data, shape[0], shape[1]);
}

/** [K, C] → the layout of a weight of that `shape` */
export function fromKC(data: Float64Array, shape: readonly number[], layout: WeightLayout): Float64Array {
  return layout === 'KC' ? data : transpose(data, shape[1], shape[0]);
}
