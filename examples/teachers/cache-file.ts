/**
 * The file of a teacher's logits: one record of float32 numbers per view of a training image, all images in the order in
 * which the data set stores them in the first view, then all of them in the next one. It is written from the front, and can
 * be gone on with after an interruption; it is read by number.
 *
 *     header        4096 bytes: JSON, filled up with spaces
 *     records       views x images x logit rows x classes, little-endian
 *
 * Until all records are there the file is called `.partial`. Its header says how many of them are certain: they were on
 * the disk before it was written, and their digest is in it.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { endianness } from 'node:os';
import { syncFolder } from '../training/files.js';
import { TeacherError } from './types.js';

/** What the outputs depend on, each as a sha256. */
export interface CacheKey {
  /** The model's file, or the network's weights. */
  model: string;
  /** All training images, in order, as the network gets them. */
  data: string;
  /** What is taken from the model, how images are prepared for it, in which views they are seen, and the grid of cells. */
  options: string;
}

export interface CacheHeader {
  format: 'gld-loss teacher outputs 2';
  /** For people: which teacher, which data. */
  title: string;
  key: CacheKey;
  /** Logit rows of an image, and classes. */
  shape: LogitShape;
  /** Number of records. */
  records: number;
  /** The first so many records are there. */
  written: number;
  /** sha256 of these records. */
  sha256: string;
  /** Of the process that writes the file. */
  writer: number;
}

/** [rows, classes] */
export type LogitShape = [number, number];

const headerBytes = 4096;
const format = 'gld-loss teacher outputs 2';

const recordBytes = ([rows, classes]: LogitShape): number => 4 * rows * classes;

if (endianness() !== 'LE') throw new Error('files of teacher outputs are little-endian; this machine is not');

/** The header; undefined when there is no such file, a text that says what is wrong when it is none of ours. */
export async function readCacheHeader(path: string): Promise<CacheHeader | string | undefined> {
  const file = await openIfThere(path, 'r');
  if (!file) return undefined;
  try {
    return await headerOf(file);
  } finally {
    await file.close();
  }
}

async function headerOf(file: FileHandle): Promise<CacheHeader | string> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
  if (bytesRead < headerBytes) return `it ends after ${bytesRead} bytes`;
  try {
    const header = JSON.parse(buffer.toString()) as CacheHeader;
    return header.format === format ? header : `its format is '${header.format}'`;
  } catch {
    return 'its header is damaged';
  }
}

/** What of two keys differs, in words; undefined when nothing does. */
export function differences(found: CacheKey, expected: CacheKey): string | undefined {
  const words = { model: 'another model', data: 'other images', options: 'other options of the teacher' };
  const names = (Object.keys(words) as (keyof CacheKey)[]).filter((name) => found[name] !== expected[name]);
  return names.length > 0 ? `it belongs to ${names.map((name) => words[name]).join(' and ')}` : undefined;
}

/** A finished file, open for reading. */
export interface CacheReader {
  shape: LogitShape;
  /** Records of these numbers, one after the other. */
  read(numbers: Int32Array): Promise<Float32Array>;
  /** Reads everything; false when it is not what was written. */
  isWhole(): Promise<boolean>;
  close(): Promise<void>;
}

/** A finished file with this key. @returns a text that says why there is none */
export async function openCache(path: string, key: CacheKey): Promise<CacheReader | string> {
  const file = await openIfThere(path, 'r');
  if (!file) return 'it is not there';
  const reader = await readerOf(file, key);
  if (typeof reader === 'string') await file.close();
  return reader;
}

