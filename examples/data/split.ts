import { Rng } from './rng.js';
import type { Batch, BatchOptions, DatasetOptions, Split } from './types.js';

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
  /** What augmentation chooses from, evenly. The first is the image as it is. */
  views: readonly View[];
  /** A byte: what is seen outside of the image. */
  fill: number;
}

/** A window of the image's own size whose corner is at (top, left), mirrored left to right before that with `flip`. */
export interface View {
  top: number;
  left: number;
  flip: boolean;
}

/** Views of every shift along both axes, as they are and mirrored. `shifts` begins with 0. */
export const viewsOf = (shifts: readonly number[], flip: boolean): View[] =>
  (flip ? [false, true] : [false]).flatMap((flip) =>
    shifts.flatMap((top) => shifts.map((left) => ({ top, left, flip }))),
  );

/** The image alone, of which there is no other view. */
export const asItIs: readonly View[] = viewsOf([0], false);

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
  const views = preparation.views.length;
  return {
    size: source.size,
    views,
    batches({ batchSize, skip = 0, shuffle, augment, view = 0 }: BatchOptions): AsyncIterable<Batch> {
      checkInteger('batchSize', batchSize, 1);
      checkInteger('skip', skip, 0);
      checkInteger('view', view, 0);
      if (view >= views) throw new RangeError(`view: expected less than the ${views} views of an image, got ${view}`);
      const order = Int32Array.from({ length: source.size }, (_, i) => i);
      shuffle?.shuffle(order);
      const key = augment?.bits();
      const viewAt = (place: number) => (key === undefined ? view : new Rng(key, place).int(views));
      return pass(source, preparation, table, order, batchSize, skip * batchSize, viewAt);
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
  viewAt: (place: number) => number,
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
      const {
        labels,
        labels: { length: size },
      } = raw;
      const { height, width, channels } = preparation;
      const views = Int32Array.from(labels, (_, i) => viewAt(at + i));
      const images = prepare(raw, preparation, table, views);
      const positions = order.slice(at, at + size);
      yield { images, shape: [size, height, width, channels], labels, positions, views, size };
    }
  } finally {
    await pending?.catch(() => undefined);
    await reader.close();
  }
}

/** Normalised NHWC images of one batch, each in its view. */
function prepare(
  { planes, labels }: RawImages,
  preparation: Preparation,
  table: Float32Array,
  views: Int32Array,
): Float32Array {
  const { height, width, channels } = preparation;
  const perImage = height * width * channels;
  const images = new Float32Array(labels.length * perImage);
  views.forEach((view, i) => {
    const from = planes.subarray(i * perImage, (i + 1) * perImage);
    window(from, images.subarray(i * perImage, (i + 1) * perImage), preparation, table, preparation.views[view]);
  });
  return images;
}

/** Copies a view, with `fill` outside of the image, from planes to NHWC. */
function window(
  from: Uint8Array,
  to: Float32Array,
  { height, width, channels, fill }: Preparation,
  table: Float32Array,
  { top, left, flip }: View,
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

/** So many of them all, chosen by the seed, in stored order. @throws RangeError that names the option when there are not as many */
export const drawSome = (option: string, total: number, size: number | undefined, seed: number): Int32Array =>
  ends(option, total, size, 0, seed)[0];

/**
 * Images to train on, from one end of a random order, and those for validation, if there are any, from the other: a larger
 * training set contains a smaller one. Each part is in stored order.
 * @throws RangeError when there are not as many
 */
export function drawTraining(
  total: number,
  { trainSize, validationSize = 0, seed }: Pick<DatasetOptions, 'trainSize' | 'validationSize' | 'seed'>,
): { train: Int32Array; validation?: Int32Array } {
  const [train, validation] = ends('trainSize', total, trainSize, validationSize, seed);
  return { train, ...(validationSize > 0 ? { validation } : {}) };
}

/** The first and the last of a random order; all that are not last are first unless told otherwise. */
function ends(option: string, total: number, size: number | undefined, last: number, seed: number): Int32Array[] {
  checkInteger('validationSize', last, 0);
  const first = size ?? total - last;
  checkInteger(option, first, 1);
  if (first + last > total) {
    const kept = last > 0 ? `, ${last} of which are for validation` : '';
    throw new RangeError(`${option}: expected at most the ${total} images that there are${kept}, got ${first}`);
  }
  const order = Int32Array.from({ length: total }, (_, i) => i);
  if (first === total) return [order, order.slice(total)];
  new Rng(seed, total).shuffle(order);
  return [order.slice(0, first).sort(), order.slice(total - last).sort()];
}
