/** Boxes: how much two have in common, and a box as four numbers relative to another, which a network predicts. */

import type { Box } from '../../data/index.js';

/** Four numbers that make a box of a default box: see `offsets`. */
export type Offsets = readonly [number, number, number, number];

/** 0 for a box without inside. */
export const area = ([left, top, right, bottom]: Box): number => Math.max(0, right - left) * Math.max(0, bottom - top);

/** Intersection over union (the Jaccard overlap), 0 … 1; 0 where neither box has an inside. */
export function overlap(a: Box, b: Box): number {
  const common = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return common === 0 ? 0 : common / (area(a) + area(b) - common);
}

/**
 * Typical sizes of the offsets of a centre and of the logarithms of a size, which they are divided by, so that all four
 * numbers weigh about the same in a loss (the "variances" of the detector's published code).
 */
const unit = { centre: 0.1, size: 0.2 };

/**
 * `box` seen from `base`: the shift of its centre in widths and heights of `base`, and the logarithms of its size over
 * that of `base` (Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, equation 2). Both need an inside.
 */
export function offsets(box: Box, base: Box): Offsets {
  const [x, y, width, height] = centred(box);
  const [baseX, baseY, baseWidth, baseHeight] = centred(base);
  return [
    (x - baseX) / baseWidth / unit.centre,
    (y - baseY) / baseHeight / unit.centre,
    Math.log(width / baseWidth) / unit.size,
    Math.log(height / baseHeight) / unit.size,
  ];
}

/** The box whose `offsets` from `base` are these. */
export function moved([dx, dy, dw, dh]: Offsets, base: Box): Box {
  const [baseX, baseY, baseWidth, baseHeight] = centred(base);
  const x = baseX + dx * unit.centre * baseWidth;
  const y = baseY + dy * unit.centre * baseHeight;
  const halfWidth = (baseWidth / 2) * Math.exp(dw * unit.size);
  const halfHeight = (baseHeight / 2) * Math.exp(dh * unit.size);
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
}

/** Centre, width and height. */
const centred = ([left, top, right, bottom]: Box): readonly [number, number, number, number] => [
  (left + right) / 2,
  (top + bottom) / 2,
  right - left,
  bottom - top,
];
