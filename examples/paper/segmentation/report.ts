/** The result as one HTML page. */
import { html } from 'gld-loss-pages/html';
import { armLegend } from '../../report/sections.js';
import { tunedScores } from '../tuning/scores.js';
import { classLegend, classPlot, sceneFigure, scenesSection, tuningPage } from '../tuning/sections.js';
import { pixelClasses } from './labels.js';
import { measure, networks } from './names.js';
import { classColour, maskPicture } from './pictures.js';
import type { SegmentationRecord } from './record.js';

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

export function renderReport(record: SegmentationRecord): string {
  const {
    arms,
    scenes,
    settings: { pair, head, side },
    description: {
      scenes: { classes },
    },
  } = record;
  const figure = (scene: number, what: string, labels: string) =>
    sceneFigure(scene, what, (label) => maskPicture(side, bytes(scenes[scene].rgb), bytes(labels), label));
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
        record,
        html`<p>The first test scenes, not chosen. Pixels are tinted in the colour of their class, the
background is darkened. White edges blend an object with what is behind it; they are neither learned nor counted.
Networks of seed ${arms[0].runs[0].seed}.</p>
${classLegend(classes, (index) => classColour(index + 1))}`,
        (scene) => [
          figure(scene, 'what is there', scenes[scene].labels),
          ...arms.map(({ label, first }) => figure(scene, label, first.predicted[scene])),
        ],
      ),
    ],
  });
}
