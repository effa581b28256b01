/** The run as one self-contained page. */
import { type Content, Html, html } from 'gld-loss-pages/html';
import { duration } from 'gld-loss-pages/numbers';
import { style } from 'gld-loss-pages/style';
import type { RunRecord } from '../record.js';
import { ratio } from '../statistics.js';
import { caseList } from './case-tables.js';
import { day, missing, versionsText } from './environment.js';
import { contenderName, threadsName, times } from './format.js';
import { fastest, nobody } from './headline.js';
import { lineups, measured, threadCounts } from './lineup.js';
import { plotNames, type PlotName } from './plots/index.js';
import type { Table } from './table.js';
import { tables } from './tables.js';

const more = `
.wide-table { overflow-x: auto; margin: 14px 0 6px; } .wide-table table { width: auto; min-width: 60%; }
.wide-table h3 { margin: 0 0 8px; }
.wide-table td, .wide-table th { padding: 6px 14px 6px 0; font-size: 14.5px; white-space: nowrap; }
.wide-table .number { padding: 6px 0 6px 22px; } .wide-table td small { white-space: nowrap; padding: 0; }
.wide-table tbody th { min-width: 0; } .wide-table tbody th small { padding-left: 0; }
figure + .wide-table { margin-top: 26px; } figure { overflow-x: auto; } figure svg { margin: 10px 0; }
`;

function tableHtml({ title, head, rows, names, notes }: Table): Html {
  const lines = (text: string): Html => {
    const [first, ...rest] = text.split('\n');
    return html`${first}${rest.map((line) => html`<small>${line}</small>`)}`;
  };
  const cell = (text: string, column: number): Html => {
    const content = lines(text);
    return column < names ? html`<th scope="row">${content}</th>` : html`<td class="number">${content}</td>`;
  };
  return html`<div class="wide-table"><h3>${title}</h3><table><thead><tr>${head.map(
    (name, column) => html`<th scope="col"${column >= names && new Html(' class="number"')}>${lines(name)}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${row.map(cell)}</tr>
`,
  )}</tbody></table>${notes.map((note) => html`<p class="note">${note}</p>`)}</div>
`;
}

/** How the steps with gradients came out against the fastest contender of each, with the most threads. */
function lede(record: RunRecord): Html {
  const threads = Math.max(...threadCounts(record));
  const rows = lineups(record, { group: 'step', threads, mode: 'gradients' }).filter(({ own }) => measured(own));
  if (!rows.some(({ others }) => others.some(measured))) {
    return html`<p class="lede">This run compared no whole step with a contender.</p>`;
  }
  const found = rows.flatMap((row) => {
    const other = fastest(record, row);
    if (!measured(row.own) || other === undefined) return [];
    return [{ name: contenderName(other.contender), value: ratio(other.seconds, row.own.seconds) }];
  });
  const against = html`Whole steps with their gradients and ${threadsName(threads)}`;
  if (found.length === 0) return html`<p class="lede">${against}: ${nobody}.</p>`;
  const [low, high] = [Math.min, Math.max].map((of) => times(of(...found.map(({ value }) => value))));
  const names = [...new Set(found.map(({ name }) => name))].join(', ');
  return html`<p class="lede">${against}: the fastest contender (${names}) takes
<b>${low === high ? low : `${low} to ${high}`}</b> as long as gld-loss.</p>`;
}

interface Section {
  heading: string;
  text: Content;
  plots: PlotName[];
  tables: Table[];
}

/** What there was nothing to show for. */
const nothing: Record<PlotName, string> = {
  ratios: 'whole steps beside contenders',
  'relation-time': 'the relation term alone over rows and classes',
  floor: 'shares of the machine’s limits',
  memory: 'memory',
};

