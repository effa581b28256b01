/** The pictures of samples.ts in a report. */
import { type Html, html } from 'gld-loss-pages/html';
import { picture } from '../report/picture.js';

/** A picture of every class that has one, with the class's name. */
export function sampleGallery(
  samples: string[],
  { classes, imageShape: [height, width] }: { classes: string[]; imageShape: [number, number, number] },
): Html {
  const figure = (bytes: string, name: string) =>
    html`<figure>${picture(width, height, Buffer.from(bytes, 'base64'), name)}<figcaption>${name}</figcaption></figure>`;
  return html`<div class="grid">${samples.map((bytes, i) => bytes !== '' && figure(bytes, classes[i]))}</div>`;
}
