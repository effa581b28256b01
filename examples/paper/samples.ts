/** Pictures of a data set for a report. */
import type { Dataset } from '../data/index.js';

/** The first test image of every class: red, green, blue of each pixel, row by row; undefined where there is none. */
export async function samples({
  test,
  classes,
  mean,
  deviation,
}: Omit<Dataset, 'name'>): Promise<(Uint8Array | undefined)[]> {
  const found = new Array<Uint8Array | undefined>(classes.length).fill(undefined);
  for await (const {
    images,
    labels,
    size,
    shape: [, , , channels],
  } of test.batches({ batchSize: 64 })) {
    const length = images.length / size;
    for (let i = 0; i < size; i++) {
      if (found[labels[i]]) continue;
      found[labels[i]] = Uint8Array.from(images.subarray(i * length, (i + 1) * length), (value, at) =>
        Math.round(255 * (value * deviation[at % channels] + mean[at % channels])),
      );
    }
    if (found.every((bytes) => bytes !== undefined)) break;
  }
  return found;
}
