import { Canvas, colour } from './canvas.js';
import type { Glyph } from './glyphs.js';
import { Rng } from './rng.js';
import { asItIs, checkInteger, createSplit, drawnPreparation, memorySource, type RawImages } from './split.js';
import type { Dataset, DatasetOptions, Split } from './types.js';

const half = (x: number, y: number, r: number): number => Math.max(Math.abs(x) - r, Math.abs(y) - r);
const slope = Math.SQRT1_2;

/** Signed distances as in glyphs.ts; none of them is in 'shapes', and most are not their own mirror images. */
const symbolGlyphs: Record<string, Glyph> = {
  disc: (x, y, r) => Math.hypot(x, y) - 0.8 * r,
  crescent: (x, y, r) => Math.max(Math.hypot(x, y) - 0.9 * r, 0.75 * r - Math.hypot(x - 0.45 * r, y)),
  triangle: (x, y, r) => Math.max(y - 0.7 * r, (Math.abs(x) * 2 - y) / Math.sqrt(5) - 0.4 * r),
  diamond: (x, y, r) => (Math.abs(x) + Math.abs(y) - r) * slope,
  ell: (x, y, r) => Math.min(half(x + 0.5 * r, y / 2, 0.4 * r), half(x / 2, y - 0.55 * r, 0.4 * r)),
  stairs: (x, y, r) => Math.min(half(x + 0.45 * r, y + 0.45 * r, 0.45 * r), half(x - 0.45 * r, y - 0.45 * r, 0.45 * r)),
  stroke: (x, y, r) => Math.max(Math.abs((x + y) * slope) - 0.25 * r, Math.abs((x - y) * slope) - 1.1 * r),
  hourglass: (x, y, r) => Math.max(Math.abs(y) - 0.8 * r, (Math.abs(x) - Math.abs(y)) * slope - 0.08 * r),
};

const { channels, mean, deviation } = drawnPreparation;

/**
 * A procedural data set that differs from 'shapes' in everything but the size of its pictures: one large dark symbol on
 * a bright, evenly coloured background with noise, and the class is which of eight. What a network has learnt from
 * 'shapes' helps here as far as it is about edges, corners and areas.
 *
 * All classes are equally frequent (give or take one image); training and test images come from separate streams of the
 * seed. There is no augmentation.
 *
 * @throws RangeError when a size is not an integer ≥ 1
 */
export function symbols({
  seed,
  trainSize = 1000,
  testSize = 1000,
}: Omit<DatasetOptions, 'dir' | 'validationSize'>): Omit<Dataset, 'name'> {
  const side = 16;
  checkInteger('trainSize', trainSize, 1);
  checkInteger('testSize', testSize, 1);
  const classes = Object.keys(symbolGlyphs);
  const split = (stream: number, size: number): Split =>
    createSplit(memorySource(generate(new Rng(seed, stream), size, side), channels * side * side), {
      ...drawnPreparation,
      height: side,
      width: side,
      views: asItIs,
    });
  return {
    description:
      `${classes.length} classes of generated images, ${side}×${side} pixels: one dark symbol (${classes.join(', ')}) of ` +
      'random place, size and colour on a bright background with noise',
    classes,
    height: side,
    width: side,
    channels,
    mean,
    deviation,
    // Not the streams of shapes(): the same seed gives other random numbers.
    train: split(2, trainSize),
    test: split(3, testSize),
  };
}

function generate(rng: Rng, size: number, side: number): RawImages {
  const perImage = channels * side * side;
  const planes = new Uint8Array(size * perImage);
  const shapes = Object.values(symbolGlyphs);
  const labels = rng.shuffle(Int32Array.from({ length: size }, (_, i) => i % shapes.length));
  const canvas = new Canvas(side);
  labels.forEach((label, i) => {
    canvas.draw(() => -1, colour(rng, 0.6, 0.95), 1);
    for (let strokes = rng.int(3); strokes > 0; strokes--) canvas.clutter(rng);
    const radius = side * rng.uniform(0.22, 0.4);
    const x = rng.uniform(radius, side - radius);
    const y = rng.uniform(radius, side - radius);
    canvas.draw((px, py) => shapes[label](px - x, py - y, radius), colour(rng, 0.05, 0.4), 1);
    canvas.write(planes.subarray(i * perImage, (i + 1) * perImage), rng, 0.15);
  });
  return { planes, labels };
}
