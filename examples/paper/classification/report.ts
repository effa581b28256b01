/** The run as one HTML page. */
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { type Html, html } from 'gld-loss-pages/html';
import { integer, percent } from 'gld-loss-pages/numbers';
import { page } from '../../report/page.js';
import { armLegend } from '../../report/sections.js';
import { lossFacts, recipeFacts } from '../recipe.js';
import { lengthsOf } from './jobs.js';
import type { ClassificationRecord, LengthRecord } from './record.js';
import { lengthScores, lengthTitle } from './scores.js';

export async function renderReport(record: ClassificationRecord): Promise<string> {
  const { data, lengths, settings, startedAt, seconds, environment, command, teacher, student } = record;
  const [[, recipe]] = lengthsOf(settings);
  return page({
    title: 'Distillation: the ablation',
    heading: 'What each term of the loss is worth',
    startedAt,
    seconds,
    version: environment.version,
    lede: lengths.map((length) => html`<h3>${lengthTitle(length)}</h3>${lede(lengthScores(record, length))}`),
    about: data.description,
    sections: [
      ...lengths.map((length) => lengthSection(record, length)),
      html`<section><h2>Settings and machine</h2><div class="facts">${[
        factList('Settings', [
          ['Images', `${data.imageShape.join(' × ')}, ${data.classes.length} classes`],
          [
            'Training / validation / test',
            [data.trainSize, data.validationSize, data.testSize].map(integer).join(' / '),
          ],
          ['Teacher', `${teacher.network}, ${integer(teacher.parameters)} parameters`],
          ['Students', `${student.network}, ${integer(student.parameters)} parameters`],
          ...recipeFacts(recipe, 'of each arm as chosen'),
          ['Seeds of the tries', settings.tries.seeds.join(', ')],
        ]),
        factList('Loss', lossFacts(recipe.loss)),
        machineFacts(record),
      ]}</div><p class="command"><code>${command}</code></p></section>`,
    ],
  });
}

function lengthSection(record: ClassificationRecord, length: LengthRecord): Html {
  const scores = lengthScores(record, length);
  const rates = length.arms[0].tries.map(({ rate }) => rate);
  return html`<section><h2>${lengthTitle(length)}</h2>${resultTable(scores)}
<h3>Learning curves</h3>
<p>Validation accuracy after every epoch: the line is the mean over the seeds, the band reaches from the worst seed to the
best.</p>
<div class="narrow">${armLegend(scores)}</div><figure>${learningCurves(scores)}</figure>
<h3>Learning rates</h3>
<p>Validation accuracy in per cent at the end of a training with each first learning rate; the best one was taken.</p>
<table><thead><tr><th scope="col">Arm</th>${rates.map((rate) => html`<th scope="col" class="number">${rate}</th>`)}</tr></thead>
<tbody>${length.arms.map(
    ({ label, tries, rate: chosen }) =>
      html`<tr><th scope="row">${label}</th>${tries.map(
        ({ rate, score }) =>
          html`<td class="number">${rate === chosen ? html`<b>${percent(score)} ←</b>` : percent(score)}</td>`,
      )}</tr>`,
  )}</tbody></table></section>`;
}
