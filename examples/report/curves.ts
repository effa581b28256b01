import * as Plot from '@observablehq/plot';
import { armColour, termColour, terms, type TermName } from './colours.js';
import { type Html, html } from 'gld-loss-pages/html';
import { columns, mean, percent, superscript } from 'gld-loss-pages/numbers';
import type { Scores } from './scores.js';
import { plot, spread, tick, unitExponent } from 'gld-loss-pages/svg';
import type { ArmRecord, RunRecord } from './types.js';

/** One epoch of an arm over its seeds. */
interface Point {
  epoch: number;
  mean: number;
  low: number;
  high: number;
}

function points<E>(runs: { epochs: E[] }[], of: (epoch: E) => number | undefined): Point[] {
  return columns(
    runs.map((run) => run.epochs),
    of,
  ).flatMap((values, i) =>
    values.length === 0
      ? []
      : [{ epoch: i + 1, mean: mean(values), low: Math.min(...values), high: Math.max(...values) }],
  );
}

/** The axis of epochs 1 … last. */
const epochAxis = (last: number, ticks: number): Plot.ScaleOptions => ({
  domain: [1, last],
  label: 'epoch',
  labelAnchor: 'center',
  labelArrow: 'none',
  ticks: Math.min(last, ticks),
  tickFormat: (value: number) => (Number.isInteger(value) ? String(value) : ''),
});

const percentAxis = (measure: string, domain: [number, number], ticks: number): Plot.ScaleOptions => ({
  domain,
  ticks,
  label: `${measure}, %`,
  labelArrow: 'none',
  tickFormat: (value: number) => (100 * value).toFixed(0),
});

/** The frame of the small plots, which stand in a grid. */
const small: Plot.PlotOptions = {
  width: 270,
  height: 215,
  marginLeft: 46,
  marginRight: 14,
  marginTop: 24,
  marginBottom: 38,
  style: { background: 'none', fontSize: '12px' },
};

const grid = (): Plot.Markish => Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 });

/** The score of every arm, and of the reference, by epoch; for wide and for narrow screens. */
export function learningCurves(scores: Scores): Html {
  return html`<div class="wide">${scorePlot(scores, 1010, 430)}</div>
<div class="narrow">${scorePlot(scores, 360, 360)}</div>`;
}

function scorePlot({ measure, course = measure, arms, reference }: Scores, width: number, height: number): Html {
  const wide = width > 600;
  const drawn = arms
    .map((arm, index) => ({ arm, index, points: points(arm.runs, ({ score }) => score) }))
    .filter(({ points }) => points.length > 0);
  const values = (reference?.epochs ?? [])
    .map(({ score }) => score)
    .concat(
      reference?.score ?? [],
      drawn.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high])),
    );
  const low = Math.min(...values);
  const high = Math.max(...values);
  const pad = Math.max(0.01, 0.05 * (high - low));
  const domain: [number, number] = [Math.max(0, low - pad), Math.min(1, high + pad)];
  const last = Math.max(2, reference?.epochs.length ?? 0, ...drawn.map(({ points }) => points.length));
  const labels = [
    ...(reference === undefined
      ? []
      : [{ text: `${reference.label} ${percent(reference.score)}`, value: reference.score, colour: 'var(--ink)' }]),
    ...drawn.map(({ arm, index, points }) => {
      const end = points[points.length - 1].mean;
      return { text: wide ? `${arm.label} ${percent(end)}` : percent(end), value: end, colour: armColour(index) };
    }),
  ];
  const perPixel = (domain[1] - domain[0]) / (height - 50);
  const places = spread(
    labels.map(({ value }) => value),
    16 * perPixel,
  );
  return plot(`${course} of every arm by epoch`, {
    width,
    height,
    marginLeft: 44,
    marginRight: 14 + (wide ? 7.5 : 6.6) * Math.max(...labels.map(({ text }) => text.length)),
    marginTop: 24,
    marginBottom: 40,
    style: { background: 'none', fontSize: wide ? '13px' : '12px' },
    x: epochAxis(last, wide ? 12 : 6),
    y: percentAxis(course, domain, 8),
    marks: [
      grid(),
      ...(reference === undefined
        ? []
        : [
            Plot.ruleY([reference.score], { stroke: 'var(--ink)', strokeDasharray: '5 4', strokeWidth: 1.2 }),
            Plot.lineY(reference.epochs, {
              x: 'epoch',
              y: 'score',
              stroke: 'var(--ink)',
              strokeWidth: 1,
              strokeOpacity: 0.55,
            }),
          ]),
      ...drawn.map(({ index, points }) =>
        Plot.areaY(points, { x: 'epoch', y1: 'low', y2: 'high', fill: armColour(index), fillOpacity: 0.14 }),
      ),
      ...drawn.map(({ index, points }) =>
        Plot.lineY(points, { x: 'epoch', y: 'mean', stroke: armColour(index), strokeWidth: 2.2 }),
      ),
      // Many dots would hide the line; they stay, unseen, for their tooltips.
      ...drawn.map(({ arm, index, points }) =>
        Plot.dot(points, {
          x: 'epoch',
          y: 'mean',
          r: 2.6,
          ...(last > 40 ? { fill: 'transparent' } : { fill: armColour(index), stroke: 'var(--panel)' }),
          title: (point: Point) =>
            `${arm.label}, epoch ${point.epoch}: ${percent(point.mean)} %, ` +
            `seeds ${percent(point.low)} to ${percent(point.high)} %`,
        }),
      ),
      ...labels.map(({ text, colour }, i) =>
        Plot.text([text], {
          x: last,
          y: places[i],
          text: (d: string) => d,
          fill: colour,
          dx: 9,
          textAnchor: 'start',
          fontWeight: 600,
        }),
      ),
    ],
  });
}

