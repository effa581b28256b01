import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Html } from './html.js';

// Plot draws into a document; Node has none, linkedom's is enough.
const { document } = parseHTML('<!doctype html><html></html>');

/** With two decimals in the numbers of attributes: a hundredth of a pixel is nothing to be seen. */
const rounded = (svg: string): string =>
  svg.replace(/-?\d+\.\d{3,}(?=[^<>]*>)/g, (number) => String(Number(Number(number).toFixed(2))));

/** A plot as an <svg> element for the page. `label` is what a screen reader says. */
export function plot(label: string, options: Plot.PlotOptions): Html {
  const svg = Plot.plot({ document, className: 'plot', style: { background: 'none' }, ...options });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  return new Html(rounded(svg.outerHTML));
}

/** A tick label without the noise of binary fractions. */
export const tick = (value: number): string => String(Number(value.toPrecision(3)));

/** The power of ten to take out of the tick labels of an axis that ends at `max`: 0 unless they would be very small. */
export const unitExponent = (max: number): number => (max > 0 && max < 0.02 ? Math.floor(Math.log10(max)) : 0);

/** Moves the values apart, as little as needed, so that neighbours differ by `gap`; in the order given. */
export function spread(values: number[], gap: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const result = [...values];
  // Groups of labels that touch are centred on the mean of their values.
  let groups = order.map((i) => ({ members: [i], centre: values[i] }));
  for (let again = true; again; ) {
    again = false;
    const merged: typeof groups = [];
    for (const group of groups) {
      const last = merged[merged.length - 1];
      const room = last === undefined ? Infinity : group.centre - last.centre;
      if (last !== undefined && room < (gap * (last.members.length + group.members.length)) / 2 - 1e-12) {
        last.members.push(...group.members);
        last.centre = last.members.reduce((sum, i) => sum + values[i], 0) / last.members.length;
        again = true;
      } else {
        merged.push({ members: [...group.members], centre: group.centre });
      }
    }
    groups = merged;
  }
  for (const { members, centre } of groups) {
    members.forEach((i, at) => (result[i] = centre + (at - (members.length - 1) / 2) * gap));
  }
  return result;
}
