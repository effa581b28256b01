/** Pictures of a data set for a report. */
import type { Dataset } from '../data/index.js';
import { imageBytes } from '../data/pixels.js';

/** The first test image of every class: red, green, blue of each pixel, row by row; undefined where there is none. */
export async function samples(data: Omit<Dataset, 'name'>): Promise<(Uint8Array | undefined)[]> {
  const found = new Array<Uint8Array | undefined>(data.classes.length).fill(undefined);
  for await (const batch of data.test.batches({ batchSize: 64 })) {
    batch.labels.forEach((label, i) => {
      found[label] ??= imageBytes(batch, i, data);
    });
    if (found.every((bytes) => bytes !== undefined)) break;
  }
  return found;
}
