import { armColour } from './colours.js';
import { baselinesOf, confidenceInterval, differences, intervalText, isClear, spreadNote } from './comparison.js';
import { type Html, html } from 'gld-loss-pages/html';
import { deviation, mean, percent, points } from 'gld-loss-pages/numbers';
import { armName } from './names.js';
import type { ScoredArm, Scores } from './scores.js';

export const finals = (arm: ScoredArm): number[] => arm.runs.map((run) => run.score);

/** '81.2 ± 1.3', or '81.2' for one seed. */
function spreadText(values: number[]): Html {
  return html`<b>${percent(mean(values))}</b>${plusMinus(values)}`;
}

/** ' ± 1.3', or nothing for one value. */
function plusMinus(values: number[]): Html | undefined {
  const sd = deviation(values);
  return sd === undefined ? undefined : html`<span class="sd"> ± ${percent(sd)}</span>`;
}

/** The result in one sentence, whichever way it went. */
export function lede(scores: Scores): Html {
  const arms = scores.arms.filter((arm) => arm.runs.length > 0);
  if (arms.length === 0) return html`<p class="lede">No student has been trained yet.</p>`;
  const [first] = arms;
  const top = arms.reduce((a, b) => (mean(finals(b)) > mean(finals(a)) ? b : a));
  const { reference } = scores;
  const other = reference && html`The ${reference.label.toLowerCase()} reaches <b>${percent(reference.score)} %</b>.`;
  if (arms.length === 1) return html`<p class="lede">${first.label}: ${spreadText(finals(first))} %. ${other}</p>`;
  if (top === first) {
    return html`<p class="lede">No arm did better than ${first.label}, with ${spreadText(finals(first))} %.
${other}</p>`;
  }
  const interval = confidenceInterval(differences(arms, top, first));
  const clear = interval && html`, and the difference is ${!isClear(interval) && 'not '}larger than its 95 % interval`;
  return html`<p class="lede">${top.label} came out best with ${spreadText(finals(top))} %; ${first.label} reached
${spreadText(finals(first))} %${clear}. ${other}</p>`;
}

/** The table of results: an arm per row, every seed in it. */
export function resultTable(scores: Scores): Html {
  const { measure, reference } = scores;
  const arms = scores.arms.map((arm, index) => ({ arm, index })).filter(({ arm }) => arm.runs.length > 0);
  if (arms.length === 0) return html``;
  const baselines = baselinesOf({ ...scores, arms: arms.map(({ arm }) => arm) });
  const all = arms.flatMap(({ arm }) => finals(arm)).concat(reference?.score ?? []);
  const low = Math.max(0, Math.min(...all) - 0.02);
  const high = Math.min(1, Math.max(...all) + 0.02);
  const rows = arms.map(
    ({ arm, index }) => html`<tr>
<th scope="row">${armName(index, arm.label)}<small>${arm.description}</small></th>
<td class="figure" data-label="${measure}, %">${spreadText(finals(arm))}</td>
<td class="strip">${dotStrip(arm, index, scores, low, high)}</td>
${baselines.map(
  (baseline) =>
    html`<td class="number" data-label="vs. ${baseline.label}, points">${versus(scores, arm, baseline)}</td>`,
)}
<td class="seeds" data-label="Each seed, %">${arm.runs.map(
      ({ seed, score }) => html`<span title="seed ${seed}">${percent(score)}</span>`,
    )}</td>
</tr>`,
  );
  const seeds = [...new Set(arms.flatMap(({ arm }) => arm.runs.map(({ seed }) => seed)))];
  return html`<table class="results">
<thead><tr><th scope="col">Arm</th>
<th scope="col" class="number">${measure}, %<small>mean ± s.d. of the seeds</small></th>
<th scope="col" class="strip"><span class="ends"><span>${percent(low)}</span><span>each seed</span>
<span>${percent(high)}</span></span></th>
${baselines.map(
  ({ label }) => html`<th scope="col" class="number">vs. ${label}<small>points [95 % interval]</small></th>`,
)}
<th scope="col" class="number seeds">Each seed, %<small>seeds ${seeds.join(', ')}</small></th></tr></thead>
<tbody>${rows}</tbody>
${
  reference &&
  html`<tfoot><tr><th scope="row"><i class="swatch line"></i>${reference.label}<small>${
    reference.description
  }</small></th>
<td class="figure" data-label="${measure}, %"><b>${percent(reference.score)}</b></td>
<td class="strip"></td>${baselines.map(() => html`<td class="number"></td>`)}
<td class="seeds"></td></tr></tfoot>`
}
</table>
<p class="note">${caution(scores, seeds.length)}</p>`;
}

/** What an arm changes against a baseline, also as a share of what is left to the reference. */
function versus({ arms, reference }: Scores, arm: ScoredArm, baseline: ScoredArm): Html {
  const changes = differences(arms, arm, baseline);
  if (changes.length === 0) return html`<span class="quiet">–</span>`;
  const gap = reference === undefined ? 0 : reference.score - mean(finals(baseline));
  return html`<b>${points(mean(changes))}</b><small>${intervalText(changes)}</small>${
    gap > 0 &&
    html`<small>${Math.round((100 * mean(changes)) / gap)} % of the gap to the ${reference?.label.toLowerCase()}</small>`
  }`;
}

/** How much of a difference chance alone can make. */
const caution = ({ measure, reference, certainty }: Scores, seeds: number): Html =>
  html`${measure} after the last epoch. ${spreadNote(seeds)}
${certainty} The dots are the seeds, the stroke their mean${
    reference && html`, the dashed line the ${reference.label.toLowerCase()}`
  }.`;

/** Every seed as a dot on one line, the mean as a stroke, the reference as a dashed one. */
function dotStrip(arm: ScoredArm, index: number, { measure, reference }: Scores, low: number, high: number): Html {
  const x = (value: number): string => (6 + (188 * (value - low)) / (high - low)).toFixed(1);
  const colour = armColour(index);
  const middle = x(mean(finals(arm)));
  return html`<svg viewBox="0 0 200 30" role="img" aria-label="${measure} of each seed">
<line x1="0" x2="200" y1="15" y2="15" stroke="var(--line)"/>
${
  reference &&
  html`<line x1="${x(reference.score)}" x2="${x(reference.score)}" y1="3" y2="27" stroke="var(--ink)"
stroke-dasharray="3 2.5"/>`
}
<line x1="${middle}" x2="${middle}" y1="5" y2="25" stroke="${colour}" stroke-width="2.5"/>
${arm.runs.map(
  ({ seed, score }) => html`<circle cx="${x(score)}" cy="15" r="5" fill="${colour}"
fill-opacity=".55" stroke="${colour}"><title>seed ${seed}: ${percent(score)} %</title></circle>`,
)}
</svg>`;
}
