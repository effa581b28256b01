import { type Html, html, swatch } from 'gld-loss-pages/html';
import { armColour } from './colours.js';

/** A network's name with the mark that it has in every plot of the page. */
export const teacherName = html`<i class="swatch line"></i>Teacher`;
export const armName = (index: number, label: string): Html => html`${swatch(armColour(index))}${label}`;
