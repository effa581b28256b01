/** Plots as files of their own: titles, legend and panels in one SVG that follows the light or dark setting. */
import type * as Plot from '@observablehq/plot';
import { Html, html } from 'gld-loss-pages/html';
import { plot } from 'gld-loss-pages/svg';
import { shorten } from '../format.js';
import { colourRules } from './colours.js';

export interface Panel {
  title: string;
  /** Without width, which depends on how many panels stand beside each other. */
  options: Plot.PlotOptions & { height: number };
}

interface LegendItem {
  name: string;
  colour: string;
  /** The dashes of a line; without them a bar is meant. */
  dash?: string;
}

export interface Chart {
  title: string;
  subtitle: string;
  /** The machine and the run. */
  where: string;
  legend: LegendItem[];
  panels: Panel[];
  /** The most panels beside each other. */
  columns: number;
}

const width = 880;
const edge = 20;
const gap = 16;
const family = 'system-ui, -apple-system, &quot;Segoe UI&quot;, Roboto, &quot;Helvetica Neue&quot;, Arial, sans-serif';

/** The width of a panel when so many stand beside each other. */
export const panelWidth = (columns: number): number => (width - 2 * edge - (columns - 1) * gap) / columns;

/** About how wide a text is drawn; fonts differ. */
export const textWidth = (text: string, size: number): number => 0.54 * size * text.length;

export function chart({ title, subtitle, where, legend, panels, columns: most }: Chart): string {
  const columns = Math.min(most, panels.length);
  const each = panelWidth(columns);
  const { items, rows } = legendItems(legend);
  let top = 104 + 22 * rows;
  const drawn: Html[] = [];
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    row.forEach((panel, i) => {
      const x = edge + i * (each + gap);
      drawn.push(html`<text x="${x}" y="${top}" font-size="14" font-weight="600">${panel.title}</text>
${placed(panel, x, top + 4, each)}
`);
    });
    top += 26 + Math.max(...row.map(({ options }) => options.height));
  }
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="gld-chart"
viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img" aria-label="${title}"
font-family="${new Html(family)}" fill="var(--chart-ink)">
<style>${new Html(colourRules)}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${top - 1}" rx="10" fill="var(--chart-paper)"
stroke="var(--chart-line)"/>
<text x="${edge}" y="34" font-size="18" font-weight="700">${title}</text>
<text x="${edge}" y="55" font-size="13" fill="var(--chart-soft)">${subtitle}</text>
<text x="${edge}" y="73" font-size="13" fill="var(--chart-soft)">${shorten(where, 120)}</text>
${items}
${drawn}</svg>
`.text;
}

function placed({ title, options }: Panel, x: number, y: number, each: number): Html {
  const drawing = plot(title, {
    ...options,
    width: each,
    style: { background: 'none', fontSize: '12px', color: 'var(--chart-soft)' },
  });
  // Plot's style sheet is for an <svg> in a page: its height: auto would stretch one inside another.
  const { text } = drawing;
  return new Html(text.replace(/<style>.*?<\/style>/s, '').replace('<svg', `<svg x="${x}" y="${y}"`));
}

/** The legend, in as many rows as it needs. */
function legendItems(legend: LegendItem[]): { items: Html[]; rows: number } {
  let x = edge;
  let row = 0;
  const items = legend.map(({ name, colour, dash }) => {
    const needed = 52 + textWidth(name, 13);
    if (x + needed > width - edge && x > edge) {
      x = edge;
      row += 1;
    }
    const y = 98 + 22 * row;
    const key =
      dash === undefined
        ? html`<rect x="${x}" y="${y - 10}" width="12" height="12" rx="2" fill="${colour}"/>`
        : html`<line x1="${x}" x2="${x + 28}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="2.5"
stroke-dasharray="${dash}"/><circle cx="${x + 14}" cy="${y - 4}" r="3.5" fill="${colour}"/>`;
    const indent = dash === undefined ? 18 : 35;
    const item = html`${key}<text x="${x + indent}" y="${y}" font-size="13">${name}</text>
`;
    x += indent + 20 + textWidth(name, 13);
    return item;
  });
  return { items, rows: legend.length === 0 ? 0 : row + 1 };
}
