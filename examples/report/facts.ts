import { reductionText } from './beta.js';
import { type Content, type Html, html } from 'gld-loss-pages/html';
import { duration, gibibytes, integer } from 'gld-loss-pages/numbers';
import type { RunRecord } from './types.js';

/** A list of facts under a heading; those without a value are left out. */
export const factList = (title: string, facts: [string, Content][]): Html =>
  html`<div><h3>${title}</h3><dl>${facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>`;

/** The list of what a run ran on, with `more` at its end. */
export function machineFacts(
  { environment, startedAt, seconds }: Pick<RunRecord, 'environment' | 'startedAt' | 'seconds'>,
  more: [string, Content] | false = false,
): Html {
  return factList('Machine', [
    ['Processor', environment.cpu],
    ['Cores available', environment.cores],
    ['Memory', environment.memory !== undefined && gibibytes(environment.memory)],
    ['System', environment.os],
    ['Node.js', environment.node],
    ['Training', environment.framework],
    [
      'gld-loss',
      `${environment.version}, engine ${environment.engineLevel}, ${environment.threads} ${
        environment.threads === 1 ? 'thread' : 'threads'
      }`,
    ],
    ['Commit', environment.commit !== undefined && html`<code>${environment.commit}</code>`],
    [
      'Started',
      startedAt
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC')
        .replace(/Z$/, ' UTC'),
    ],
    ['Wall time', duration(seconds)],
    ...(more ? [more] : []),
  ]);
}

export function settingsSection(run: RunRecord): Html {
  const { settings, teacher, student } = run;
  const [height, width, channels] = settings.imageShape;
  const epochs = run.arms.flatMap((arm) => arm.runs.flatMap((one) => one.epochs));
  const training = [...epochs, ...teacher.epochs].reduce((sum, epoch) => sum + epoch.seconds, 0);
  return html`<section><h2>Settings and machine</h2><div class="facts">
${factList('Settings', [
  ['Data set', settings.dataset],
  ['Images', `${height} × ${width} × ${channels}, ${settings.classes.length} classes`],
  ['Training / test', `${integer(settings.trainSize)} / ${integer(settings.testSize)}`],
  [
    'Teacher',
    `${teacher.name}, ${integer(teacher.parameters)} parameters, ` +
      (settings.teacherEpochs > 0 ? `${settings.teacherEpochs} epochs` : 'not trained here'),
  ],
  ['Student', `${student.name}, ${integer(student.parameters)} parameters, ${settings.studentEpochs} epochs`],
  ['Optimizer', settings.optimizer],
  ['Batch size', integer(settings.batchSize)],
  ['Seeds', settings.seeds.join(', ')],
  ...Object.entries(settings.more ?? {}).map(([name, value]): [string, Content] => [name, plain(value)]),
])}
${factList('Loss', [
  ['α', settings.alpha],
  ['β', settings.beta],
  ['Local weight', settings.localWeight],
  ['Grid', settings.grid[0] > 0 ? `${settings.grid[0]} × ${settings.grid[1]} cells` : 'none: global logits alone'],
  ['Relation metric', settings.metric],
  ['Relation reduction', reductionText(settings.reduction)],
])}
${machineFacts(run, epochs.length > 0 && ['Time in epochs', `${duration(training)}, all networks together`])}
</div>
${settings.command !== undefined && html`<p class="command"><code>${settings.command}</code></p>`}
<details><summary>The options of every arm</summary><table class="plain options"><thead><tr><th scope="col">Arm</th>
<th scope="col">Weights</th><th scope="col">Options of the loss</th></tr></thead><tbody>${run.arms.map(
    ({ label, weights, options }) => html`<tr><td>${label}</td><td><code>${compact(weights)}</code></td>
<td><code>${options === undefined ? '–' : compact(options)}</code></td></tr>`,
  )}</tbody></table></details></section>`;
}

export function guideSection(): Html {
  return html`<section><h2>How to read this page</h2><ul class="guide">
<li><b>Arms</b> differ only in the loss. Every arm starts from the same initial weights and sees the same batches for
the same
seed, so differences are formed seed by seed before they are averaged.</li>
<li><b>±</b> is the spread between seeds. Two arms whose dots overlap have not been told apart by this run; more seeds
tell.</li>
<li><b>The first arm</b> of the table is the one the others are compared with. “% of the gap” is the gain over it
as a share of its distance to the teacher.</li>
<li><b>Losses</b> of different arms are different functions. Compare accuracies, and single terms, but not totals.</li>
<li><b>The numbers are what came out.</b> One teacher, one data set and the settings below: a small run shows how the
loss
behaves, it does not rank methods.</li></ul></section>`;
}

const plain = (value: string | number | boolean): string | number =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : value;

/** JSON without the quotes around names, in one line. */
const compact = (value: object): string =>
  JSON.stringify(value, (_, entry: unknown) => (entry === undefined ? null : entry))
    .replace(/"(\w+)":/g, '$1: ')
    .replace(/,/g, ', ')
    .replace(/"/g, "'");
