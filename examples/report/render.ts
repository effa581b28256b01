import { betaSection } from './beta.js';
import { guideSection, settingsSection } from './facts.js';
import { lede, resultTable } from './headline.js';
import { html } from 'gld-loss-pages/html';
import { page } from './page.js';
import { answersSection, cellsSection } from './pictures.js';
import { accuracies } from './scores.js';
import { curvesSection, relationSection, termsSection } from './sections.js';
import type { RunRecord } from './types.js';

/**
 * One HTML page about a run: results, learning curves, terms of the loss, relation matrices, test images, settings. It contains all
 * it needs (style, drawings, pictures) and loads nothing, so it can be kept, sent and printed as one file. Parts that
 * the record has nothing for (no relation matrices, no images, no terms) are left out.
 */
export function renderReport(run: RunRecord): string {
  const { settings, teacher, student } = run;
  const scores = accuracies(run);
  return page({
    title: `Distillation on ${settings.dataset}: ${teacher.name} to ${student.name}`,
    heading: `${settings.dataset}: from ${teacher.name} to ${student.name}`,
    startedAt: run.startedAt,
    seconds: run.seconds,
    version: run.environment.version,
    lede: lede(scores),
    ...(settings.datasetDescription === undefined ? {} : { about: settings.datasetDescription }),
    sections: [
      html`<section><h2>Results</h2>${resultTable(scores)}</section>`,
      curvesSection(run),
      termsSection(run),
      relationSection(run),
      answersSection(run),
      cellsSection(run),
      betaSection(run),
      guideSection(),
      settingsSection(run),
    ],
  });
}
