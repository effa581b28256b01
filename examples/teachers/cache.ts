/** Logits of a teacher that are computed once, kept in a folder, and read from there in every epoch. */
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset, Split } from '../data/index.js';
import { type CacheKey, differences, openCache, readCacheHeader, writeCache } from './cache-file.js';
import { type Grid, logitRows, rowsOf } from './logits.js';
import { classesOf, sideOf, type Teacher } from './types.js';

export type { CacheKey } from './cache-file.js';

/** One file of a folder: the outputs of one teacher for one set of training images. */
export interface CacheEntry {
  folder: string;
  /** Such as 'resnet20'; begins the file's name. */
  teacher: string;
  key: CacheKey;
}

const suffix = '.outputs';
const nameOf = ({ teacher, key }: CacheEntry) =>
  `${prefixOf(teacher)}${sha256(JSON.stringify(key)).slice(0, 12)}${suffix}`;
const prefixOf = (teacher: string) => `${teacher.replaceAll(/[^\w.-]/g, '_')}-`;
const pathOf = (entry: CacheEntry) => join(entry.folder, nameOf(entry));

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Images per call of the teacher and per write. */
const batchSize = 64;

/** sha256 of the training images in stored order, as the network gets them, without augmentation. */
export async function dataDigest({ height, width, channels, train }: Dataset): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([train.size, height, width, channels]));
  for await (const { images } of train.batches({ batchSize })) {
    hash.update(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
  }
  return hash.digest('hex');
}

/**
 * A teacher that reads its logits of the training images, in whichever view, from the entry's file; other images are not in it.
 * @returns a text that says why it cannot
 */
export async function cachedTeacher(entry: CacheEntry, train: Split): Promise<Teacher | string> {
  const reader = await openCache(pathOf(entry), entry.key);
  if (typeof reader === 'string') return reader;
  return {
    form: { kind: 'logits', shape: reader.shape },
    outputs: ({ positions, views }) => reader.read(positions.map((position, i) => views[i] * train.size + position)),
    dispose: () => reader.close(),
  };
}

export interface Filling {
  train: Split;
  /** In how many of their views the images are seen. */
  views: number;
  /** Cells of the local logits. */
  grid: Grid;
  /** Of the loss's engine. */
  threads?: number;
  /** For people: which teacher, which data. */
  title: string;
  /** Called after every batch with the records done. */
  onProgress?(records: number): void;
  /** True stops after the present batch; what was done is kept. */
  stopped(): boolean;
  /** Gets lines about files that are of no use, and why. */
  note(text: string): void;
}

/** Seconds between the points that an interrupted filling goes on from. */
const saveInterval = 10;

/**
 * Sees to it that the entry's file is there, and whole: computes what is missing. Returns false when it was stopped.
 * @throws CacheInUse when another process fills the same file
 */
export async function fillCache(
  entry: CacheEntry,
  teacher: () => Promise<Teacher>,
  filling: Filling,
): Promise<boolean> {
  const { train, views, grid, threads, title, stopped, note, onProgress } = filling;
  const path = pathOf(entry);
  const found = await openCache(path, entry.key);
  if (typeof found !== 'string') {
    try {
      if (await found.isWhole()) return true;
    } finally {
      await found.close();
    }
  }
  note(
    `Teacher outputs are computed: ${
      typeof found === 'string' ? await reason(entry, found) : `${path} does not match its digest`
    }`,
  );
  await mkdir(entry.folder, { recursive: true });
  const { form, outputs } = await teacher();
  const classes = form.kind === 'logits' ? form.shape[1] : classesOf(form.classifier);
  const rows = form.kind === 'logits' ? form.shape[0] : rowsOf(grid);
  const records = views * train.size;
  const what = { title, key: entry.key, shape: [rows, classes] as [number, number], records };
  const writer = await writeCache(path, what, (why) => note(`${path}.partial is begun anew: ${why}`));
  try {
    let saved = performance.now();
    for (let view = Math.floor(writer.written / train.size); view < views; view += 1) {
      // Batches begin where they did before an interruption, whatever was saved between them.
      const skip = Math.floor((writer.written - view * train.size) / batchSize);
      for await (const batch of train.batches({ batchSize, view, skip })) {
        const done = writer.written - view * train.size - batch.positions[0];
        const logits = logitRows(sideOf(form, await outputs(batch), batch.size), grid, threads);
        await writer.append(logits.subarray((done * logits.length) / batch.size));
        onProgress?.(writer.written);
        if (stopped() && writer.written < records) {
          await writer.save();
          return false;
        }
        if (performance.now() - saved > saveInterval * 1000) {
          await writer.save();
          saved = performance.now();
        }
      }
    }
    await writer.finish();
    return true;
  } finally {
    await writer.close();
  }
}

/** Why the entry's file is of no use; if it is not there, what other files of the same teacher there are. */
async function reason(entry: CacheEntry, why: string): Promise<string> {
  const own = nameOf(entry);
  const names = await readdir(entry.folder).catch((): string[] => []);
  if (names.includes(own)) return `${join(entry.folder, own)}: ${why}`;
  const others: string[] = [];
  for (const name of names.filter((name) => name.startsWith(prefixOf(entry.teacher)) && name.endsWith(suffix))) {
    const header = await readCacheHeader(join(entry.folder, name));
    const difference = typeof header === 'object' ? differences(header.key, entry.key) : header;
    if (difference) others.push(`${name}: ${difference}`);
  }
  return [`${entry.folder} has none of this teacher for these images`, ...others].join('; ');
}
