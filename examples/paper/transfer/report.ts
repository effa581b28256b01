/** The run as one HTML page. */
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { html } from 'gld-loss-pages/html';
import { integer } from 'gld-loss-pages/numbers';
import { page } from '../../report/page.js';
import { armLegend } from '../../report/sections.js';
import { sampleGallery } from '../gallery.js';
import { lossFacts, recipeFacts } from '../recipe.js';
import { optimizerText } from '../../distill/record.js';
import { imagesOf } from './images.js';
import { pairScores, pairTitle, type TransferRecord } from './record.js';

export async function renderReport(record: TransferRecord): Promise<string> {
  const { symbols, pairs, settings, startedAt, seconds, environment, command } = record;
  const [recipe] = Object.values(settings.classification.pairs);
  const gallery = await sampleGallery(imagesOf(settings));
  return page({
    title: 'Distillation: transfer',
    heading: 'What the students’ features are worth elsewhere',
    startedAt,
    seconds,
    version: environment.version,
    lede: pairs.map((pair) => html`<h3>${pairTitle(pair)}</h3>${lede(pairScores(record, pair))}`),
    about:
      `Students that were trained on shapes are frozen, and a linear classifier on their pooled features learns ` +
      `another data set: ${symbols.description}`,
    sections: [
      ...pairs.map((pair) => {
        const scores = pairScores(record, pair);
        return html`<section><h2>${pairTitle(pair)}</h2>${resultTable(scores)}
<h3>Learning curves of the linear classifiers</h3>
<div class="narrow">${armLegend(scores)}</div><figure>${learningCurves(scores)}</figure></section>`;
      }),
      html`<section><h2>The second data set</h2><p>A test image of every class.</p>${gallery}</section>`,
      html`<section><h2>Settings and machine</h2><div class="facts">${[
        factList('Linear classifiers', [
          ['Training / test', `${integer(symbols.trainSize)} / ${integer(symbols.testSize)}`],
          ['Epochs', settings.linear.epochs],
          ['Optimizer', optimizerText(settings.linear)],
          ['Batch size', settings.linear.batchSize],
          ['Networks from', settings.from === undefined ? 'this run' : html`<code>${settings.from}</code>`],
        ]),
        factList('Networks', [...recipeFacts(recipe), ...lossFacts(recipe.loss)]),
        machineFacts(record),
      ]}</div><p class="command"><code>${command}</code></p></section>`,
    ],
  });
}
