/** The result as one HTML page. */
import { lede, resultTable } from '../../report/headline.js';
import { type Html, html } from '../../report/html.js';
import { page } from '../../report/page.js';
import type { Scores } from '../../report/scores.js';
import { armNamesLegend, classPlot, curvesSection, legend, setupSection } from '../tuning-report.js';
import { tunedScores } from '../tuning.js';
import { measure } from './index.js';
import { pixelClasses } from './labels.js';
import { classColour, maskPicture } from './pictures.js';
import type { SegmentationRecord } from './record.js';

function classesSection({ arms, description: { scenes } }: SegmentationRecord, scores: Scores): Html {
  const perClass = arms.map(({ label, runs }) =>
    ({ label, runs: runs.map(({ seed, result }) => ({ seed, perClass: result.perClass })) }));
  return html`<section><h2>Classes of pixels</h2>
<p>Intersection over union of each class, a dot per seed: the pixels that are of the class and were taken for it, as a
share of those that are or were. The mIoU is the mean over the classes.</p>
${armNamesLegend(scores)}
<figure>${classPlot({ measure: 'IoU', classes: pixelClasses(scenes.classes), arms: perClass })}</figure></section>`;
}

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

function pictures({ arms, scenes, settings: { side }, description }: SegmentationRecord): Html {
  const rows = scenes.map(({ rgb, labels }, i) => {
    const scene = `Scene ${i + 1}`;
    const figure = (what: string, labels: string) => html`<figure class="map"><figcaption>${scene}<small>${what}</small>
</figcaption>${maskPicture(side, bytes(rgb), bytes(labels), `${scene}, ${what}`)}</figure>`;
    return [
      figure('what is there', labels),
      ...arms.map(({ label, runs: [{ seed, result }] }) => figure(`backbone: ${label}, seed ${seed}`, result.predicted[i])),
    ];
  });
  return html`<section><h2>What they see</h2>
<p>The first test scenes, not chosen. Pixels are tinted in the colour of their class, the background is darkened. White
edges blend an object with what is behind it; they are neither learned nor counted.</p>
${legend(description.scenes.classes, (index) => classColour(index + 1))}
<div class="grid scenes">${rows}</div></section>`;
}

export function renderReport(record: SegmentationRecord): string {
  const scores = tunedScores(measure, record);
  const { startedAt, seconds, environment: { version }, settings: { pair, head }, description } = record;
  return page({
    title: 'Segmentation with distilled backbones',
    heading: `Segmentation: backbones of ${pair.student.network}, undistilled and distilled`,
    startedAt, seconds, version, lede: lede(scores), about: description.scenes.description,
    sections: [
      html`<section><h2>Results</h2>${resultTable(scores)}</section>`,
      curvesSection(scores), classesSection(record, scores), pictures(record),
      setupSection(record, html`A network in the manner of DeepLabV3+: atrous convolutions of several rates and the mean of
the whole map side by side on the backbone’s last map, bilinear upsampling, a decoder that also gets the map of stage
${head.skipStage}; cross-entropy of every pixel that is not at an edge.`, 'Segmentation networks', [
        ['Rates', head.rates.join(', ')],
        ['Filters', `${head.filters}, of the early map ${head.skipFilters}`],
      ]),
    ],
  });
}
