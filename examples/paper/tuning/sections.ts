/** Sections of a report that such studies have in common. */
import * as Plot from '@observablehq/plot';
import type { Scene } from '../../data/index.js';
import { optimizerText } from '../../distill/record.js';
import { armColour } from '../../report/colours.js';
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { type Content, type Html, html, swatch } from 'gld-loss-pages/html';
import { integer, mean, percent } from 'gld-loss-pages/numbers';
import { page } from '../../report/page.js';
import type { Scores } from '../../report/scores.js';
import { armLegend } from '../../report/sections.js';
import { plot } from 'gld-loss-pages/svg';
import { lossFacts, recipeFacts } from '../recipe.js';
import type { TuningRecord } from './record.js';
import { backboneScores, capital } from './scores.js';

/** Names of classes with their colours. */
export const classLegend = (names: readonly string[], colour: (index: number) => string): Html =>
  html`<ul class="legend">${names.map((name, index) => html`<li>${swatch(colour(index))}${name}</li>`)}</ul>`;

/** A score per class of every arm: the seeds as dots, their mean as a stroke. */
export function classPlot(
  measure: string,
  classes: readonly string[],
  /** `perClass`: null where a class has no score. */
  arms: readonly { label: string; runs: readonly { seed: number; perClass: readonly (number | null)[] }[] }[],
): Html {
  const seeds = arms.flatMap(({ label, runs }, arm) =>
    runs.flatMap(({ seed, perClass }) =>
      perClass.flatMap((value, i) => (value === null ? [] : [{ label, arm, seed, name: classes[i], value }])),
    ),
  );
  const means = arms.flatMap(({ label }, arm) =>
    classes.flatMap((name) => {
      const values = seeds.filter((one) => one.arm === arm && one.name === name).map(({ value }) => value);
      return values.length === 0 ? [] : [{ label, arm, name, value: mean(values) }];
    }),
  );
  const place = { fx: 'name', x: 'label', y: 'value' } as const;
  const colour = ({ arm }: { arm: number }): string => armColour(arm);
  return plot(`${measure} per class of every arm`, {
    width: 400,
    height: 300,
    marginLeft: 46,
    marginBottom: 20,
    marginTop: 36,
    style: { background: 'none', fontSize: '12px' },
    fx: { domain: classes, label: null },
    x: { domain: arms.map(({ label }) => label), axis: null },
    y: {
      label: `${measure}, %`,
      labelArrow: 'none',
      tickFormat: (value: number) => (100 * value).toFixed(0),
      zero: true,
      nice: true,
    },
    marks: [
      Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.tickY(means, { ...place, stroke: colour, strokeWidth: 2.5 }),
      Plot.dot(seeds, {
        ...place,
        r: 3.2,
        fill: colour,
        fillOpacity: 0.55,
        title: ({ label, seed, name, value }: (typeof seeds)[number]) =>
          `${label}, ${name}, seed ${seed}: ${percent(value)} %`,
      }),
    ],
  });
}

/** Several arms' pictures of the scenes that are shown. */
export const scenesSection = (
  scenes: readonly Scene[],
  text: Content,
  figures: (scene: Scene, index: number) => Content,
): Html => html`<section><h2>What they see</h2>${text}<div class="grid scenes">${scenes.map(figures)}</div></section>`;

export const sceneFigure = (index: number, what: string, picture: (label: string) => Html): Html =>
  html`<figure class="map"><figcaption>${index + 1}<small>${what}</small></figcaption>
${picture(`Scene ${index + 1}, ${what}`)}</figure>`;

export interface TuningPage {
  title: string;
  heading: string;
  scores: Scores;
  /** The larger networks, in the plural. */
  networks: string;
  /** What they are, in sentences. */
  about: Content;
  /** Facts about them. */
  facts: [string, Content][];
  /** Sections of the study's own. */
  sections: Html[];
}

export function tuningPage(
  record: TuningRecord,
  { title, heading, scores, networks, about, facts, sections }: TuningPage,
): string {
  const {
    startedAt,
    seconds,
    environment: { version },
    description: { scenes },
  } = record;
  return page({
    title,
    heading,
    startedAt,
    seconds,
    version,
    lede: lede(scores),
    about: scenes.description,
    sections: [
      html`<section><h2>Results</h2>
<p>The arms are what the backbone learnt from as a classifier; the ${networks} are all trained in the same way.</p>
${resultTable(scores)}</section>`,
      html`<section><h2>Learning curves</h2>
<p>${scores.measure} on the test scenes after every epoch of fine-tuning: the line is the mean over the seeds, the
band reaches from the worst seed to the best.</p>
<div class="narrow">${armLegend(record)}</div><figure>${learningCurves(scores)}</figure></section>`,
      ...sections,
      html`<section><h2>The backbones as classifiers</h2>${resultTable(backboneScores(record))}</section>`,
      setup(record, networks, about, facts),
    ],
  });
}

function setup(record: TuningRecord, networks: string, about: Content, facts: [string, Content][]): Html {
  const {
    settings: { pair, recipe },
    description: { objects, scenes, network },
  } = record;
  return html`<section><h2>Settings and machine</h2>
<p>${about} Backbone and head are trained together, from the weights that the backbone has as a classifier of
${objects.description}. Arms with the same seed differ in those weights alone: the heads begin with the same weights and
see the same batches.</p><div class="facts">
${factList('Backbones', [
  ['Training / test', `${integer(objects.trainSize)} / ${integer(objects.testSize)}`],
  ['Teacher', `${pair.teacher.network}, ${pair.teacher.epochs} epochs`],
  ['Backbone', `${pair.student.network}, ${pair.student.epochs} epochs`],
  ...recipeFacts(pair),
  ...lossFacts(pair.loss),
])}
${factList(capital(networks), [
  ['Training / test', `${integer(scenes.trainSize)} / ${integer(scenes.testSize)}`],
  ['Parameters', integer(network.parameters)],
  ...facts,
  ['Epochs', integer(recipe.epochs)],
  ['Optimizer', optimizerText(recipe)],
  ['Batch size', integer(recipe.batchSize)],
])}
${machineFacts(record)}
</div><p class="command"><code>${record.command}</code></p></section>`;
}
