/** Sections of a report that detection and segmentation have in common. */
import * as Plot from '@observablehq/plot';
import { armColour } from '../report/colours.js';
import { learningCurves } from '../report/curves.js';
import { type Content, type Html, html, swatch } from '../report/html.js';
import { duration, integer, mean, percent } from '../report/numbers.js';
import type { Scores } from '../report/scores.js';
import { plot } from '../report/svg.js';
import type { TuningRecord } from './tuning.js';

/** Names with their colours, which are `armColour`'s unless given. */
export const legend = (names: readonly string[], colour: (index: number) => string = armColour): Html =>
  html`<ul class="legend">${names.map((name, index) => html`<li>${swatch(colour(index))}${name}</li>`)}</ul>`;

export const armNamesLegend = ({ arms }: Pick<Scores, 'arms'>): Html => legend(arms.map(({ label }) => label));

export const curvesSection = (scores: Scores): Html => html`<section><h2>Learning curves</h2>
<p>${scores.measure} on the test scenes after every epoch of fine-tuning: the line is the mean over the seeds, the band
reaches from the worst seed to the best.</p>
<div class="narrow">${armNamesLegend(scores)}</div><figure>${learningCurves(scores)}</figure></section>`;

/** A score per class of every arm. */
export interface ClassScores {
  measure: string;
  classes: readonly string[];
  /** By class; null where a class has no score. */
  arms: { label: string; runs: { seed: number; perClass: readonly (number | null)[] }[] }[];
}

/** The seeds as dots, their mean as a stroke. */
export function classPlot({ measure, classes, arms }: ClassScores): Html {
  const seeds = arms.flatMap(({ label, runs }, arm) => runs.flatMap(({ seed, perClass }) =>
    perClass.flatMap((value, i) => (value === null ? [] : [{ label, arm, seed, name: classes[i], value }]))));
  const means = arms.flatMap(({ label }, arm) => classes.flatMap((name) => {
    const values = seeds.filter((one) => one.arm === arm && one.name === name).map(({ value }) => value);
    return values.length === 0 ? [] : [{ label, arm, name, value: mean(values) }];
  }));
  const place = { fx: 'name', x: 'label', y: 'value' } as const;
  const fill = ({ arm }: { arm: number }): string => armColour(arm);
  return plot(`${measure} per class of every arm`, {
    width: 400, height: 300, marginLeft: 46, marginBottom: 20, marginTop: 36,
    style: { background: 'none', fontSize: '12px' },
    fx: { domain: classes, label: null },
    x: { domain: arms.map(({ label }) => label), axis: null },
    y: { label: `${measure}, %`, labelArrow: 'none', tickFormat: (value: number) => (100 * value).toFixed(0) },
    marks: [
      Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.tickY(means, { ...place, stroke: fill, strokeWidth: 2.5 }),
      Plot.dot(seeds, {
        ...place, r: 3.2, fill, fillOpacity: 0.55,
        title: ({ label, seed, name, value }: (typeof seeds)[number]) =>
          `${label}, ${name}, seed ${seed}: ${percent(value)} %`,
      }),
    ],
  });
}

const facts = (title: string, entries: [string, Content][]): Html =>
  html`<div><h3>${title}</h3><dl>${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>`;

/**
 * @param text what the larger networks are and how they are trained
 * @param networks what they are, as a heading
 * @param more facts about them
 */
export function setupSection(record: TuningRecord, text: Content, networks: string, more: [string, Content][]): Html {
  const { settings: { pair, recipe }, description: { objects, scenes, network } } = record;
  const { environment: { cpu, cores, node, framework, version, engineLevel } } = record;
  return html`<section><h2>Settings and machine</h2>
<p>${text} Backbone and head are trained together, from the weights that the backbone has as a classifier of
${objects.description}. Arms with the same seed differ in those weights alone: the heads begin with the same weights and
see the same batches.</p><div class="facts">
${facts('Backbones', [
    ['Training / test', `${integer(objects.trainSize)} / ${integer(objects.testSize)}`],
    ['Teacher', `${pair.teacher.network}, ${pair.teacher.epochs} epochs, ${percent(record.teacherAccuracy)} %`],
    ['Backbone', `${pair.student.network}, ${pair.student.epochs} epochs`],
    ['Batch, learning rate', `${pair.batchSize}, ${pair.schedule.base}`],
    ['Seeds', pair.seeds.join(', ')],
  ])}
${facts(networks, [
    ['Training / test', `${integer(scenes.trainSize)} / ${integer(scenes.testSize)}`],
    ['Parameters', integer(network.parameters)],
    ...more,
    ['Epochs', integer(recipe.epochs)],
    ['Batch, learning rate', `${recipe.batchSize}, ${recipe.schedule.base}`],
  ])}
${facts('Machine', [
    ['Processor', cpu],
    ['Cores available', cores],
    ['Node.js', node],
    ['Training', framework],
    ['gld-loss', `${version}, engine ${engineLevel}`],
    ['Wall time', duration(record.seconds)],
  ])}
</div><p class="command"><code>${record.command}</code></p></section>`;
}
