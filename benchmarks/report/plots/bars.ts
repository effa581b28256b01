/** Groups of horizontal bars with a label at the end of each: a panel per number of threads, a group per case. */
import * as Plot from '@observablehq/plot';
import type { Panel } from './chart.js';
import { textWidth } from './chart.js';

export interface Bar {
  threads: number;
  /** What the group at the left says. */
  group: string;
  /** Tells the bars of a group apart. */
  name: string;
  /** Where the bar ends; undefined for a label alone. */
  value: number | undefined;
  label: string;
  colour: string;
  opacity?: number;
}

interface Scale {
  /** Where bars begin. */
  from: number;
  /** A marked value. */
  line: number;
  /** Where labels stand; at the end of each bar by default. */
  labelsAt?: number;
  axis: Plot.ScaleOptions & { domain: [number, number] };
  label: string;
  ticks: number[];
  tick: (value: number) => string;
}

/** The height of a bar and its gap. */
const step = 19;
const between = 12;

export function barsPanel(title: string, bars: Bar[], scale: Scale): Panel {
  const { from, line, labelsAt, axis, label, ticks, tick } = scale;
  const groups = [...new Set(bars.map(({ group }) => group))];
  const names = [...new Set(bars.map(({ name }) => name))];
  // A group is as high as the fullest one; all are, so that panels beside each other have the same lines.
  const height = groups.length * (names.length * step + between) + 48;
  const room = Math.max(...bars.map(({ label }) => textWidth(label, 12)));
  const end = (bar: Bar) => labelsAt ?? Math.max(from, bar.value ?? from);
  return {
    title,
    options: {
      height,
      marginTop: 10,
      marginBottom: 38,
      marginRight: 10 + room,
      marginLeft: 14 + Math.max(...groups.map((group) => textWidth(group, 12))),
      x: axis,
      y: { domain: names, axis: null, padding: 0.16 },
      fy: { domain: groups, label: null, padding: between / (names.length * step + between) },
      marks: [
        Plot.axisX(ticks, { text: tick, label, labelAnchor: 'center', labelArrow: 'none' }),
        Plot.gridX(ticks, { stroke: 'var(--chart-line)', strokeOpacity: 1 }),
        Plot.axisFy({ anchor: 'left', fill: 'var(--chart-ink)', tickPadding: 8, label: null }),
        Plot.barX(
          bars.filter(({ value }) => value !== undefined),
          {
            x1: from,
            x2: 'value',
            y: 'name',
            fy: 'group',
            fill: 'colour',
            fillOpacity: (bar: Bar) => bar.opacity ?? 1,
            title: (bar: Bar) => `${bar.group}, ${bar.name}: ${bar.label}`,
          },
        ),
        Plot.ruleX([line], { stroke: 'var(--chart-ink)', strokeWidth: 1.2 }),
        Plot.text(bars, {
          x: end,
          y: 'name',
          fy: 'group',
          text: 'label',
          textAnchor: 'start',
          dx: 5,
          fill: (bar: Bar) => (bar.value === undefined ? 'var(--chart-soft)' : 'var(--chart-ink)'),
        }),
      ],
    },
  };
}