/** What each term adds to the loss of one arm, stacked, by epoch; undefined without recorded terms. */
export function contributions(arm: ArmRecord): Html | undefined {
  const layers = terms.flatMap((term) => {
    const weight = arm.weights[term];
    if (weight === undefined) return [];
    const means = points(arm.runs, (epoch) => epoch.terms?.[term]);
    return means.map((point) => ({ term, epoch: point.epoch, value: weight * point.mean }));
  });
  if (layers.length === 0) return undefined;
  const last = Math.max(2, ...layers.map(({ epoch }) => epoch));
  return plot(`Terms of the loss of ${arm.label} by epoch`, {
    ...small,
    x: epochAxis(last, 6),
    y: { label: 'weight × term', labelArrow: 'none', tickFormat: tick, ticks: 5 },
    color: { domain: [...terms], range: terms.map(termColour) },
    marks: [
      grid(),
      Plot.areaY(layers, { x: 'epoch', y: 'value', z: 'term', fill: 'term', order: [...terms], fillOpacity: 0.82 }),
      Plot.ruleY([0], { stroke: 'var(--soft)' }),
    ],
  });
}

/** One term, unweighted, of every arm that has it, by epoch; undefined when none has. */
export function rawTerm(run: RunRecord, term: TermName): Html | undefined {
  const drawn = run.arms
    .map((arm, index) => ({ arm, index, points: points(arm.runs, (epoch) => epoch.terms?.[term]) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return undefined;
  const last = Math.max(2, ...drawn.map(({ points }) => points.length));
  const exponent = unitExponent(Math.max(...drawn.flatMap(({ points }) => points.map(({ high }) => high))));
  return plot(`The ${term} term by epoch`, {
    ...small,
    x: epochAxis(last, 6),
    y: {
      label: exponent === 0 ? null : `× 10${superscript(exponent)}`,
      labelArrow: 'none',
      ticks: 5,
      zero: true,
      tickFormat: (value: number) => tick(value / 10 ** exponent),
    },
    marks: [
      grid(),
      ...drawn.map(({ index, points }) =>
        Plot.areaY(points, { x: 'epoch', y1: 'low', y2: 'high', fill: armColour(index), fillOpacity: 0.14 }),
      ),
      ...drawn.map(({ arm, index, points }) =>
        Plot.lineY(points, { x: 'epoch', y: 'mean', stroke: armColour(index), strokeWidth: 2, title: () => arm.label }),
      ),
    ],
  });
}
