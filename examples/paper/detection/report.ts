/** The result as one HTML page. */
import { armColour } from '../../report/colours.js';
import { html } from 'gld-loss-pages/html';
import { integer } from 'gld-loss-pages/numbers';
import { rgbOf } from '../../report/picture.js';
import { armLegend } from '../../report/sections.js';
import { shownScenesOf } from '../tuning/scenes.js';
import { tunedScores } from '../tuning/scores.js';
import { classLegend, classPlot, sceneFigure, scenesSection, tuningPage } from '../tuning/sections.js';
import { matchingOverlap, negativesPerPositive, shownScore } from './constants.js';
import { measure, networks } from './names.js';
import { detectionPicture } from './pictures.js';
import { precisionPlot } from './plots.js';
import type { DetectionRecord } from './record.js';

export function renderReport(record: DetectionRecord): string {
  const {
    arms,
    settings: { pair, detector, side },
    description: {
      network,
      scenes: { classes },
    },
  } = record;
  return tuningPage(record, {
    title: 'Detection with distilled backbones',
    heading: `Detection: backbones of ${pair.student.network}, undistilled and distilled`,
    scores: tunedScores(measure, record),
    networks,
    about: html`A single shot detector: predictors on the last ${detector.maps} of the backbone’s maps and
${detector.extraMaps} coarser, default boxes matched to the objects at an overlap above ${matchingOverlap}, cross-entropy
with ${negativesPerPositive} hard negatives to each positive plus smooth L1, non-maximum suppression class by class.`,
    facts: [['Default boxes', integer(network.defaultBoxes)]],
    sections: [
      html`<section><h2>Precision, recall and classes</h2>
<p>Left, the precision among the best detections when they are as many as it takes to find that share of the objects:
mean over the classes, every precision raised to the largest at the same or a higher recall. The area below it is the
mAP, but for the steps of one percent in which it is drawn. Right, the average precision of each class, a dot per seed.</p>
${armLegend(record)}
<div class="grid maps"><figure>${precisionPlot(record)}</figure>
<figure>${classPlot('average precision', classes, arms)}</figure></div></section>`,
      scenesSection(
        shownScenesOf(record.settings),
        html`<p>The first test scenes, not chosen. Dashed white: the objects. In colour: what the
detector found with a score of at least ${100 * shownScore} %, with the name of the class and the score. Detectors of
seed ${arms[0].runs[0].seed}.</p>${classLegend(classes, armColour)}`,
        (scene, i) =>
          arms.map(({ label, first }) => {
            const seen = { side, rgb: rgbOf(scene, side), objects: scene.objects };
            return sceneFigure(i, label, (name) => detectionPicture(seen, first.found[i], classes, name));
          }),
      ),
    ],
  });
}
