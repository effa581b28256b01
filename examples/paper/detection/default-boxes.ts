/** The boxes that a detector begins with: some around the centre of every cell of every feature map. */
import type { Box } from '../../data/index.js';
import type { MapShape } from '../../tfjs/layers.js';

export interface DefaultBoxOptions {
  /** Side of the square image in pixels. */
  side: number;
  /** Scale of the boxes of the first and of the last map, as a share of the image's side. */
  scales: readonly [number, number];
  /** Width over height of the boxes of each cell; the box of ratio 1 comes in a second, larger size, which is last. */
  ratios: readonly number[];
}

/** Default boxes of each cell. */
export const boxesPerCell = ({ ratios }: Pick<DefaultBoxOptions, 'ratios'>): number => ratios.length + 1;

/**
 * Scales of `maps` feature maps and, one further, of the larger square of the last: evenly spaced from the first to the
 * last map's (Liu et al. 2016, equation 4).
 */
export function scalesOf(maps: number, [first, last]: readonly [number, number]): number[] {
  const step = maps === 1 ? last - first : (last - first) / (maps - 1);
  return Array.from({ length: maps + 1 }, (_, i) => first + i * step);
}

/**
 * All default boxes, map by map, row by row, cell by cell: the order in which the detector predicts. The boxes of scale
 * s and ratio a are s√a wide and s/√a high; the second square of a map has the geometric mean of its scale and of the
 * next. Boxes may reach over the edge of the image.
 *
 * @param maps the shapes of the feature maps, the finest first
 */
export function defaultBoxes(maps: readonly MapShape[], { side, scales, ratios }: DefaultBoxOptions): Box[] {
  const scale = scalesOf(maps.length, scales).map((share) => share * side);
  return maps.flatMap(([rows, columns], map) => {
    const second = Math.sqrt(scale[map] * scale[map + 1]);
    const sizes = [
      ...ratios.map((ratio) => [scale[map] * Math.sqrt(ratio), scale[map] / Math.sqrt(ratio)]),
      [second, second],
    ];
    return Array.from({ length: rows * columns }, (_, cell) => {
      const x = (((cell % columns) + 0.5) * side) / columns;
      const y = ((Math.floor(cell / columns) + 0.5) * side) / rows;
      return sizes.map(([width, height]): Box => [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
    }).flat();
  });
}
