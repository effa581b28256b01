/** Something that grows with the number of rows, on two logarithmic axes: a panel per number of classes. */
import * as Plot from '@observablehq/plot';
import { type Chart, chart, panelWidth, textWidth } from './chart.js';
import { lookOf } from './colours.js';

interface Point {
  K: number;
  m: number;
  value: number;
  name: string;
  contender: string;
  variant?: string;
}

interface Axis {
  label: string;
  tick: (value: number) => string;
}

const margin = { left: 62, right: 18 };

export function linesChart(
  texts: Pick<Chart, 'title' | 'subtitle' | 'where'>,
  points: Point[],
  axis: Axis,
): string | undefined {
  const drawn = points.filter(({ value }) => value > 0);
  if (drawn.length === 0) return undefined;
  const series = [...new Map(drawn.map((point) => [point.name, point])).values()];
  const classes = [...new Set(drawn.map(({ K }) => K))].sort((a, b) => a - b);
  const columns = classes.length === 4 ? 2 : Math.min(3, classes.length);
  const width = panelWidth(columns) - margin.left - margin.right;
  const x = around(drawn.map(({ m }) => m));
  const y = around(drawn.map(({ value }) => value));
  return chart({
    ...texts,
    columns,
    legend: series.map((point) => ({ name: point.name, ...lookOf(point) })),
    panels: classes.map((K) => {
      const here = drawn.filter((point) => point.K === K).sort((a, b) => a.m - b.m);
      return {
        title: `K = ${K.toLocaleString('en')} classes`,
        options: {
          height: columns === 1 ? 380 : 320,
          marginLeft: margin.left,
          marginRight: margin.right,
          marginTop: 26,
          marginBottom: 38,
          x: { type: 'log', domain: x },
          y: { type: 'log', domain: y },
          marks: [
            // Labels as texts: of tick formats on a logarithmic axis, Plot leaves out those that it finds too many.
            Plot.axisX(
              apart(
                here.map(({ m }) => m),
                x,
                width,
              ),
              {
                text: (value: number) => value.toLocaleString('en'),
                label: 'logit rows m',
                labelAnchor: 'center',
                labelArrow: 'none',
              },
            ),
            Plot.axisY(logTicks(y), { text: axis.tick, label: axis.label, labelArrow: 'none' }),
            Plot.gridY(logTicks(y), { stroke: 'var(--chart-line)', strokeOpacity: 1 }),
            ...series.flatMap((one) => {
              const own = here.filter(({ name }) => name === one.name);
              const { colour, dash } = lookOf(one);
              return [
                Plot.line(own, { x: 'm', y: 'value', stroke: colour, strokeWidth: 2.5, strokeDasharray: dash }),
                Plot.dot(own, {
                  x: 'm',
                  y: 'value',
                  r: 3.5,
                  fill: colour,
                  title: ({ name, m, value }: Point) => `${name}, m = ${m.toLocaleString('en')}: ${axis.tick(value)}`,
                }),
              ];
            }),
          ],
        },
      };
    }),
  });
}

/** The range of the values with some room at both ends. */
function around(values: number[], room = 1.3): [number, number] {
  return [Math.min(...values) / room, Math.max(...values) * room];
}

/** Powers of ten in the range, with 2 and 5 times them where there are few, and only some where there are many. */
export function logTicks([low, high]: [number, number]): number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  const inside = (value: number) => value >= low && value <= high;
  // 10 ** -6 is not the number that 1e-6 is, and its label would show that.
  const ticks = powers.map((power) => Number(`1e${power}`)).filter(inside);
  if (ticks.length > 9) return ticks.filter((_, i) => i % 2 === 0);
  if (ticks.length > 2) return ticks;
  return powers.flatMap((power) => [1, 2, 5].map((part) => Number(`${part}e${power}`))).filter(inside);
}

/** Those of the values whose labels have room beside each other on a logarithmic axis of so many pixels. */
function apart(values: number[], [low, high]: [number, number], width: number): number[] {
  const place = (value: number) => (width * Math.log(value / low)) / Math.log(high / low);
  const half = (value: number) => textWidth(value.toLocaleString('en'), 12) / 2;
  const kept: number[] = [];
  for (const value of new Set(values)) {
    const last = kept[kept.length - 1];
    if (last === undefined || place(value) - place(last) > half(value) + half(last) + 8) kept.push(value);
  }
  return kept;
}
