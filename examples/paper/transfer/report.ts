/** The run as one HTML page. */
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { html } from 'gld-loss-pages/html';
import { integer } from 'gld-loss-pages/numbers';
import { page } from '../../report/page.js';
import { armLegend } from '../../report/sections.js';
import { lossFacts, recipeFacts } from '../recipe.js';
import { optimizerText } from '../../distill/record.js';
import { lengthsOf } from '../classification/jobs.js';
import { lengthScores, lengthTitle, type TransferRecord } from './record.js';

export async function renderReport(record: TransferRecord): Promise<string> {
  const { digits, lengths, settings, startedAt, seconds, environment, command } = record;
  const [[, recipe]] = lengthsOf(settings.classification);
  return page({
    title: 'Distillation: transfer',
    heading: 'What the students’ features are worth elsewhere',
    startedAt,
    seconds,
    version: environment.version,
    lede: lengths.map((length) => html`<h3>${lengthTitle(record, length)}</h3>${lede(lengthScores(record, length))}`),
    about:
      `Students that were trained on Fashion-MNIST are frozen, and a linear classifier on their pooled features learns ` +
      `another data set: ${digits.description}`,
    sections: [
      ...lengths.map((length) => {
        const scores = lengthScores(record, length);
        return html`<section><h2>${lengthTitle(record, length)}</h2>${resultTable(scores)}
<h3>Learning curves of the linear classifiers</h3>
<div class="narrow">${armLegend(scores)}</div><figure>${learningCurves(scores)}</figure></section>`;
      }),
      html`<section><h2>Settings and machine</h2><div class="facts">${[
        factList('Linear classifiers', [
          ['Training / test', `${integer(digits.trainSize)} / ${integer(digits.testSize)}`],
          ['Epochs', settings.linear.epochs],
          ['Optimizer', optimizerText(settings.linear)],
          ['Batch size', settings.linear.batchSize],
          ['Networks from', settings.from === undefined ? 'this run' : html`<code>${settings.from}</code>`],
        ]),
        factList('Networks', [...recipeFacts(recipe, 'of each arm as chosen'), ...lossFacts(recipe.loss)]),
        machineFacts(record),
      ]}</div><p class="command"><code>${command}</code></p></section>`,
    ],
  });
}
