import { Rng } from './rng.js';
import type { Batch, BatchOptions, Split } from './types.js';

/** Raw images: bytes in planes (channel by channel, each row by row), as CIFAR's files have them. */
export interface RawImages {
  /** size × channels × height × width bytes. */
  planes: Uint8Array;
  /** Class indices, one per image. */
  labels: Int32Array;
}

/** Where the images of a split come from. */
export interface Source {
  /** Number of images. */
  size: number;
  /** Called at the start of every pass; the pass closes what it opened. */
  open(): Promise<{ read(positions: Int32Array): Promise<RawImages>; close(): Promise<void> }>;
}

/** Images that are all in memory; `perImage` is the number of bytes of each. */
export function memorySource({ planes, labels }: RawImages, perImage: number): Source {
  const read = (positions: Int32Array): Promise<RawImages> => {
    const batch = { planes: new Uint8Array(positions.length * perImage), labels: new Int32Array(positions.length) };
    positions.forEach((position, i) => {
      batch.planes.set(planes.subarray(position * perImage, (position + 1) * perImage), i * perImage);
      batch.labels[i] = labels[position];
    });
    return Promise.resolve(batch);
  };
  return { size: labels.length, open: () => Promise.resolve({ read, close: () => Promise.resolve() }) };
}

/** How the raw bytes become the numbers a network sees. */
export interface Preparation {
  height: number;
  width: number;
  channels: number;
  /** Per channel, for values in 0 … 1: normalised = (byte / 255 − mean) / deviation. */
  mean: readonly number[];
  deviation: readonly number[];
  /**
   * The augmentation: add `padding` pixels of value `fill` (a byte) on every side, cut out a window of the original
   * size at a random place, and with `flip` mirror it left to right half of the time.
   */
  padding: number;
  fill: number;
  flip: boolean;
}

/** For generated pictures, whose mean and deviation these roughly are. */
export const drawnPreparation = {
  channels: 3,
  mean: [0.4, 0.4, 0.4],
  deviation: [0.25, 0.25, 0.25],
  fill: Math.round(0.25 * 255),
};

/** A split that reads, augments and normalises batch by batch. The next batch is read while the present one is used. */
export function createSplit(source: Source, preparation: Preparation): Split {
  const table = normalisationTable(preparation);
  return {
    size: source.size,
    batches(options: BatchOptions): AsyncIterable<Batch> {
      const { batchSize, skip = 0 } = options;
      checkInteger('batchSize', batchSize, 1);
      checkInteger('skip', skip, 0);
      const order = Int32Array.from({ length: source.size }, (_, i) => i);
      options.shuffle?.shuffle(order);
      const augmentKey = options.augment?.bits();
      return pass(source, preparation, table, order, batchSize, skip * batchSize, augmentKey);
    },
  };
}

async function* pass(
  source: Source,
  preparation: Preparation,
  table: Float32Array,
  order: Int32Array,
  batchSize: number,
  start: number,
  augmentKey: number | undefined,
): AsyncGenerator<Batch> {
  const reader = await source.open();
  const read = (at: number): Promise<RawImages> | undefined => {
    if (at >= order.length) return undefined;
    const images = reader.read(order.subarray(at, at + batchSize));
    // Awaited at the next step; without this a failure in the meantime would count as unhandled.
    images.catch(() => undefined);
    return images;
  };
  let pending = read(start);
  try {
    for (let at = start; pending !== undefined; at += batchSize) {
      const raw: RawImages = await pending;
      pending = read(at + batchSize);
      const images = prepare(raw, preparation, table, at, augmentKey);
      const {
        labels,
        labels: { length: size },
      } = raw;
      const { height, width, channels } = preparation;
      yield { images, shape: [size, height, width, channels], labels, positions: order.slice(at, at + size), size };
    }
  } finally {
    await pending?.catch(() => undefined);
    await reader.close();
  }
}

/** Normalised NHWC images of one batch, whose first image is at position `at` of the pass. */
function prepare(
  { planes, labels }: RawImages,
  preparation: Preparation,
  table: Float32Array,
  at: number,
  augmentKey: number | undefined,
): Float32Array {
  const { height, width, channels, padding } = preparation;
  const perImage = height * width * channels;
  const images = new Float32Array(labels.length * perImage);
  for (let i = 0; i < labels.length; i++) {
    const from = planes.subarray(i * perImage, (i + 1) * perImage);
    const to = images.subarray(i * perImage, (i + 1) * perImage);
    if (augmentKey === undefined) {
      window(from, to, preparation, table, 0, 0, false);
    } else {
      const rng = new Rng(augmentKey, at + i);
      const top = rng.int(2 * padding + 1) - padding;
      const left = rng.int(2 * padding + 1) - padding;
      window(from, to, preparation, table, top, left, preparation.flip && rng.int(2) === 1);
    }
  }
  return images;
}

/** Copies the window whose corner is at (top, left), with `fill` outside of the image, from planes to NHWC. */
function window(
  from: Uint8Array,
  to: Float32Array,
  { height, width, channels, fill }: Preparation,
  table: Float32Array,
  top: number,
  left: number,
  flip: boolean,
): void {
  for (let c = 0; c < channels; c++) {
    const plane = c * height * width;
    for (let y = 0; y < height; y++) {
      const fromY = y + top;
      for (let x = 0; x < width; x++) {
        const fromX = (flip ? width - 1 - x : x) + left;
        const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
        const byte = inside ? from[plane + fromY * width + fromX] : fill;
        to[(y * width + x) * channels + c] = table[c * 256 + byte];
      }
    }
  }
}

/** The normalised value of every byte of every channel. */
function normalisationTable({ channels, mean, deviation }: Preparation): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, i) => {
    const channel = Math.floor(i / 256);
    return ((i % 256) / 255 - mean[channel]) / deviation[channel];
  });
}

/** @throws RangeError unless `value` is an integer of at least `least`. */
export function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name}: expected an integer of at least ${least}, got ${String(value)}`);
  }
}
