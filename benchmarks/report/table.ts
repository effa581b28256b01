/** A table as data, for the terminal and for the page. */
import { errors, shorten, time } from './format.js';
import type { Measurement } from '../record.js';
import { median } from '../statistics.js';
import { measured } from './lineup.js';

export interface Table {
  title: string;
  head: string[];
  /** Cells of several lines have line breaks in them. */
  rows: string[][];
  /** So many columns at the left name the row; all others hold numbers. */
  names: number;
  /** Footnotes and sums, below the table. */
  notes: string[];
}

/** Numbers the reasons for cells without numbers, so that the cells stay small. */
export class Footnotes {
  readonly #texts: string[] = [];

  /** What stands in the cell. */
  mark(text: string): string {
    let at = this.#texts.indexOf(text);
    if (at < 0) at = this.#texts.push(text) - 1;
    return `– ${at + 1})`;
  }

  lines(length = 200): string[] {
    return this.#texts.map((text, i) => `${i + 1}) ${shorten(text, length)}`);
  }
}

/** The cell of a measurement: its time and what `beside` says, and its errors on a second line. */
export function timeCell(
  measurement: Measurement | undefined,
  notes: Footnotes,
  beside: (seconds: readonly number[]) => string = () => '',
): string {
  if (measurement === undefined) return '';
  if (!measured(measurement)) return notes.mark(measurement.skipped ?? 'not measured');
  const first = `${time(median(measurement.seconds))} ${beside(measurement.seconds)}`.trim();
  return measurement.error === undefined ? first : `${first}\n${errors(measurement.error)}`;
}
