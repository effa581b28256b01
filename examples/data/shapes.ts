import { Canvas, colour } from './canvas.js';
import { type Glyph, glyphs } from './glyphs.js';
import { Rng } from './rng.js';
import { checkInteger, createSplit, drawnPreparation, memorySource, type RawImages, viewsOf } from './split.js';
import type { Dataset, DatasetOptions, Split } from './types.js';

export interface ShapesOptions extends Omit<DatasetOptions, 'dir'> {
  /** Height and width in pixels. Default 16. */
  side?: number;
  /** Number of different glyphs, 2 to 7; p of them make p(p − 1)/2 classes. Default 5. */
  parts?: number;
  /** Standard deviation of the pixel noise, of a range of 1. Default 0.12. */
  noise?: number;
}

/** The two glyphs of a class, by name. */
type Pair = readonly [string, string];

const { channels, mean, deviation } = drawnPreparation;

/**
 * A procedural image classification set in which local information decides. Every image shows exactly two different
 * small glyphs of five (ring, plus, cross, square, rows), and **the class is which two**: 10 classes. Their places,
 * sizes and colours, the gradient behind them, the clutter of short strokes and dots, and the noise are random and say
 * nothing about the class. So no single place of an image tells its class, but each glyph's surroundings tell half of
 * it: this is what local logits of a good teacher can hand on, and a label cannot.
 *
 * All classes are equally frequent (give or take one image); training and test images come from separate streams of the
 * seed. Augmentation: shifts by a pixel along both axes, and mirroring.
 */
export function shapes(options: ShapesOptions): Dataset {
  const { side = 16, parts = 5, noise = 0.12, trainSize = 3000, testSize = 1000, validationSize = 0, seed } = options;
  const names = Object.keys(glyphs).slice(0, parts);
  checkInteger('side', side, 12);
  checkInteger('parts', parts, 2);
  checkInteger('trainSize', trainSize, 1);
  checkInteger('validationSize', validationSize, 0);
  checkInteger('testSize', testSize, 1);
  if (parts > names.length) throw new RangeError(`parts: expected at most ${names.length} glyphs, got ${parts}`);
  if (!(noise >= 0)) throw new RangeError(`noise: expected a number of at least 0, got ${noise}`);
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b): Pair => [a, b]));
  const split = (stream: number, size: number): Split =>
    createSplit(memorySource(generate(new Rng(seed, stream), size, pairs, side, noise), channels * side * side), {
      ...drawnPreparation,
      height: side,
      width: side,
      views: viewsOf([0, -1, 1], true),
    });
  return {
    name: 'shapes',
    description:
      `${pairs.length} classes of generated images, ${side}×${side} pixels: the class is which two of ${parts} small ` +
      `glyphs (${names.join(', ')}) are there; places, sizes, colours, background, clutter and noise are random`,
    classes: pairs.map(([a, b]) => `${a} + ${b}`),
    height: side,
    width: side,
    channels,
    mean,
    deviation,
    train: split(0, trainSize),
    ...(validationSize > 0 ? { validation: split(2, validationSize) } : {}),
    test: split(1, testSize),
  };
}

function generate(rng: Rng, size: number, pairs: readonly Pair[], side: number, noise: number): RawImages {
  const perImage = channels * side * side;
  const planes = new Uint8Array(size * perImage);
  const labels = rng.shuffle(Int32Array.from({ length: size }, (_, i) => i % pairs.length));
  const canvas = new Canvas(side);
  for (let i = 0; i < size; i++) {
    canvas.background(rng);
    for (let strokes = rng.int(5); strokes > 0; strokes--) canvas.clutter(rng);
    for (const { glyph, x, y, radius } of placed(rng, pairs[labels[i]], side)) {
      canvas.draw((px, py) => glyph(px - x, py - y, radius), colour(rng, 0.55, 1), 1);
    }
    canvas.write(planes.subarray(i * perImage, (i + 1) * perImage), rng, noise);
  }
  return { planes, labels };
}

interface Place {
  glyph: Glyph;
  x: number;
  y: number;
  radius: number;
}

/** Two glyphs at random places, whole inside the image and clear of each other. */
function placed(rng: Rng, names: Pair, side: number): Place[] {
  for (;;) {
    const places = names.map((name) => {
      const radius = side * rng.uniform(0.15, 0.21);
      const place = (): number => rng.uniform(radius, side - radius);
      return { glyph: glyphs[name], x: place(), y: place(), radius };
    });
    const [a, b] = places as [Place, Place];
    if (Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) > a.radius + b.radius) return places;
  }
}
