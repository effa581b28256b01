/** Pictures of a data set for a report. */
import type { Dataset } from '../data/index.js';

/** The first test image of every class as base64 of red, green, blue of each pixel, row by row; '' where there is none. */
export async function samples({ test, classes, mean, deviation }: Omit<Dataset, 'name'>): Promise<string[]> {
  const found = new Array<string>(classes.length).fill('');
  for await (const {
    images,
    labels,
    size,
    shape: [, , , channels],
  } of test.batches({ batchSize: 64 })) {
    const length = images.length / size;
    for (let i = 0; i < size; i++) {
      if (found[labels[i]] !== '') continue;
      const bytes = Uint8Array.from(images.subarray(i * length, (i + 1) * length), (value, at) =>
        Math.round(255 * (value * deviation[at % channels] + mean[at % channels])),
      );
      found[labels[i]] = Buffer.from(bytes).toString('base64');
    }
    if (found.every((text) => text !== '')) break;
  }
  return found;
}
