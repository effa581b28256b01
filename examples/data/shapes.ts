import { type Glyph, glyphs } from './glyphs.js';
import { Rng } from './rng.js';
import { checkInteger, createSplit, type RawImages, type Source } from './split.js';
import type { Dataset, DatasetOptions } from './types.js';

export interface ShapesOptions extends Omit<DatasetOptions, 'dir'> {
  /** Height and width in pixels. Default 16. */
  side?: number;
  /** Standard deviation of the pixel noise, of a range of 1. Default 0.12. */
  noise?: number;
}

const channels = 3;
const defaultTrainSize = 3000;
const defaultTestSize = 1000;

/** The classes: every pair of glyphs. */
const pairs: readonly (readonly [string, string])[] = Object.keys(glyphs).flatMap((a, i, names) =>
  names.slice(i + 1).map((b) => [a, b] as const),
);

/**
 * A procedural image classification set in which local information decides. Every image shows exactly two of five small
 * glyphs (ring, plus, cross, square, stripes), and **the class is which two**: 10 classes. Their places, sizes and
 * colours, the colour gradient behind them, the clutter of short strokes and dots, and the noise are all random and say
 * nothing about the class. No single place of the image tells the class, each glyph's surroundings tell half of it.
 *
 * Every class has the same number of images (give or take one); the training and test images come from separate streams
 * of the seed.
 */
export function shapes(options: ShapesOptions): Dataset {
  const { side = 16, noise = 0.12, trainSize = defaultTrainSize, testSize = defaultTestSize, seed } = options;
  checkInteger('side', side, 12);
  checkInteger('trainSize', trainSize, 1);
  checkInteger('testSize', testSize, 1);
  if (!(noise >= 0)) throw new RangeError(`noise: expected a number of at least 0, got ${noise}`);
  const preparation = {
    height: side,
    width: side,
    channels,
    mean: [0.5, 0.5, 0.5],
    deviation: [0.25, 0.25, 0.25],
    padding: 2,
    fill: 128,
    flip: true,
  };
  const train = createSplit(memory(generate(new Rng(seed, 0), trainSize, side, noise), side), preparation);
  const test = createSplit(memory(generate(new Rng(seed, 1), testSize, side, noise), side), preparation);
  const names = Object.keys(glyphs);
  return {
    name: 'shapes',
    description:
      `${pairs.length} classes of generated images, ${side}×${side} pixels: which two of ${names.length} small glyphs ` +
      `(${names.join(', ')}) are there; place, size, colour, background, clutter and noise are random`,
    classes: pairs.map(([a, b]) => `${a} + ${b}`),
    height: side,
    width: side,
    channels,
    train,
    test,
  };
}

function memory({ planes, labels }: RawImages, side: number): Source {
  const perImage = channels * side * side;
  const read = (positions: Int32Array): Promise<RawImages> => {
    const batch = { planes: new Uint8Array(positions.length * perImage), labels: new Int32Array(positions.length) };
    positions.forEach((position, i) => {
      batch.planes.set(planes.subarray(position * perImage, (position + 1) * perImage), i * perImage);
      batch.labels[i] = labels[position]!;
    });
    return Promise.resolve(batch);
  };
  return { size: labels.length, open: () => Promise.resolve({ read, close: () => Promise.resolve() }) };
}

function generate(rng: Rng, size: number, side: number, noise: number): RawImages {
  const perImage = channels * side * side;
  const planes = new Uint8Array(size * perImage);
  const labels = rng.shuffle(Int32Array.from({ length: size }, (_, i) => i % pairs.length));
  const canvas = new Canvas(side);
  for (let i = 0; i < size; i++) {
    canvas.background(rng);
    for (let strokes = rng.int(5); strokes > 0; strokes--) canvas.clutter(rng);
    for (const { glyph, x, y, radius } of placed(rng, pairs[labels[i]!]!, side)) {
      canvas.draw((px, py) => glyph(px - x, py - y, radius), colour(rng), rng.uniform(0.7, 1));
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
function placed(rng: Rng, names: readonly [string, string], side: number): Place[] {
  for (;;) {
    const places = names.map((name) => {
      const radius = side * rng.uniform(0.125, 0.19);
      const place = (): number => rng.uniform(radius, side - radius);
      return { glyph: glyphs[name]!, x: place(), y: place(), radius };
    });
    const [a, b] = places as [Place, Place];
    if (Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) > a.radius + b.radius) return places;
  }
}

const colour = (rng: Rng): number[] => [rng.uniform(), rng.uniform(), rng.uniform()];

class Canvas {
  readonly #pixels: Float32Array;

  constructor(readonly side: number) {
    this.#pixels = new Float32Array(channels * side * side);
  }

  /** A linear gradient between two random muted colours, in a random direction. */
  background(rng: Rng): void {
    const { side } = this;
    const angle = rng.uniform(0, 2 * Math.PI);
    const dx = Math.cos(angle) / side;
    const dy = Math.sin(angle) / side;
    for (let c = 0; c < channels; c++) {
      const level = rng.uniform(0.25, 0.75);
      const slope = rng.uniform(-0.3, 0.3);
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const along = (x - side / 2) * dx + (y - side / 2) * dy;
          this.#pixels[(c * side + y) * side + x] = level + slope * along;
        }
      }
    }
  }

  /** A short stroke or dot, too thin to be taken for a glyph. */
  clutter(rng: Rng): void {
    const x = rng.uniform(0, this.side);
    const y = rng.uniform(0, this.side);
    const angle = rng.uniform(0, Math.PI);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const half = rng.uniform(0.3, 2.5);
    this.draw(
      (px, py) => {
        const u = (px - x) * cos + (py - y) * sin;
        const v = (py - y) * cos - (px - x) * sin;
        return Math.max(Math.abs(u) - half, Math.abs(v) - 0.5);
      },
      colour(rng),
      rng.uniform(0.4, 0.9),
    );
  }

  /** Blends a colour over the pixels inside of a shape, with soft edges. */
  draw(distance: (x: number, y: number) => number, rgb: number[], opacity: number): void {
    const { side } = this;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const cover = opacity * Math.min(1, Math.max(0, 0.5 - distance(x + 0.5, y + 0.5)));
        if (cover === 0) continue;
        for (let c = 0; c < channels; c++) {
          const at = (c * side + y) * side + x;
          this.#pixels[at] = this.#pixels[at]! * (1 - cover) + rgb[c]! * cover;
        }
      }
    }
  }

  /** Adds noise and writes the bytes. */
  write(bytes: Uint8Array, rng: Rng, noise: number): void {
    for (let i = 0; i < bytes.length; i++) {
      const value = this.#pixels[i]! + rng.normal(0, noise);
      bytes[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
}
