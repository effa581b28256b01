/** Signed distance (pixels, negative inside) from a point to a glyph of radius r centred at the origin. */
export type Glyph = (x: number, y: number, r: number) => number;

const bar = (x: number, y: number, halfLength: number, halfWidth: number): number =>
  Math.max(Math.abs(x) - halfLength, Math.abs(y) - halfWidth);

const diagonal = Math.SQRT1_2;

/**
 * The parts the images of 'shapes' are made of, by name, in the order in which they are taken. Each is its own mirror
 * image, so that a flip does not change the class.
 */
export const glyphs: Record<string, Glyph> = {
  ring: (x, y, r) => Math.abs(Math.hypot(x, y) - 0.75 * r) - 0.3 * r,
  plus: (x, y, r) => Math.min(bar(x, y, r, 0.3 * r), bar(y, x, r, 0.3 * r)),
  cross: (x, y, r) => glyphs.plus((x + y) * diagonal, (x - y) * diagonal, 1.15 * r),
  square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) - 0.8 * r,
  rows: (x, y, r) => Math.min(bar(x, y - 0.65 * r, r, 0.28 * r), bar(x, y + 0.65 * r, r, 0.28 * r)),
  columns: (x, y, r) => glyphs.rows(y, x, r),
  frame: (x, y, r) => Math.abs(Math.max(Math.abs(x), Math.abs(y)) - 0.7 * r) - 0.25 * r,
};