async function readerOf(file: FileHandle, key: CacheKey): Promise<CacheReader | string> {
  const header = await headerOf(file);
  if (typeof header === 'string') return header;
  const wrong = differences(header.key, key);
  if (wrong) return wrong;
  const { shape, records, written, sha256 } = header;
  const size = recordBytes(shape);
  const expected = headerBytes + records * size;
  const actual = (await file.stat()).size;
  if (written !== records || actual !== expected) return `it has ${actual} bytes and not ${expected}`;
  return {
    shape,
    async read(numbers) {
      const values = new Float32Array((numbers.length * size) / 4);
      const bytes = Buffer.from(values.buffer);
      await Promise.all(
        Array.from(numbers, async (number, i) => {
          const { bytesRead } = await file.read(bytes, i * size, size, headerBytes + number * size);
          if (bytesRead < size) throw new Error(`teacher outputs: record ${number} is not in the file any more`);
        }),
      );
      return values;
    },
    isWhole: async () => (await digestOf(file, expected - headerBytes)).digest('hex') === sha256,
    close: () => file.close(),
  };
}

/** Digest of so many bytes after the header. */
async function digestOf(file: FileHandle, length: number): Promise<Hash> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1 << 20);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - at), headerBytes + at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash;
}

/** A file that is being written. */
export interface CacheWriter {
  /** Records that are there. */
  readonly written: number;
  /** The next records. */
  append(logits: Float32Array): Promise<void>;
  /** Makes certain what was written so far. */
  save(): Promise<void>;
  /** After the last record: gives the file its name. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Raised when another process is at the same file. */
export class CacheInUse extends TeacherError {}

/**
 * Begins a file, or goes on with what an interrupted writer has left.
 *
 * @param why gets a line about a partial file that is of no use
 * @throws CacheInUse
 */
export async function writeCache(
  path: string,
  what: { title: string; key: CacheKey; shape: LogitShape; records: number },
  why: (text: string) => void,
): Promise<CacheWriter> {
  const partial = `${path}.partial`;
  const { title, key, shape, records } = what;
  const header: CacheHeader = {
    format,
    title: title.slice(0, 200),
    key,
    shape,
    records,
    written: 0,
    sha256: '',
    writer: process.pid,
  };
  const size = recordBytes(shape);
  const file = (await openIfThere(partial, 'r+')) ?? (await open(partial, 'wx+'));
  try {
    let hash = createHash('sha256');
    const left = await leftOver(file, partial, key);
    if (typeof left === 'object') {
      ({ hash } = left);
      header.written = left.written;
    } else {
      if (left) why(left);
      await file.truncate();
    }
    const save = async () => {
      await file.datasync();
      header.sha256 = hash.copy().digest('hex');
      await file.write(Buffer.from(JSON.stringify(header).padEnd(headerBytes)), 0, headerBytes, 0);
      await file.datasync();
    };
    await save();
    return {
      get written() {
        return header.written;
      },
      async append(logits) {
        const bytes = Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);
        await file.write(bytes, 0, bytes.length, headerBytes + header.written * size);
        hash.update(bytes);
        header.written += bytes.length / size;
      },
      save,
      async finish() {
        if (header.written !== records) throw new Error(`teacher outputs: ${header.written} of ${records} records`);
        await file.truncate(headerBytes + records * size);
        await save();
        await rename(partial, path);
        await syncFolder(path);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What of a partial file is certain. @returns a text that says why nothing is; undefined for a new file */
async function leftOver(
  file: FileHandle,
  path: string,
  key: CacheKey,
): Promise<{ written: number; hash: Hash } | string | undefined> {
  if ((await file.stat()).size === 0) return undefined;
  const header = await headerOf(file);
  if (typeof header === 'string') return header;
  const { shape, writer, written, sha256 } = header;
  if (writer !== process.pid && isAlive(writer)) {
    throw new CacheInUse(
      `${path}: process ${writer} is writing this file; wait for it, or name another folder ` +
        'with --teacher-cache. If that process is none of this program, remove the file',
    );
  }
  const wrong = differences(header.key, key);
  if (wrong) return wrong;
  const hash = await digestOf(file, written * recordBytes(shape));
  return hash.copy().digest('hex') === sha256 ? { written, hash } : 'its records do not match their digest';
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function openIfThere(path: string, flags: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
