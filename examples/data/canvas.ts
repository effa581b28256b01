import type { Rng } from './rng.js';

/** Red, green, blue. */
const channels = 3;

/** A random colour of any hue; the mean of the three channels is between `dim` and `bright`. */
export function colour(rng: Rng, dim: number, bright: number): number[] {
  const rgb = [rng.uniform(), rng.uniform(), rng.uniform()];
  const shift = rng.uniform(dim, bright) - (rgb[0] + rgb[1] + rgb[2]) / 3;
  return rgb.map((value) => Math.min(1, Math.max(0, value + shift)));
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

  /** Blends a colour over the pixels inside of a shape, with soft edges. */
  draw(distance: (x: number, y: number) => number, rgb: number[], opacity: number): void {
    const { side } = this;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const cover = opacity * Math.min(1, Math.max(0, 0.5 - distance(x + 0.5, y + 0.5)));
        if (cover === 0) continue;
        for (let c = 0; c < channels; c++) {
          const at = (c * side + y) * side + x;
          this.#pixels[at] = this.#pixels[at] * (1 - cover) + rgb[c] * cover;
        }
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
