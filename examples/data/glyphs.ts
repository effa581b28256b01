/** Signed distance (pixels, negative inside) from a point to a glyph of radius r centred at the origin. */
export type Glyph = (x: number, y: number, r: number) => number;

const bar = (x: number, y: number, halfLength: number, halfWidth: number): number =>
  Math.max(Math.abs(x) - halfLength, Math.abs(y) - halfWidth);

const diagonal = Math.SQRT1_2;

/** The parts the images of 'shapes' are made of, by name. */
export const glyphs: Record<string, Glyph> = {
  ring: (x, y, r) => Math.abs(Math.hypot(x, y) - 0.75 * r) - 0.3 * r,
  plus: (x, y, r) => Math.min(bar(x, y, r, 0.3 * r), bar(y, x, r, 0.3 * r)),
  cross: (x, y, r) => glyphs['plus']!((x + y) * diagonal, (x - y) * diagonal, 1.15 * r),
  square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) - 0.8 * r,
  stripes: (x, y, r) => Math.min(bar(x, y - 0.65 * r, r, 0.28 * r), bar(x, y + 0.65 * r, r, 0.28 * r)),
};
