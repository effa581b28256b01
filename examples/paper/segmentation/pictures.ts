/** Scenes with the classes of their pixels painted over them: what is there and what was found. */
import type { Html } from 'gld-loss-pages/html';
import { picture } from '../../report/picture.js';
import { ignored } from './labels.js';

type Rgb = readonly [number, number, number];

/** Okabe and Ito's colours, which everybody can tell apart, for the classes of objects; the background has none. */
const colours: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];
const black: Rgb = [0, 0, 0];
const white: Rgb = [255, 255, 255];

/** How much of a pixel is its class's colour. */
const opacity = 0.7;

const colourOf = (label: number): Rgb => (label === ignored ? white : label === 0 ? black : colours[label - 1]);

/**
 * The scene with every pixel tinted in the colour of its class: objects in theirs, the background darkened, ignored
 * pixels whitened.
 * @param rgb side x side x 3 bytes: red, green, blue of each pixel, row by row
 * @param labels side x side classes or `ignored`, row by row
 * @param label what a screen reader says
 */
export function maskPicture(side: number, rgb: Uint8Array, labels: Uint8Array, label: string): Html {
  const tinted = rgb.map((value, i) =>
    Math.round(value * (1 - opacity) + colourOf(labels[Math.floor(i / 3)])[i % 3] * opacity),
  );
  return picture(side, side, tinted, label);
}

/** The colour of a class of pixels, as CSS has it. */
export const classColour = (label: number): string => `rgb(${colourOf(label).join(',')})`;
