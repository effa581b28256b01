/** Scenes with boxes drawn on them: what is there and what was found. */
import type { Box, SceneObject } from '../../data/index.js';
import { armColour } from '../../report/colours.js';
import { type Html, html } from 'gld-loss-pages/html';
import { percent } from 'gld-loss-pages/numbers';
import { picture } from '../../report/picture.js';
import { shownScore } from './constants.js';
import type { Detection } from './detections.js';

export interface SeenScene {
  /** Side of the square image in pixels. */
  side: number;
  /** side × side × 3 bytes: red, green, blue of each pixel, row by row. */
  rgb: Uint8Array;
  objects: readonly SceneObject[];
}

const round = (value: number): number => Number(value.toFixed(2));

const outline = ([left, top, right, bottom]: Box, stroke: string, more: Html, title: string): Html =>
  html`<rect x="${round(left)}" y="${round(top)}" width="${round(right - left)}" height="${round(bottom - top)}"
fill="none" stroke="${stroke}" ${more} vector-effect="non-scaling-stroke"><title>${title}</title></rect>`;

/** The objects' boxes dashed and white, over them the likely detections in the colours of their classes, with names. */
export function detectionPicture(
  { side, rgb, objects }: SeenScene,
  found: readonly Detection[],
  classes: readonly string[],
  label: string,
): Html {
  const size = side / 14;
  const shown = found.filter(({ score }) => score >= shownScore);
  return picture(side, side, rgb, label, [
    objects.map(({ box, label }) =>
      outline(box, '#fff', html`stroke-width="1.5" stroke-dasharray="3 3"`, `really: ${classes[label]}`),
    ),
    shown.map(({ box, label, score }) =>
      outline(box, armColour(label), html`stroke-width="2.5"`, `found: ${classes[label]}, ${percent(score)} %`),
    ),
    // Names after all boxes, so that none is crossed out; inside of the image even where the box is not.
    shown.map(
      ({ box, label, score }) => html`<text x="${round(Math.max(0.3, box[0]))}"
y="${round(Math.min(side - 0.4, Math.max(size, box[1] - 0.5)))}" font-size="${round(size)}" font-weight="700"
fill="#fff" stroke="${armColour(label)}" stroke-width="${round(size / 3.5)}"
paint-order="stroke">${classes[label]} ${Math.round(100 * score)}</text>`,
    ),
  ]);
}
