/** Drawings of the report that only detection has. */
import * as Plot from '@observablehq/plot';
import { armColour } from '../../report/colours.js';
import type { Html } from 'gld-loss-pages/html';
import { mean } from 'gld-loss-pages/numbers';
import { plot } from 'gld-loss-pages/svg';
import { recalls } from './constants.js';
import type { DetectionRecord } from './record.js';

const style = { background: 'none', fontSize: '12px' };
const inPercent = (value: number): string => (100 * value).toFixed(0);

/** Precision by recall of every arm, mean over the classes; the line is the mean over the seeds, the band their range. */
export function precisionPlot({ arms }: DetectionRecord): Html {
  const lines = arms.map(({ label, runs }, index) => ({
    label,
    colour: armColour(index),
    points: recalls.map((recall, i) => {
      const values = runs.map(({ precision }) => precision[i]);
      return { recall, mean: mean(values), low: Math.min(...values), high: Math.max(...values) };
    }),
  }));
  return plot('Precision by recall of every arm', {
    width: 400,
    height: 300,
    marginLeft: 46,
    marginBottom: 40,
    marginTop: 24,
    style,
    x: { domain: [0, 1], label: 'recall, %', labelAnchor: 'center', labelArrow: 'none', tickFormat: inPercent },
    y: { domain: [0, 1], label: 'precision, %', labelArrow: 'none', tickFormat: inPercent },
    marks: [
      Plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
      ...lines.map(({ points, colour }) =>
        Plot.areaY(points, { x: 'recall', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.14 }),
      ),
      ...lines.map(({ points, colour, label }) =>
        Plot.lineY(points, { x: 'recall', y: 'mean', stroke: colour, strokeWidth: 2.2, title: () => label }),
      ),
    ],
  });
}
