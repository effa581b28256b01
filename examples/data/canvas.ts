import type { Rng } from './rng.js';

/** Red, green, blue. */
const channels = 3;

/** A random colour of any hue; the mean of the three channels is between `dim` and `bright`. */
export function colour(rng: Rng, dim: number, bright: number): number[] {
  const rgb = [rng.uniform(), rng.uniform(), rng.uniform()];
  const shift = rng.uniform(dim, bright) - (rgb[0] + rgb[1] + rgb[2]) / 3;
  return rgb.map((value) => Math.min(1, Math.max(0, value + shift)));
}

/** Signed distance (pixels, negative inside) from a point of the picture to a shape. */
export type Distance = (x: number, y: number) => number;

/** How much of each pixel a shape covers, 0 … 1: side × side, row by row. Its edge is one pixel wide. */
export function coverage(side: number, distance: Distance): Float64Array {
  return Float64Array.from({ length: side * side }, (_, at) =>
    Math.min(1, Math.max(0, 0.5 - distance((at % side) + 0.5, Math.floor(at / side) + 0.5))),
  );
}

/** A square RGB picture in planes, values around 0 … 1, that shapes are drawn on. */
export class Canvas {
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
      const level = rng.uniform(0.1, 0.4);
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
      colour(rng, 0.4, 0.9),
      rng.uniform(0.5, 1),
    );
  }

  /** Two plane waves of random direction and length, different in each channel, over everything drawn so far. */
  texture(rng: Rng): void {
    const { side } = this;
    for (let wave = 0; wave < 2; wave++) {
      const angle = rng.uniform(0, 2 * Math.PI);
      const frequency = (2 * Math.PI) / rng.uniform(3, 12);
      const dx = frequency * Math.cos(angle);
      const dy = frequency * Math.sin(angle);
      for (let c = 0; c < channels; c++) {
        const height = rng.uniform(0, 0.1);
        const phase = rng.uniform(0, 2 * Math.PI);
        for (let y = 0; y < side; y++) {
          for (let x = 0; x < side; x++) {
            this.#pixels[(c * side + y) * side + x] += height * Math.sin(x * dx + y * dy + phase);
          }
        }
      }
    }
  }

  /** Blends a colour over the pixels inside of a shape, with soft edges. */
  draw(distance: Distance, rgb: number[], opacity: number): void {
    this.blend(coverage(this.side, distance), rgb, opacity);
  }

  /** Blends a colour over the picture, at each pixel as far as the shape covers it (side × side shares, row by row). */
  blend(covered: Float64Array, rgb: number[], opacity: number): void {
    const plane = covered.length;
    for (let at = 0; at < plane; at++) {
      const cover = opacity * covered[at];
      if (cover === 0) continue;
      for (let c = 0; c < channels; c++) {
        this.#pixels[c * plane + at] = this.#pixels[c * plane + at] * (1 - cover) + rgb[c] * cover;
      }
    }
  }

  /** Adds noise and writes the bytes. */
  write(bytes: Uint8Array, rng: Rng, noise: number): void {
    for (let i = 0; i < bytes.length; i++) {
      const value = this.#pixels[i] + rng.normal(0, noise);
      bytes[i] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
}
