/** Test images with what the networks take them for, and their local logits over them. */
import { type Content, type Html, html } from 'gld-loss-pages/html';
import { integer, percent } from 'gld-loss-pages/numbers';
import { cellMap } from './cell-map.js';
import { colourScale } from './heat-map.js';
import { armName, teacherName } from './names.js';
import { unpackBytes } from './packed-bytes.js';
import { picture, rgbPixels } from './picture.js';
import type { Agreement, Answer, PictureRecord, RunRecord } from './types.js';

const titles: Record<Agreement, string> = {
  'arms differ': 'The arms differ',
  'teacher differs': 'The arms agree, the teacher differs',
  'all agree': 'Teacher and arms agree',
};

interface Network {
  name: Html;
  label: string;
  answer: Answer;
}

const networksOf = ({ arms }: RunRecord, shown: PictureRecord): Network[] => [
  { name: teacherName, label: 'Teacher', answer: shown.teacher },
  ...arms.map(({ label }, i) => ({ name: armName(i, label), label, answer: shown.arms[i] })),
];

/** An image as it is drawn and named. */
function imageOf({ settings: { classes, imageShape } }: RunRecord, { position, label, pixels }: PictureRecord) {
  const [height, width, channels] = imageShape;
  const number = `Test image ${integer(position + 1)}`;
  const rgb = rgbPixels(unpackBytes(pixels), channels);
  return { number, trueClass: classes[label], rgb, plain: picture(width, height, rgb, `${number}: ${classes[label]}`) };
}

const marks = {
  right: html`<span class="right" role="img" aria-label="right">✓</span>`,
  wrong: html`<span class="wrong" role="img" aria-label="wrong">✗</span>`,
};

function answerText({ settings: { classes } }: RunRecord, answer: Answer, label: number): Content {
  if (!(answer.class in classes)) return html`${marks.wrong} no class: logits are not finite`;
  const sure =
    Number.isFinite(answer.probability) && html` <span class="quiet">${percent(answer.probability)}\u00a0%</span>`;
  return html`${answer.class === label ? marks.right : marks.wrong} ${classes[answer.class]}${sure}`;
}

function answersFigure(run: RunRecord, shown: PictureRecord): Html {
  const { number, trueClass, plain } = imageOf(run, shown);
  return html`<figure><figcaption>${trueClass}<small>${number}</small></figcaption>${plain}
<dl>${networksOf(run, shown).map(
    ({ name, answer }) => html`<dt>${name}</dt><dd>${answerText(run, answer, shown.label)}</dd>`,
  )}</dl></figure>`;
}

/** Who is right about which test images. */
export function answersSection(run: RunRecord): Html {
  if (!run.pictures) return html``;
  const { candidates, groups } = run.pictures;
  return html`<section><h2>Test images</h2>
<p>Above each image is its true class, below it the class that each network takes it for, which is that of the largest
global logit, with its probability, a softmax of the global logits. ${marks.right} is right, ${marks.wrong} is wrong. The
students are those of seed ${run.settings.seeds[0]}.</p>
<p>The rule of the choice: the first ${integer(candidates)} test images are sorted by who agrees with whom, right or
wrong, and the first of each kind are shown, in the order of the data set.</p>
${groups.map(
  ({ agreement, count, shown }) => html`<h3>${titles[agreement]}: ${integer(count)} of ${integer(candidates)}</h3>
${shown.length > 0 && html`<div class="grid answers">${shown.map((one) => answersFigure(run, one))}</div>`}`,
)}</section>`;
}

/** Images of each kind over which the local logits are shown. */
const mapsOfKind = 2;

function cellMaps(run: RunRecord, shown: PictureRecord): Html {
  const { grid, imageShape } = run.settings;
  const { number, trueClass, rgb, plain } = imageOf(run, shown);
  const maps = networksOf(run, shown).map(({ name, label, answer }) => {
    const what = `${number}, ${label}: probability of ${trueClass} by cell`;
    return html`<figure><figcaption>${name}</figcaption>${cellMap(imageShape, rgb, grid, answer.cells, what)}</figure>`;
  });
  return html`<h3>${trueClass}<small>${number}</small></h3>
<div class="grid cells"><figure><figcaption>Image</figcaption>${plain}</figure>${maps}</div>`;
}

/** What each network sees in the cells. */
export function cellsSection(run: RunRecord): Html {
  const [rows, columns] = run.settings.grid;
  const shown = (run.pictures?.groups ?? []).flatMap((group) => group.shown.slice(0, mapsOfKind));
  if (rows * columns === 0 || shown.length === 0) return html``;
  return html`<section><h2>Local logits</h2>
<p>The first ${mapsOfKind} images of each kind above, cut into the ${rows} × ${columns} cells of the grid. The colour of a
cell is the probability of the <b>true</b> class in it, a softmax of the cell’s logits. The inside of a cell is
transparent, its frame has the colour of the scale. A cell’s features see some of its surroundings too.</p>
${colourScale('0 %', '100 %')}
${shown.map((one) => cellMaps(run, one))}</section>`;
}
