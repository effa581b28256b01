import { termColour, type TermName, terms } from './colours.js';
import { contributions, learningCurves, rawTerm } from './curves.js';
import { brightest, colourScale, heatMap } from './heat-map.js';
import { type Html, html, swatch } from 'gld-loss-pages/html';
import { significant } from 'gld-loss-pages/numbers';
import { armName, teacherName } from './names.js';
import { accuracies } from './scores.js';
import type { RelationMatrix, RunRecord } from './types.js';

const termNames: Record<TermName, string> = {
  task: 'Task: cross-entropy',
  global: 'Global: KD of global logits',
  local: 'Local: sum of KD over cells',
  relation: 'Relation: distances of rows',
};

/** Colours of the arms, where the plots have no room for names. */
export const armLegend = ({ arms }: { arms: { label: string }[] }): Html =>
  html`<ul class="legend">${arms.map(({ label }, index) => html`<li>${armName(index, label)}</li>`)}</ul>`;

const titled = (title: Html, drawing: Html): Html => html`<figure><figcaption>${title}</figcaption>${drawing}</figure>`;

export function curvesSection(run: RunRecord): Html {
  if (!run.arms.some((arm) => arm.runs.some(({ epochs }) => epochs.length > 0))) return html``;
  const scores = accuracies(run);
  const { measure, course = measure } = scores;
  const own = run.teacher.epochs.length > 0 && html`The thin line is the teacher’s own training. `;
  return html`<section><h2>Learning curves</h2>
<p>${course} after every epoch: the line is the mean over the seeds, the band reaches from the worst seed to the best.
${own}The dashed line is the ${measure.toLowerCase()} of the finished teacher that the students learn from.</p>
<div class="narrow">${armLegend(run)}</div>
<figure>${learningCurves(scores)}</figure></section>`;
}

export function termsSection(run: RunRecord): Html {
  const stacks = run.arms.flatMap((arm, index) => {
    const drawing = contributions(arm);
    return drawing === undefined ? [] : [titled(armName(index, arm.label), drawing)];
  });
  if (stacks.length === 0) return html``;
  const raw = terms.flatMap((term) => {
    const drawing = rawTerm(run, term);
    return drawing === undefined ? [] : [titled(html`${swatch(termColour(term))}${termNames[term]}`, drawing)];
  });
  return html`<section><h2>What the loss is made of</h2>
<p>What each term adds to the loss, that is, weight × term, stacked; means over the seeds. Each arm has a scale of its
own:
the losses of different arms are different functions and cannot be compared.</p>
<ul class="legend">${terms.map((term) => html`<li>${swatch(termColour(term))}${term}</li>`)}</ul>
<div class="grid">${stacks}</div>
<h3>The terms themselves</h3>
<p>Unweighted, one plot per term, so that arms can be compared. An arm that does not use a term is left out. Hinton’s KD
measures its global term at its own temperature, so its curve has another unit than the normalized one.</p>
${armLegend(run)}
<div class="grid">${raw}</div></section>`;
}

/** More class names than this are only shown when the reader points at a bar. */
const mostNames = 20;

/** The matrix of an arm's network. */
export interface ArmMatrix {
  /** Of the arm, for its colour. */
  index: number;
  label: string;
  seed: number;
  matrix: RelationMatrix;
}

const captions = {
  teacher: teacherName,
  arm: ({ index, label, seed }: ArmMatrix) => html`${armName(index, label)}<small>seed
${seed}</small>`,
};

/** The matrices of one run, with their distance to the teacher's, on one scale. */
export function relationFigures(teacher: RelationMatrix | undefined, arms: ArmMatrix[], classes: string[]): Html {
  const shown = [
    ...(teacher ? [{ title: captions.teacher, label: 'Teacher', matrix: teacher }] : []),
    ...arms.map((arm) => ({ title: captions.arm(arm), label: arm.label, matrix: arm.matrix })),
  ];
  const top = brightest(shown.map(({ matrix }) => matrix));
  const figures = shown.map(({ title, label, matrix }) => {
    const distance = teacher && matrix !== teacher ? relationDistance(teacher, matrix) : undefined;
    return html`<figure class="map"><figcaption>${title}</figcaption>
${heatMap(matrix, top, classes, `Relation matrix: ${label}`)}
<p>${
      distance === undefined
        ? `${matrix.size} × ${matrix.size} logit rows`
        : html`distance to the teacher’s:
<b>${Number.isNaN(distance) ? 'not finite' : significant(distance)}</b>`
    }</p></figure>`;
  });
  return html`${colourScale('0', `${significant(top, 2)} and more`)}
<div class="grid maps">${figures}</div>`;
}

/** What the matrices are and how to read them. */
export const relationGuide = html`<p>Each picture is the matrix that the relation term compares, over the same test
images: the squared distance of every
logit row, global and local, to every other, each row of the matrix divided by its length. Dark is near, bright is far.
Rows
and columns are ordered by class, as the grey bars along the edges mark.</p>
<p>Dark squares on the diagonal are classes that the network holds together, darker squares elsewhere classes that it
finds
alike. A student that has taken over the teacher’s view of the classes has the teacher’s picture. The distance below a
picture is (1/m²) Σ (D<sub>teacher</sub> − D<sub>student</sub>)², the relation term with reduction “matrix”.</p>`;

export function relationSection({ teacher, arms, settings: { classes } }: RunRecord): Html {
  const matrices = arms.flatMap(({ label, runs }, index): ArmMatrix[] => {
    const first = runs.find(({ relationMatrix }) => relationMatrix !== undefined);
    return first?.relationMatrix === undefined
      ? []
      : [{ index, label, seed: first.seed, matrix: first.relationMatrix }];
  });
  if (matrices.length === 0 && !teacher.relationMatrix) return html``;
  return html`<section><h2>Relations between logits</h2>
${relationGuide}
${classes.length <= mostNames && html`<p class="note">Classes in order: ${classes.join(', ')}.</p>`}
${relationFigures(teacher.relationMatrix, matrices, classes)}</section>`;
}

/** Mean squared difference of two matrices over the same rows; NaN when one is not finite, undefined for other rows. */
export function relationDistance(a: RelationMatrix, b: RelationMatrix): number | undefined {
  if (a.size !== b.size || a.rowLabels.some((label, i) => label !== b.rowLabels[i])) return undefined;
  if (![a, b].every(({ data }) => data.every(Number.isFinite))) return Number.NaN;
  return a.data.reduce((sum, value, i) => sum + (value - b.data[i]) ** 2, 0) / a.data.length;
}
