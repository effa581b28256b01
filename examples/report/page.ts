import { type Content, Html, html } from 'gld-loss-pages/html';
import { duration } from 'gld-loss-pages/numbers';
import { style } from 'gld-loss-pages/style';

export interface Page {
  /** Of the browser's tab. */
  title: string;
  heading: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time of the run. */
  seconds: number;
  /** Of gld-loss. */
  version: string;
  /** The result in a sentence. */
  lede: Content;
  /** What was worked on. */
  about?: string;
  /** Each a <section>. */
  sections: Content;
}

/**
 * One HTML page that contains all it needs (style, drawings, pictures) and loads nothing, so it can be kept, sent and
 * printed as one file.
 */
export function page({ title, heading, startedAt, seconds, version, lede, about, sections }: Page): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Html(style)}</style></head><body><main>
<header><p class="kicker">gld-loss · ${startedAt.slice(0, 10)} · ${duration(seconds)}</p>
<h1>${heading}</h1>
${lede}
${
  about !== undefined &&
  html`
<p class="about">${sentence(about)}</p>`
}</header>
${sections}
<footer>GLD: Kim, Park, Jang, Ali, Oh, Bae, “Distilling Global and Local Logits With Densely Connected Relations”,
ICCV 2021. Written by gld-loss ${version}.</footer>
</main></body></html>
`.text;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
