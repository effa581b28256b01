import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CifarFormat } from './cifar-formats.js';
import type { RawImages } from './split.js';

/** A file of fixed-size records: label bytes, then 3 × 32 × 32 pixel bytes. */
export interface RecordFile {
  path: string;
  records: number;
}

const pixelBytes = 3 * 32 * 32;

const recordBytes = (format: CifarFormat): number => format.labelRanges.length + pixelBytes;

const advice = (format: CifarFormat): string =>
  `Download ${format.archive} (the "binary version"), unpack it and give the folder ${format.folder} or its parent.`;

/** The folder with the set's files: `dir` itself, or the archive's folder inside it. */
export async function findFolder(format: CifarFormat, dir: string): Promise<string> {
  const names = [...format.train, ...format.test];
  for (const folder of [dir, join(dir, format.folder)]) {
    const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
    if (sizes.some((size) => size !== undefined)) return folder;
  }
  const isFolder = await stat(dir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  throw new Error(
    `${dir}: expected the folder with ${names.join(', ')} of ${format.name}, or its parent, ` +
      `found ${isFolder ? 'none of these files' : 'no such folder'}. ${advice(format)}`,
  );
}

/** Sizes of the named files, checked to be whole records. */
export async function recordFiles(
  format: CifarFormat,
  folder: string,
  names: readonly string[],
): Promise<RecordFile[]> {
  const bytes = recordBytes(format);
  const files: RecordFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const size = await sizeOf(path);
    if (size === undefined) {
      throw new Error(`${path}: expected this file of ${format.name}, found none. ${advice(format)}`);
    }
    if (size === 0 || size % bytes !== 0) {
      throw new Error(
        `${path}: expected a whole number of records of ${bytes} bytes (${format.labelRanges.length} for labels, ` +
          `${pixelBytes} for pixels), found ${size} bytes, which is ${Math.floor(size / bytes)} records and ` +
          `${size % bytes} bytes: the file is truncated or not the binary version. ${advice(format)}`,
      );
    }
    files.push({ path, records: size / bytes });
  }
  return files;
}

/** Size of a regular file in bytes; undefined when there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const entry = await stat(path);
    return entry.isFile() ? entry.size : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Opens the files for one pass. `recordOf` turns a position of the split into a record number over all files. */
export async function openRecords(
  format: CifarFormat,
  files: RecordFile[],
  recordOf: (position: number) => number,
): Promise<{ read(positions: Int32Array): Promise<RawImages>; close(): Promise<void> }> {
  const handles: FileHandle[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  try {
    for (const file of files) handles.push(await open(file.path));
  } catch (error) {
    await close();
    throw error;
  }
  const read = async (positions: Int32Array): Promise<RawImages> => {
    const planes = new Uint8Array(positions.length * pixelBytes);
    const labels = new Int32Array(positions.length);
    await Promise.all(
      runs(positions, files, recordOf).map(async ({ file, record, first, length }) => {
        const bytes = recordBytes(format);
        const buffer = new Uint8Array(length * bytes);
        const path = files[file].path;
        await readFully(handles[file], buffer, record * bytes, path);
        for (let i = 0; i < length; i++) {
          const at = i * bytes;
          labels[first + i] = checkedLabel(format, buffer.subarray(at, at + bytes), path, record + i);
          planes.set(buffer.subarray(at + bytes - pixelBytes, at + bytes), (first + i) * pixelBytes);
        }
      }),
    );
    return { planes, labels };
  };
  return { read, close };
}

/** Neighbours in a file that are neighbours in the batch are read at once: an unshuffled batch is one read. */
function runs(
  positions: Int32Array,
  files: RecordFile[],
  recordOf: (position: number) => number,
): { file: number; record: number; first: number; length: number }[] {
  const result: { file: number; record: number; first: number; length: number }[] = [];
  for (let first = 0; first < positions.length; first++) {
    let record = recordOf(positions[first]);
    let file = 0;
    while (record >= files[file].records) record -= files[file++].records;
    const last = result.at(-1);
    if (last !== undefined && last.file === file && last.record + last.length === record) last.length++;
    else result.push({ file, record, first, length: 1 });
  }
  return result;
}

async function readFully(handle: FileHandle, buffer: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) {
      throw new Error(
        `${path}: expected ${buffer.length} bytes at ${position}, found the end of the file after ${done}: ` +
          'the file has become shorter since it was opened',
      );
    }
    done += bytesRead;
  }
}

/** The label of a record, every label byte checked. */
function checkedLabel(format: CifarFormat, record: Uint8Array, path: string, number: number): number {
  let label = 0;
  format.labelRanges.forEach((range, i) => {
    label = record[i];
    if (label >= range) {
      throw new Error(
        `${path}: expected a label of 0 to ${range - 1} in byte ${i} of record ${number}, found ${label}: ` +
          `the file is damaged or not the binary version of ${format.name}. ${advice(format)}`,
      );
    }
  });
  return label;
}
