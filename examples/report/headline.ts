import { armColour } from './colours.js';
import { Html, html, swatch } from './html.js';
import { deviation, integer, mean, percent, points } from './numbers.js';
import type { ArmRecord, RunRecord } from './types.js';

const finals = (arm: ArmRecord): number[] => arm.runs.map((run) => run.finalAccuracy);

/** '81.2 ± 1.3', or '81.2' for one seed. */
function spreadText(values: number[]): Html {
  return html`<b>${percent(mean(values))}</b>${plusMinus(values)}`;
}

/** ' ± 1.3', or nothing for one value. */
function plusMinus(values: number[]): Html | undefined {
  const sd = deviation(values);
  return sd === undefined ? undefined : html`<span class="sd"> ± ${percent(sd)}</span>`;
}

/** Differences to the first arm, seed by seed: what changes with the arm alone. */
function differences(arm: ArmRecord, first: ArmRecord): number[] {
  return arm.runs.flatMap((run) => {
    const other = first.runs.find(({ seed }) => seed === run.seed);
    return other === undefined ? [] : [run.finalAccuracy - other.finalAccuracy];
  });
}

/** The result in one sentence, whichever way it went. */
export function lede(run: RunRecord): Html {
  const arms = run.arms.filter((arm) => arm.runs.length > 0);
  if (arms.length === 0) return html`<p class="lede">No student has been trained yet.</p>`;
  const [first] = arms;
  const best = arms.reduce((a, b) => (mean(finals(b)) > mean(finals(a)) ? b : a));
  const teacher = html`The teacher reaches <b>${percent(run.teacher.testAccuracy)} %</b>.`;
  if (arms.length === 1) return html`<p class="lede">${first.label}: ${spreadText(finals(first))} %. ${teacher}</p>`;
  if (best === first) {
    return html`<p class="lede">No arm did better than ${first.label}, with ${spreadText(finals(first))} %.
${teacher}</p>`;
  }
  return html`<p class="lede">${best.label} came out best with ${spreadText(finals(best))} %; ${first.label} reached
${spreadText(finals(first))} %. ${teacher}</p>`;
}

/** The table of results: an arm per row, every seed in it. */
export function resultTable(run: RunRecord): Html {
  const arms = run.arms.map((arm, index) => ({ arm, index })).filter(({ arm }) => arm.runs.length > 0);
  if (arms.length === 0) return html``;
  const first = arms[0].arm;
  const all = arms.flatMap(({ arm }) => finals(arm)).concat(run.teacher.testAccuracy);
  const low = Math.max(0, Math.min(...all) - 0.02);
  const high = Math.min(1, Math.max(...all) + 0.02);
  const rows = arms.map(({ arm, index }) => {
    const values = finals(arm);
    const change = differences(arm, first);
    const gap = run.teacher.testAccuracy - mean(finals(first));
    const versus = arm === first || change.length === 0
      ? html`<span class="quiet">–</span>`
      : html`<b>${points(mean(change))}</b>${plusMinus(change)}${
        gap > 0 && html`<small>${Math.round((100 * mean(change)) / gap)} % of the gap to the teacher</small>`}`;
    return html`<tr>
<th scope="row">${swatch(armColour(index))}${arm.label}<small>${arm.description}</small></th>
<td class="figure" data-label="Test accuracy, %">${spreadText(values)}</td>
<td class="strip">${dotStrip(values, arm.runs.map(({ seed }) => seed), low, high, run.teacher.testAccuracy, index)}</td>
<td class="number" data-label="vs. ${first.label}, points">${versus}</td>
<td class="number" data-label="Best epoch, %">${percent(mean(arm.runs.map(({ bestAccuracy }) => bestAccuracy)))}</td>
<td class="seeds" data-label="Each seed, %">${arm.runs.map(({ seed, finalAccuracy }) =>
    html`<span title="seed ${seed}">${percent(finalAccuracy)}</span>`)}</td>
</tr>`;
  });
  return html`<table class="results">
<thead><tr><th scope="col">Arm</th>
<th scope="col" class="number">Test accuracy, %<small>mean ± s.d. of the seeds</small></th>
<th scope="col" class="strip"><span class="ends"><span>${percent(low)}</span><span>each seed</span>
<span>${percent(high)}</span></span></th>
<th scope="col" class="number">vs. ${first.label}<small>points, seed by seed</small></th>
<th scope="col" class="number">Best epoch, %<small>mean</small></th>
<th scope="col" class="number seeds">Each seed, %<small>seeds ${run.settings.seeds.join(', ')}</small></th></tr></thead>
<tbody>${rows}</tbody>
<tfoot><tr><th scope="row"><i class="swatch line"></i>Teacher<small>${run.teacher.name},
${integer(run.teacher.parameters)} parameters (student: ${integer(run.student.parameters)})</small></th>
<td class="figure" data-label="Test accuracy, %"><b>${percent(run.teacher.testAccuracy)}</b></td>
<td class="strip"></td><td class="number"></td>
<td class="number" data-label="Best epoch, %">${run.teacher.epochs.length > 0 &&
    percent(Math.max(...run.teacher.epochs.map(({ testAccuracy }) => testAccuracy)))}</td>
<td class="seeds"></td></tr></tfoot>
</table>
<p class="note">${caution(run, mean(finals(first)))}</p>`;
}

/** How much of a difference chance alone can make. */
function caution(run: RunRecord, accuracy: number): Html {
  const { testSize, seeds } = run.settings;
  const error = Math.sqrt((accuracy * (1 - accuracy)) / testSize);
  return html`Accuracy after the last epoch. ${seeds.length < 2
    ? 'One seed shows no spread: run at least three before comparing arms.'
    : `The ± is the sample standard deviation over ${seeds.length} seeds, not an error of the mean.`}
With ${integer(testSize)} test images, an accuracy of ${percent(accuracy)} % has itself a standard error of
${percent(error)} points. The dots are the seeds, the stroke their mean, the dashed line the teacher.
The best epoch is chosen on the test images, so it flatters every arm.`;
}

/** Every seed as a dot on one line, the mean as a stroke, the teacher as a dashed one. */
function dotStrip(values: number[], seeds: number[], low: number, high: number, teacher: number, index: number): Html {
  const x = (value: number): string => (6 + (188 * (value - low)) / (high - low)).toFixed(1);
  const colour = armColour(index);
  return html`<svg viewBox="0 0 200 30" role="img" aria-label="Accuracy of each seed">
<line x1="0" x2="200" y1="15" y2="15" stroke="var(--line)"/>
<line x1="${x(teacher)}" x2="${x(teacher)}" y1="3" y2="27" stroke="var(--ink)" stroke-dasharray="3 2.5"/>
<line x1="${x(mean(values))}" x2="${x(mean(values))}" y1="5" y2="25" stroke="${colour}" stroke-width="2.5"/>
${values.map((value, i) => html`<circle cx="${x(value)}" cy="15" r="5" fill="${colour}"
fill-opacity=".55" stroke="${colour}"><title>seed ${seeds[i]}: ${percent(value)} %</title></circle>`)}
</svg>`;
}
