// Files of the IDX form, as Fashion-MNIST and MNIST have them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** An IDX file of unsigned bytes. */
export function idx(axes: number[], bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * axes.length);
  header.writeUInt8(8, 2);
  header.writeUInt8(axes.length, 3);
  axes.forEach((extent, i) => header.writeUInt32BE(extent, 4 + 4 * i));
  return Buffer.concat([header, bytes]);
}

/** Any byte will do for a pixel, as long as a test can tell from where it came. */
export const idxPixel = (image: number, y: number, x: number): number => (image * 37 + y * 28 + x) % 256;

/** Images whose labels go round, as the two files of a part. */
function part(count: number, first: number): { images: Buffer; labels: Buffer } {
  const pixels = Uint8Array.from({ length: count * 784 }, (_, i) =>
    idxPixel(first + Math.floor(i / 784), Math.floor((i % 784) / 28), i % 28),
  );
  return {
    images: idx([count, 28, 28], pixels),
    labels: idx(
      [count],
      Uint8Array.from({ length: count }, (_, i) => (first + i) % 10),
    ),
  };
}

/** Writes the four files, the training images packed. @returns the folder */
export function writeIdxFiles(folder: string, train: number, test: number): string {
  mkdirSync(folder, { recursive: true });
  const [trained, tested] = [part(train, 0), part(test, 1000)];
  writeFileSync(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(trained.images));
  writeFileSync(join(folder, 'train-labels-idx1-ubyte'), trained.labels);
  writeFileSync(join(folder, 't10k-images-idx3-ubyte'), tested.images);
  writeFileSync(join(folder, 't10k-labels-idx1-ubyte'), tested.labels);
  return folder;
}
