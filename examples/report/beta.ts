import { Html, html } from './html.js';
import { integer, significant } from './numbers.js';
import type { RunRecord } from './types.js';

/** The authors' weight of the relation term, and the number of rows it was chosen for: 64 images on a 2 × 2 grid. */
const paper = { beta: 500, rows: 320 };

/** Why β has to be read together with the number of logit rows. */
export function betaSection(run: RunRecord): Html {
  const { batchSize, grid, beta, reduction } = run.settings;
  const perImage = 1 + grid[0] * grid[1];
  const rows = batchSize * perImage;
  const cells = perImage > 1 ? `on a grid of ${grid[0]} × ${grid[1]} cells` : 'without local logits';
  const perRow = paper.beta / paper.rows;
  // With the reduction 'row' the term is m times larger.
  const strength = (reduction === 'row' ? beta : beta / rows) / perRow;
  const weighs =
    Math.abs(strength - 1) < 1e-3
      ? html`<b>exactly as much</b> as the authors do`
      : html`<b>${significant(strength)} times</b> as much as the authors do`;
  const batches = [...new Set([32, 64, 128, 256, 512, batchSize])].sort((a, b) => a - b);
  return html`<section><h2>β and the number of rows</h2>
<p>A batch of n images ${cells} has m = ${perImage > 1 ? perImage : ''}n logit rows. The rows of the
normalised
matrices are unit vectors without negative entries, so two of them differ by at most 2 in the square, and the relation
term,
an average over m² entries, is <b>at most 2/m</b>. The larger the batch, the smaller the term, and β has to grow with m
to
weigh the same. The authors’ β = ${paper.beta} belongs to m = ${paper.rows}.</p>
<p>${
    reduction === 'row'
      ? html`This run averages over the m rows instead (reduction “row”, the term is m times larger and at most 2), so its
β = ${significant(beta)} does not depend on the batch. It weighs the relation ${weighs};
their weight is β = ${significant(perRow, 4)} in this reduction.`
      : html`This run: n = ${integer(batchSize)}, m = ${integer(rows)}, the term is at most ${significant(2 / rows)}, and
β = ${significant(beta)} weighs it ${weighs}. With the reduction “row” the
term is averaged over rows (times m), and β = ${significant(perRow, 4)} is the authors’ weight for every batch.`
  }</p>
<table class="plain"><thead><tr><th scope="col">images n</th><th scope="col">rows m</th>
<th scope="col">largest value, 2/m</th>
<th scope="col">β that weighs as the authors’</th></tr></thead><tbody>${batches.map(
    (n) => html`<tr${
      n === batchSize && new Html(' class="own"')
    }><td>${integer(n)}</td><td>${integer(n * perImage)}</td>
<td>${significant(2 / (n * perImage))}</td>
<td>${significant(perRow * n * perImage, 4)}</td></tr>`,
  )}</tbody></table></section>`;
}
