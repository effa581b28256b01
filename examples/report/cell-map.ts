import { type Html, html } from 'gld-loss-pages/html';
import { percent } from 'gld-loss-pages/numbers';
import { shade } from './heat-map.js';
import { picture } from './picture.js';

const finite = (value: number): string => (Number.isFinite(value) ? `${percent(value)} %` : 'not finite');

/**
 * An image with a cell of colour for each probability: transparent, so that the image is seen, in a frame of the colour
 * itself. A value that is not finite has no colour.
 *
 * @param rgb as `picture` takes it
 * @param probabilities of the cells, row by row
 * @param label what a screen reader says before the probabilities
 */
export function cellMap(
  [height, width]: readonly number[],
  rgb: Uint8Array,
  [rows, columns]: readonly [number, number],
  probabilities: number[],
  label: string,
): Html {
  const [cellHeight, cellWidth] = [height / rows, width / columns];
  const frame = width / 50;
  const texts = probabilities.map(finite);
  const lines = Array.from({ length: rows }, (_, row) => texts.slice(row * columns, (row + 1) * columns).join(', '));
  const cells = probabilities.map((probability, i) => {
    const x = (i % columns) * cellWidth + frame / 2;
    const y = Math.floor(i / columns) * cellHeight + frame / 2;
    const colour = Number.isFinite(probability) ? shade(probability) : 'none';
    return html`<rect x="${round(x)}" y="${round(y)}" width="${round(cellWidth - frame)}"
height="${round(cellHeight - frame)}" fill="${colour}" fill-opacity=".5" stroke="${colour}"
stroke-width="${round(frame)}"><title>${texts[i]}</title></rect>`;
  });
  return picture(width, height, rgb, `${label}: ${lines.join('; ')}`, cells);
}

const round = (value: number): number => Number(value.toFixed(3));
