import type { Batch, Dataset } from './types.js';

/** An image of an unaugmented batch as it was before it was normalised: bytes, the channels of a pixel side by side. */
export function imageBytes(
  { images, size }: Batch,
  index: number,
  { mean, deviation, channels }: Pick<Dataset, 'mean' | 'deviation' | 'channels'>,
): Uint8Array {
  const length = images.length / size;
  return Uint8Array.from(images.subarray(index * length, (index + 1) * length), (value, at) =>
    Math.round(255 * (value * deviation[at % channels] + mean[at % channels])),
  );
}
