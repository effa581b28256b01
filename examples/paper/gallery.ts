/** The pictures of samples.ts in a report. */
import { type Html, html } from 'gld-loss-pages/html';
import type { Dataset } from '../data/index.js';
import { picture } from '../report/picture.js';
import { samples } from './samples.js';

/** A test image of every class that has one, with the class's name. */
export async function sampleGallery(data: Omit<Dataset, 'name'>): Promise<Html> {
  const { classes, width, height } = data;
  const figure = (bytes: Uint8Array, name: string) =>
    html`<figure>${picture(width, height, bytes, name)}<figcaption>${name}</figcaption></figure>`;
  return html`<div class="grid">${(await samples(data)).map((bytes, i) => bytes && figure(bytes, classes[i]))}</div>`;
}
