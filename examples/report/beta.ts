import { Html, html } from 'gld-loss-pages/html';
import { integer, significant } from 'gld-loss-pages/numbers';
import type { Reduction, RunRecord } from './types.js';

/** The authors' weight of the relation term, and the number of rows it was chosen for: 64 images on a 2 × 2 grid. */
const paper = { beta: 500, rows: 320 };

/** A reduction as a fact among others. */
export const reductionText = (reduction: Reduction): string =>
  typeof reduction === 'object' ? `by ${integer(reduction.rows)} rows` : reduction;

/** Why β has to be read together with what the term is divided by. */
export function betaSection(run: RunRecord): Html {
  const { batchSize, grid, beta, reduction } = run.settings;
  const perImage = 1 + grid[0] * grid[1];
  const rows = batchSize * perImage;
  const cells = perImage > 1 ? `on a grid of ${grid[0]} × ${grid[1]} cells` : 'without local logits';
  const perRow = paper.beta / paper.rows;
  const divisor = typeof reduction === 'object' ? reduction.rows : reduction === 'row' ? 1 : rows;
  const strength = beta / divisor / perRow;
  const weighs =
    Math.abs(strength - 1) < 1e-3
      ? html`<b>exactly as much</b> as the authors do`
      : html`<b>${significant(strength)} times</b> as much as the authors do`;
  const batches = [...new Set([32, 64, 128, 256, 512, batchSize])].sort((a, b) => a - b);
  return html`<section><h2>β and the number of rows</h2>
<p>A batch of n images ${cells} has m = ${perImage > 1 ? perImage : ''}n logit rows. The rows of the
normalised
matrices are unit vectors without negative entries, so two of them differ by at most 2 in the square. The authors
take the mean over all m² entries (reduction “matrix”), which is <b>at most 2/m</b>: the larger the batch, the smaller
the term, and a last batch of few images weighs it more than the others. Their
β = ${paper.beta} belongs to m = ${paper.rows}. Divided by a number of rows that does not depend on the batch, it weighs
the same in every batch.</p>
<p>${
    reduction === 'matrix'
      ? html`This run: n = ${integer(batchSize)}, m = ${integer(rows)}, the term is at most ${significant(2 / rows)} in a
full batch, and β = ${significant(beta)} weighs it ${weighs} there.`
      : html`This run divides by ${integer(divisor)} in the place of one m, so its
β = ${significant(beta)} does not depend on the batch. It weighs the relation ${weighs};
their weight is β = ${significant(perRow * divisor, 4)} in this reduction.`
  }</p>
<table class="plain"><thead><tr><th scope="col">images n</th><th scope="col">rows m</th>
<th scope="col">largest value, 2/m</th>
<th scope="col">β that weighs as the authors’ with “matrix”</th></tr></thead><tbody>${batches.map(
    (n) => html`<tr${
      n === batchSize && new Html(' class="own"')
    }><td>${integer(n)}</td><td>${integer(n * perImage)}</td>
<td>${significant(2 / (n * perImage))}</td>
<td>${significant(perRow * n * perImage, 4)}</td></tr>`,
  )}</tbody></table></section>`;
}
