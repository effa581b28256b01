/** Numbers of batches and epochs. */
import type { DistillerLogs } from './training.js';

/** Means over samples, by name. */
export class Means {
  readonly #sums = new Map<string, number>();
  #count = 0;

  add(values: DistillerLogs, size: number): void {
    this.#count += size;
    for (const [name, value] of Object.entries(values)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value * size);
    }
  }

  values(): DistillerLogs {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#count]));
  }
}

/** What is printed of an epoch. */
export function line(epoch: number, epochs: number, logs: DistillerLogs, milliseconds: number): string {
  const values = Object.entries(logs).map(([name, value]) => `${name}=${Number(value.toPrecision(4))}`);
  return `Epoch ${epoch + 1} / ${epochs}, ${(milliseconds / 1000).toFixed(1)} s: ${values.join(' ')}`;
}
