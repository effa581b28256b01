import * as Plot from '@observablehq/plot';
import { type Html, html } from 'gld-loss-pages/html';
import { encodePng, pngUrl } from './png.js';
import type { RelationMatrix } from './types.js';

type Rgb = [number, number, number];

const shades = 256;

/** The colours of the heat maps, from 0 to the largest value shown. */
const palette: Rgb[] = (() => {
  const scale = Plot.scale({ color: { type: 'linear', scheme: 'magma', domain: [0, shades - 1] } });
  return Array.from({ length: shades }, (_, i) => parseColour(String(scale.apply(i))));
})();

function parseColour(text: string): Rgb {
  const hex = /^#(..)(..)(..)$/.exec(text);
  const parts = hex ? hex.slice(1).map((pair) => Number.parseInt(pair, 16)) : (text.match(/\d+/g) ?? []).map(Number);
  return parts.slice(0, 3) as Rgb;
}

/** Values above this share of all are drawn in the brightest colour, so that a few outliers do not darken the rest. */
const shownShare = 0.995;

/** The value of the brightest colour, the same for all matrices of a run so that they can be compared. */
export function brightest(matrices: RelationMatrix[]): number {
  const values = Float64Array.from(matrices.flatMap((matrix) => matrix.data.filter(Number.isFinite))).sort();
  return values[Math.floor(shownShare * (values.length - 1))] || 1;
}

/** Row numbers in the order of their classes; rows of one class stay in the order they had. */
export const byClass = ({ rowLabels }: RelationMatrix): number[] =>
  rowLabels.map((_, i) => i).sort((a, b) => rowLabels[a] - rowLabels[b] || a - b);

const side = 300;
const edge = 14;

/** One matrix as a picture, rows and columns by class, with a bar per class, of alternating tones, along the edges. */
export function heatMap(matrix: RelationMatrix, top: number, classes: string[], label: string): Html {
  const { size, data, rowLabels } = matrix;
  const order = byClass(matrix);
  const pixels = new Uint8Array(size * size);
  order.forEach((row, y) =>
    order.forEach((column, x) => {
      const value = data[row * size + column];
      const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value / top)) : 1;
      pixels[y * size + x] = Math.round(share * (shades - 1));
    }),
  );
  const source = pngUrl(encodePng(size, size, palette, pixels));
  const unit = side / size;
  const sorted = order.map((row) => rowLabels[row]);
  const starts = sorted.flatMap((of, i) => (i === 0 || of !== sorted[i - 1] ? [i] : []));
  const bars = starts.map((start, i) => {
    const length = ((starts[i + 1] ?? size) - start) * unit;
    const at = edge + start * unit;
    const name = classes[sorted[start]] ?? `class ${sorted[start]}`;
    const tone = i % 2 === 0 ? 'class-even' : 'class-odd';
    return html`<g class="${tone}"><title>${name}</title>
<rect x="2" y="${round(at)}" width="${edge - 5}" height="${round(length)}"/>
<rect x="${round(at)}" y="2" width="${round(length)}" height="${edge - 5}"/></g>`;
  });
  const whole = edge + side;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${whole}" role="img" aria-label="${label}">
<image href="${source}" x="${edge}" y="${edge}" width="${side}" height="${side}"
preserveAspectRatio="none"/>${bars}</svg>`;
}

const round = (value: number): number => Number(value.toFixed(2));

/** The colour of a share, 0 … 1, of the largest value, as CSS. */
export const shade = (share: number): string => `rgb(${palette[Math.round(share * (shades - 1))].join(',')})`;

/** The scale of colours with what its ends stand for. */
export const colourScale = (low: string, high: string): Html =>
  html`<div class="scale"><span>${low}</span>
<i style="background:linear-gradient(to right, ${[0, 0.2, 0.4, 0.6, 0.8, 1].map(shade).join(', ')})"></i>
<span>${high}</span></div>`;