/** @param drawings the plots of the run; those without data are undefined */
export function page(record: RunRecord, drawings: Record<PlotName, string | undefined>): string {
  const { environment } = record;
  const found = tables(record);
  const sections: Section[] = [
    {
      heading: 'Whole steps',
      plots: ['ratios'],
      tables: found.steps,
      text: html`<ul class="guide">${caseList(record).map((text) => html`<li>${text}</li>`)}</ul>`,
    },
    {
      heading: 'The relation term',
      plots: ['relation-time'],
      tables: found.relation,
      text: html`<p>The term that costs most where there are many rows. Both of our methods are exact; “auto” takes the
one that it expects to be faster, and “vs better” is what it lost by a wrong choice.</p>`,
    },
    {
      heading: 'Stages and the limits of the machine',
      plots: ['floor'],
      tables: [...found.limits, ...found.stages],
      text: html`<p>The floor of a case is the larger of its bytes over the rate of a large copy and its flops over the
rate of multiply-adds that never leave the registers, both measured in the same run. What fits into the caches can be
faster than a large copy, and thus above 100 %. A contender whose products run below half of that rate is marked as
crippled.</p>`,
    },
    { heading: 'Memory', plots: ['memory'], tables: found.memory, text: undefined },
    { heading: 'Overhead and calls', plots: [], tables: [...found.overhead, ...found.calls], text: undefined },
  ];
  const shown = sections.filter(
    (section) => section.tables.length > 0 || section.plots.some((name) => drawings[name] !== undefined),
  );
  const lacking = [
    ...missing(environment),
    ...plotNames.filter((name) => drawings[name] === undefined).map((name) => `${nothing[name]}: not in this run`),
  ];
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>gld-loss: benchmarks</title><style>${new Html(style + more)}</style></head><body><main>
<header><p class="kicker">gld-loss · ${day(environment.date)} · ${duration(environment.seconds)}</p>
<h1>Benchmarks</h1>${lede(record)}</header>
${shown.map(
  ({ heading, text, plots, tables: own }) => html`<section><h2>${heading}</h2>${text}
${plots.map((name) => drawings[name] !== undefined && html`<figure>${new Html(drawings[name])}</figure>`)}
${own.map(tableHtml)}</section>
`,
)}
${
  lacking.length > 0 &&
  html`<section><h2>Not measured</h2><ul class="guide">${lacking.map((text) => html`<li>${text}</li>`)}</ul></section>`
}
${guide()}${machine(record)}
</main></body></html>
`.text;
}

const guide = (): Html => html`<section><h2>How to read this page</h2><ul class="guide">
<li><b>Times</b> are medians over the repetitions of one call.</li>
<li><b>Ratios</b> are times of a contender over ours: 2× means that it takes twice as long. All contenders of a case
take turns, and the ratio is the median of the quotients of repetitions that ran side by side, so that a slow moment of
the machine does not count for one of them alone. It can differ from the quotient of the two medians.</li>
<li><b>Rates</b> below the name of a contender are those of its products in float32, in its own process with its own
threads: the best of a few sizes, and what share of the multiply-adds’ rate that is. Where it is below half, the contender
is <b>crippled</b>, mostly by a BLAS that does not know the processor, and nothing above is set against it.</li>
<li><b>Errors</b> of the loss and, after the stroke, of the gradients are against a reference in float64, measured
before the timing: |difference| / max(1, |loss|), and the largest |difference| over the largest entry of a gradient.</li>
<li><b>Floor</b> is the least time that the limits of the machine allow, as a share of our time, and the limit that
counts.</li></ul></section>
`;

function machine({ environment }: RunRecord): Html {
  const facts: [string, Content][] = [
    ['Processor', environment.cpu],
    ['Cores', environment.cores],
    ['Memory', `${environment.memoryGiB} GiB`],
    ['System', environment.os],
    ['Engine level', `${environment.level} of ${environment.levels.join(', ')}`],
    ['Versions', versionsText(environment)],
    ['Selection', environment.selection],
    ['Commit', html`<code>${environment.commit}</code>`],
    ['Started', `${environment.date.slice(0, 16).replace('T', ' ')} UTC`],
    ['Took', duration(environment.seconds)],
  ];
  return html`<section><h2>Machine and versions</h2><dl>${facts.map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`,
  )}</dl></section>`;
}
