/** The result as one HTML page. */
import { html } from 'gld-loss-pages/html';
import type { Scene } from '../../data/index.js';
import { unpackBytes } from '../../report/packed-bytes.js';
import { rgbOf } from '../../report/picture.js';
import { armLegend } from '../../report/sections.js';
import { shownScenesOf } from '../tuning/scenes.js';
import { tunedScores } from '../tuning/scores.js';
import { classLegend, classPlot, sceneFigure, scenesSection, tuningPage } from '../tuning/sections.js';
import { labelMap, pixelClasses } from './labels.js';
import { measure, networks } from './names.js';
import { classColour, maskPicture } from './pictures.js';
import type { SegmentationRecord } from './record.js';

export function renderReport(record: SegmentationRecord): string {
  const {
    arms,
    settings: { pair, head, side },
    description: {
      scenes: { classes },
    },
  } = record;
  const figure = (scene: Scene, index: number, what: string, labels: Uint8Array) =>
    sceneFigure(index, what, (label) => maskPicture(side, rgbOf(scene, side), labels, label));
  return tuningPage(record, {
    title: 'Segmentation with distilled backbones',
    heading: `Segmentation: backbones of ${pair.student.network}, undistilled and distilled`,
    scores: tunedScores(measure, record),
    networks,
    about: html`A network in the manner of DeepLabV3+: atrous convolutions of several rates and the mean of the whole map
side by side on the backbone’s last map, bilinear upsampling, and a decoder that also gets the map of stage
${head.skipStage}. The loss is the cross-entropy of every pixel that is not at an edge.`,
    facts: [
      ['Rates', head.rates.join(', ')],
      ['Filters', `${head.filters}; of the early map ${head.skipFilters}`],
    ],
    sections: [
      html`<section><h2>Classes of pixels</h2>
<p>Intersection over union of each class, a dot per seed: the pixels that are of the class and were taken for it, as a
share of those that are or were. The mIoU is the mean over the classes.</p>
${armLegend(record)}<figure>${classPlot('IoU', pixelClasses(classes), arms)}</figure></section>`,
      scenesSection(
        shownScenesOf(record.settings),
        html`<p>The first test scenes, not chosen. Pixels are tinted in the colour of their class, the
background is darkened. White edges blend an object with what is behind it; they are neither learned nor counted.
Networks of seed ${arms[0].runs[0].seed}.</p>
${classLegend(classes, (index) => classColour(index + 1))}`,
        (scene, i) => [
          figure(scene, i, 'what is there', labelMap(scene)),
          ...arms.map(({ label, first }) => figure(scene, i, label, unpackBytes(first.predicted[i]))),
        ],
      ),
    ],
  });
}
