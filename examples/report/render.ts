import { betaSection } from './beta.js';
import { guideSection, settingsSection } from './facts.js';
import { lede, resultTable } from './headline.js';
import { Html, html } from './html.js';
import { duration } from './numbers.js';
import { curvesSection, relationSection, termsSection } from './sections.js';
import { style } from './style.js';
import type { RunRecord } from './types.js';

/**
 * One HTML page about a run: results, learning curves, terms of the loss, relation matrices, settings. It contains all
 * it needs (style, drawings, pictures) and loads nothing, so it can be kept, sent and printed as one file. Parts that
 * the record has nothing for (no relation matrices, no terms) are left out.
 */
export function renderReport(run: RunRecord): string {
  const { settings, teacher, student } = run;
  const title = `Distillation on ${settings.dataset}: ${teacher.name} to ${student.name}`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Html(style)}</style></head><body><main>
<header><p class="kicker">gld-loss · ${run.startedAt.slice(0, 10)} · ${duration(run.seconds)}</p>
<h1>${settings.dataset}: from ${teacher.name} to ${student.name}</h1>
${lede(run)}
${settings.datasetDescription !== undefined && html`
<p class="about">${sentence(settings.datasetDescription)}</p>`}</header>
<section><h2>Results</h2>${resultTable(run)}</section>
${curvesSection(run)}
${termsSection(run)}
${relationSection(run)}
${betaSection(run)}
${guideSection()}
${settingsSection(run)}
<footer>GLD: Kim, Park, Jang, Ali, Oh, Bae, “Distilling Global and Local Logits With Densely Connected Relations”,
ICCV 2021. Written by gld-loss ${run.environment.version}.</footer>
</main></body></html>
`;
  return page.text;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
