/** The result as one HTML page. */
import { optimizerText } from '../../distill/record.js';
import { armColour } from '../../report/colours.js';
import { learningCurves } from '../../report/curves.js';
import { factList, machineFacts } from '../../report/facts.js';
import { lede, resultTable } from '../../report/headline.js';
import { type Html, html, swatch } from '../../report/html.js';
import { integer } from '../../report/numbers.js';
import { page } from '../../report/page.js';
import type { Scores } from '../../report/scores.js';
import { armLegend } from '../../report/sections.js';
import { lossFacts, recipeFacts } from '../recipe.js';
import { matchingOverlap, negativesPerPositive, shownScore } from './constants.js';
import { detectionPicture } from './pictures.js';
import { classPlot, precisionPlot } from './plots.js';
import type { DetectionRecord } from './record.js';
import { backboneScores, detectorScores } from './scores.js';

function curves(record: DetectionRecord, scores: Scores): Html {
  return html`<section><h2>Learning curves</h2>
<p>Mean average precision on the test scenes after every epoch of fine-tuning: the line is the mean over the seeds, the
band reaches from the worst seed to the best.</p>
<div class="narrow">${armLegend(record)}</div><figure>${learningCurves(scores)}</figure></section>`;
}

function details(record: DetectionRecord): Html {
  return html`<section><h2>Precision, recall and classes</h2>
<p>Left, the precision among the best detections when they are as many as it takes to find that share of the objects:
mean over the classes, every precision raised to the largest at the same or a higher recall. The area below it is the
mAP, but for the steps of one percent in which it is drawn. Right, the average precision of each class, a dot per seed.</p>
${armLegend(record)}
<div class="grid maps"><figure>${precisionPlot(record)}</figure><figure>${classPlot(record)}</figure></div></section>`;
}

function pictures({ arms, scenes, settings: { side }, description }: DetectionRecord): Html {
  const { classes } = description.scenes;
  const rows = scenes.map(({ rgb, objects }, scene) => {
    const seen = { side, rgb: new Uint8Array(Buffer.from(rgb, 'base64')), objects };
    return arms.map(({ label, found }) => html`<figure class="map"><figcaption>${scene + 1}
<small>${label}</small></figcaption>
${detectionPicture(seen, found[scene], classes, `Scene ${scene + 1}, backbone: ${label}`)}</figure>`);
  });
  return html`<section><h2>What they see</h2>
<p>The first test scenes, not chosen. Dashed white: the objects. In colour: what the detector found with a score of at
least ${100 * shownScore} %, with the name of the class and the score. Detectors of seed ${arms[0].runs[0].seed}.</p>
<ul class="legend">${classes.map((name, index) => html`<li>${swatch(armColour(index))}${name}</li>`)}</ul>
<div class="grid scenes">${rows}</div></section>`;
}

function setup(record: DetectionRecord): Html {
  const { settings: { pair, detector }, description: { objects, scenes, detector: { parameters, defaultBoxes } } } = record;
  return html`<section><h2>Settings and machine</h2>
<p>A single shot detector: predictors on the last ${detector.maps} of the backbone’s maps and ${detector.extraMaps}
coarser, default boxes matched to the objects at an overlap above ${matchingOverlap}, cross-entropy with
${negativesPerPositive} hard negatives to each positive plus smooth L1, non-maximum suppression class by class. Backbone
and predictors are trained together, from the weights that the backbone has as a classifier of
${objects.description}. Arms with the same seed differ in those weights alone: the predictors begin with the same weights
and see the same batches.</p><div class="facts">
${factList('Backbones', [
    ['Training / test', `${integer(objects.trainSize)} / ${integer(objects.testSize)}`],
    ['Teacher', `${pair.teacher.network}, ${pair.teacher.epochs} epochs`],
    ['Backbone', `${pair.student.network}, ${pair.student.epochs} epochs`],
    ...recipeFacts(pair),
    ...lossFacts(pair.loss),
  ])}
${factList('Detectors', [
    ['Training / test', `${integer(scenes.trainSize)} / ${integer(scenes.testSize)}`],
    ['Parameters', integer(parameters)],
    ['Default boxes', integer(defaultBoxes)],
    ['Epochs', integer(detector.epochs)],
    ['Optimizer', optimizerText(detector)],
    ['Batch size', integer(detector.batchSize)],
  ])}
${machineFacts(record)}
</div><p class="command"><code>${record.command}</code></p></section>`;
}

export function renderReport(record: DetectionRecord): string {
  const scores = detectorScores(record);
  const { startedAt, seconds, environment: { version }, settings: { pair } } = record;
  return page({
    title: 'Detection with distilled backbones',
    heading: `Detection: backbones of ${pair.student.network}, undistilled and distilled`,
    startedAt, seconds, version, lede: lede(scores), about: record.description.scenes.description,
    sections: [
      html`<section><h2>Results</h2>
<p>The arms are what the backbone learnt from as a classifier; the detectors are all trained in the same way.</p>
${resultTable(scores)}</section>`,
      curves(record, scores), details(record), pictures(record),
      html`<section><h2>The backbones as classifiers</h2>${resultTable(backboneScores(record))}</section>`,
      setup(record),
    ],
  });
}
