/** The run as one HTML page. */
import { present } from '../../present.js';
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { type Html, html } from 'gld-loss-pages/html';
import { integer } from 'gld-loss-pages/numbers';
import { unpackMatrix } from '../../report/packed-matrix.js';
import { page } from '../../report/page.js';
import { type ArmMatrix, armLegend, relationFigures, relationGuide } from '../../report/sections.js';
import { sampleGallery } from '../gallery.js';
import { lossFacts, recipeFacts } from '../recipe.js';
import { imagesOf } from './images.js';
import type { ClassificationRecord, PairRecord } from './record.js';
import { pairScores, pairTitle } from './scores.js';

export async function renderReport(record: ClassificationRecord): Promise<string> {
  const { data, pairs, settings, startedAt, seconds, environment, command } = record;
  const [recipe] = Object.values(settings.pairs);
  const gallery = await sampleGallery(imagesOf(settings));
  return page({
    title: 'Distillation: the ablation',
    heading: 'What each term of the loss is worth',
    startedAt,
    seconds,
    version: environment.version,
    lede: pairs.map((pair) => html`<h3>${pairTitle(pair)}</h3>${lede(pairScores(record, pair))}`),
    about: data.description,
    sections: [
      ...pairs.map((pair) => pairSection(record, pair)),
      html`<section><h2>The images</h2><p>A test image of every class.</p>${gallery}</section>`,
      html`<section><h2>Relations between logits</h2>${relationGuide}
<p>Of the first seed of every arm.</p>${pairs.map(
        (pair) => html`<h3>${pairTitle(pair)}</h3>${relations(pair, data.classes)}`,
      )}</section>`,
      html`<section><h2>Settings and machine</h2><div class="facts">${[
        factList('Settings', [
          ['Images', `${data.imageShape.join(' × ')}, ${data.classes.length} classes`],
          ['Training / test', `${integer(data.trainSize)} / ${integer(data.testSize)}`],
          ...pairs.map((pair): [string, string] => [pairTitle(pair), networks(record, pair)]),
          ...recipeFacts(recipe),
        ]),
        factList('Loss', lossFacts(recipe.loss)),
        machineFacts(record),
      ]}</div><p class="command"><code>${command}</code></p></section>`,
    ],
  });
}

function networks({ settings }: ClassificationRecord, { name, teacher, student }: PairRecord): string {
  const pair = present(settings.pairs[name]);
  return (
    `${integer(teacher.parameters)} and ${integer(student.parameters)} parameters, ${pair.teacher.epochs} and ` +
    `${pair.student.epochs} epochs`
  );
}

function pairSection(record: ClassificationRecord, pair: PairRecord): Html {
  const scores = pairScores(record, pair);
  return html`<section><h2>${pairTitle(pair)}</h2>${resultTable(scores)}
<h3>Learning curves</h3>
<p>Test accuracy after every epoch: the line is the mean over the seeds, the band reaches from the worst seed to the
best. The thin line is the teacher’s own training.</p>
<div class="narrow">${armLegend(scores)}</div><figure>${learningCurves(scores)}</figure></section>`;
}

function relations({ teacher, arms }: PairRecord, classes: string[]): Html {
  const matrices = arms.flatMap(({ label, runs: [first] }, index): ArmMatrix[] =>
    first?.relations ? [{ index, label, seed: first.seed, matrix: unpackMatrix(first.relations) }] : [],
  );
  return relationFigures(teacher.relations && unpackMatrix(teacher.relations), matrices, classes);
}
