/**
 * The file of a teacher's outputs: one record of float32 numbers per training image, in the order in which the data set
 * stores them. It is written from the front, and can be gone on with after an interruption; it is read by position.
 *
 *     header        4096 bytes: JSON, filled up with spaces
 *     classifier    its weight and bias, so that the file stands for the teacher; nothing for a teacher of logits
 *     records       images x numbers per image
 *
 * All numbers are little-endian.
 *
 * Until all images are there the file is called `.partial`. Its header says how many of them are certain: they were on
 * the disk before it was written, and their digest is in it.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { endianness } from 'node:os';
import { syncFolder } from '../training/files.js';
import { type Form, TeacherError } from './types.js';

/** What the outputs depend on, each as a sha256. */
export interface CacheKey {
  /** The model's file, or the network's weights. */
  model: string;
  /** All training images, in order, as the network gets them. */
  data: string;
  /** What is taken from the model, and how images are prepared for it. */
  options: string;
}

export interface CacheHeader {
  format: 'gld-loss teacher outputs 1';
  /** For people: which teacher, which data. */
  title: string;
  key: CacheKey;
  /** What the outputs are; of the classifier's tensors the shapes. */
  form: Written;
  /** Training images. */
  images: number;
  /** The first so many records are there. */
  written: number;
  /** sha256 of the classifier and these records. */
  sha256: string;
  /** Of the process that writes the file. */
  writer: number;
}

/** A form whose numbers are elsewhere. */
type Written =
  | (Omit<Extract<Form, { kind: 'features' }>, 'classifier'> & {
      classifier: { weight: number[]; weightLayout: 'KC' | 'CK'; bias?: number[] };
    })
  | Extract<Form, { kind: 'logits' }>;

const headerBytes = 4096;
const format = 'gld-loss teacher outputs 1';

function toWritten(form: Form): Written {
  if (form.kind === 'logits') return form;
  const {
    classifier: { weight, weightLayout, bias },
  } = form;
  return { ...form, classifier: { weight: weight.shape, weightLayout, ...(bias ? { bias: bias.shape } : {}) } };
}

/** The numbers that toWritten leaves out. */
function constantsOf(form: Form): Float32Array[] {
  if (form.kind === 'logits') return [];
  const { weight, bias } = form.classifier;
  return bias ? [weight.data, bias.data] : [weight.data];
}

function fromWritten(form: Written, constants: Float32Array): Form {
  if (form.kind === 'logits') return form;
  const {
    classifier: { weight, weightLayout, bias },
  } = form;
  const count = extent(weight);
  return {
    ...form,
    classifier: {
      weight: { data: constants.subarray(0, count), shape: weight },
      weightLayout,
      ...(bias ? { bias: { data: constants.subarray(count), shape: bias } } : {}),
    },
  };
}

const extent = (shape: number[]) => shape.reduce((product, size) => product * size, 1);

/** Bytes of the classifier, and of one record. */
function sizes(form: Written): { constants: number; record: number } {
  const { weight = [0], bias = [0] } = form.kind === 'features' ? form.classifier : {};
  return { constants: 4 * (extent(weight) + extent(bias)), record: 4 * extent(form.shape) };
}

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
  form: Form;
  /** Records of the images at these positions, one after the other. */
  read(positions: Int32Array): Promise<Float32Array>;
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
  const { form, images, written, sha256 } = header;
  const { constants, record: size } = sizes(form);
  const begin = headerBytes + constants;
  const expected = begin + images * size;
  const actual = (await file.stat()).size;
  if (written !== images || actual !== expected) return `it has ${actual} bytes and not ${expected}`;
  const classifier = new Float32Array(constants / 4);
  await file.read(Buffer.from(classifier.buffer), 0, constants, headerBytes);
  return {
    form: fromWritten(form, classifier),
    async read(positions) {
      const records = new Float32Array((positions.length * size) / 4);
      const bytes = Buffer.from(records.buffer);
      await Promise.all(
        Array.from(positions, async (position, i) => {
          const { bytesRead } = await file.read(bytes, i * size, size, begin + position * size);
          if (bytesRead < size) throw new Error(`teacher outputs: image ${position} is not in the file any more`);
        }),
      );
      return records;
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
  /** Images that are there already. */
  written: number;
  /** Outputs of the next images. */
  append(outputs: Float32Array): Promise<void>;
  /** Makes certain what was written so far. */
  save(): Promise<void>;
  /** After the last image: gives the file its name. */
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
  what: { title: string; key: CacheKey; form: Form; images: number },
  why: (text: string) => void,
): Promise<CacheWriter> {
  const partial = `${path}.partial`;
  const { title, key, form, images } = what;
  const header: CacheHeader = {
    format,
    title: title.slice(0, 200),
    key,
    form: toWritten(form),
    images,
    written: 0,
    sha256: '',
    writer: process.pid,
  };
  const { constants, record: size } = sizes(header.form);
  const begin = headerBytes + constants;
  const file = (await openIfThere(partial, 'r+')) ?? (await open(partial, 'wx+'));
  try {
    let hash = createHash('sha256');
    const put = async (numbers: Float32Array, at: number) => {
      const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
      await file.write(bytes, 0, bytes.length, at);
      hash.update(bytes);
      return at + bytes.length;
    };
    const left = await leftOver(file, partial, key);
    if (typeof left === 'object') {
      ({ hash } = left);
      header.written = left.written;
    } else {
      if (left) why(left);
      await file.truncate();
      let at = headerBytes;
      for (const numbers of constantsOf(form)) at = await put(numbers, at);
    }
    const save = async () => {
      await file.datasync();
      header.sha256 = hash.copy().digest('hex');
      await file.write(Buffer.from(JSON.stringify(header).padEnd(headerBytes)), 0, headerBytes, 0);
      await file.datasync();
    };
    await save();
    return {
      written: header.written,
      async append(outputs) {
        const end = await put(outputs, begin + header.written * size);
        header.written = (end - begin) / size;
      },
      save,
      async finish() {
        if (header.written !== images) throw new Error(`teacher outputs: ${header.written} of ${images} images`);
        await file.truncate(begin + images * size);
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
  const { form, writer, written, sha256 } = header;
  if (writer !== process.pid && isAlive(writer)) {
    throw new CacheInUse(
      `${path}: process ${writer} is writing this file; wait for it, or name another folder ` +
        'with --teacher-cache. If that process is none of this program, remove the file',
    );
  }
  const wrong = differences(header.key, key);
  if (wrong) return wrong;
  const { constants, record } = sizes(form);
  const hash = await digestOf(file, constants + written * record);
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
