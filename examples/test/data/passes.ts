/** What the tests of the data sets do with a pass over a split. */
import { createHash } from 'node:crypto';
import type { Batch, BatchOptions, Split } from '../../data/index.js';

/** All batches of one pass. */
export async function collect(split: Split, options: BatchOptions): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of split.batches(options)) batches.push(batch);
  return batches;
}

export const labelsOf = (batches: Batch[]): number[] => batches.flatMap((batch) => [...batch.labels]);

/** A pass as one string, quick to compare. */
export const digest = (batches: Batch[]): string => {
  const hash = createHash('sha256');
  for (const { images, labels, size } of batches) hash.update(`${size}`).update(images).update(labels);
  return hash.digest('hex');
};

/** One Float32Array of all images of a pass. */
export function imagesOf(batches: Batch[]): Float32Array {
  const images = new Float32Array(batches.reduce((sum, batch) => sum + batch.images.length, 0));
  let at = 0;
  for (const batch of batches) {
    images.set(batch.images, at);
    at += batch.images.length;
  }
  return images;
}
