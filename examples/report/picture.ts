import { type Content, type Html, html } from 'gld-loss-pages/html';
import { encodeRgbPng, pngUrl } from './png.js';

/** Bytes in three planes (red, green, blue), each row by row, as the data sets of the examples keep their images. */
export interface Planes {
  planes: Uint8Array;
  width: number;
  height: number;
}

/** Red, green, blue of each pixel, row by row. */
export function interleaved({ planes, width, height }: Planes): Uint8Array {
  const plane = width * height;
  if (planes.length !== 3 * plane) {
    throw new RangeError(`planes: expected 3 x ${height} x ${width} bytes, got ${planes.length}`);
  }
  return Uint8Array.from(planes, (_, i) => planes[(i % 3) * plane + Math.floor(i / 3)]);
}

/** Of a square image. */
export const rgbOf = ({ planes }: { planes: Uint8Array }, side: number): Uint8Array =>
  interleaved({ planes, width: side, height: side });

/** Grey pixels, one byte each, as red, green and blue; those of three channels as they are. */
export const rgbPixels = (pixels: Uint8Array, channels: number): Uint8Array =>
  channels === 3 ? pixels : Uint8Array.from({ length: 3 * pixels.length }, (_, i) => pixels[Math.floor(i / 3)]);

/**
 * An image with sharp pixels and, over it, SVG elements in units of its pixels (`overlay`; the image's corner is 0, 0).
 * Lines that should keep their width at any size take `vector-effect="non-scaling-stroke"`.
 *
 * @param rgb width × height × 3 bytes, as `interleaved` and `rgbPixels` give them
 * @param label what a screen reader says
 */
export function picture(width: number, height: number, rgb: Uint8Array, label: string, overlay?: Content): Html {
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-label="${label}"
viewBox="0 0 ${width} ${height}"><image width="${width}" height="${height}" preserveAspectRatio="none"
style="image-rendering:pixelated" href="${pngUrl(encodeRgbPng(width, height, rgb))}"/>${overlay}</svg>`;
}
