/** Outputs of a teacher that are computed once, kept in a folder, and read from there in every epoch. */
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../data/index.js';
import { type CacheKey, differences, openCache, readCacheHeader, writeCache } from './cache-file.js';
import type { Teacher } from './types.js';

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
 * A teacher that reads its outputs of the training images, unaugmented, from the entry's file; other images are not in it.
 * @returns a text that says why it cannot
 */
export async function cachedTeacher(entry: CacheEntry): Promise<Teacher | string> {
  const reader = await openCache(pathOf(entry), entry.key);
  if (typeof reader === 'string') return reader;
  return {
    form: reader.form,
    outputs: ({ positions }) => reader.read(positions),
    dispose: () => reader.close(),
  };
}

export interface Filling {
  data: Dataset;
  /** For people: which teacher, which data. */
  title: string;
  /** Called after every batch with the images done. */
  onProgress?(images: number): void;
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
  const {
    data: { train },
    title,
    stopped,
    note,
    onProgress,
  } = filling;
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
  const what = { title, key: entry.key, form, images: train.size };
  const writer = await writeCache(path, what, (why) => note(`${path}.partial is begun anew: ${why}`));
  try {
    let saved = performance.now();
    // Batches begin where they did before an interruption, whatever was saved between them.
    for await (const batch of train.batches({ batchSize, skip: Math.floor(writer.written / batchSize) })) {
      const done = writer.written - batch.positions[0];
      const computed = await outputs(batch);
      await writer.append(computed.subarray((done * computed.length) / batch.size));
      onProgress?.(writer.written);
      if (stopped() && writer.written < train.size) {
        await writer.save();
        return false;
      }
      if (performance.now() - saved > saveInterval * 1000) {
        await writer.save();
        saved = performance.now();
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
