/** Sets of the MNIST kind, from their four files in the IDX form, packed by gzip or not. Format: yann.lecun.com/exdb/mnist */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { idxFormats } from './idx-formats.js';
import { createSplit, drawSome, drawTraining, memorySource, type RawImages, viewsOf } from './split.js';
import type { Dataset, DatasetOptions, IdxName } from './types.js';

const side = 28;
const perImage = side * side;

/**
 * Fashion-MNIST or MNIST. Augmentation: shifts by two pixels along both axes, and mirroring where the class does not change,
 * which makes 18 or 9 views of an image.
 */
export async function loadIdx(name: IdxName, { dir, testSize, ...options }: DatasetOptions): Promise<Dataset> {
  const { folder, advice, images, classes, mean, deviation, flip } = idxFormats[name];
  const read = (part: string) => readPart(dir ?? folder, part, classes.length, `${name}: ${advice}`);
  const [train, test] = await Promise.all([read('train'), read('t10k')]);
  const preparation = {
    ...{ height: side, width: side, channels: 1, mean: [mean], deviation: [deviation] },
    ...{ views: viewsOf([0, -2, 2], flip), fill: 0 },
  };
  const split = (raw: RawImages, positions: Int32Array) =>
    createSplit(memorySource(chosen(raw, positions), perImage), preparation);
  const parts = drawTraining(train.labels.length, options);
  const tested = drawSome('testSize', test.labels.length, testSize, options.seed);
  const counts = `${parts.train.length.toLocaleString('en')} of ${train.labels.length.toLocaleString('en')} training`;
  return {
    name,
    description:
      `${classes.length} classes of ${images}, ${side}×${side} pixels, grey: ${counts} and ` +
      `${tested.length.toLocaleString('en')} test images of ${name === 'mnist' ? 'MNIST' : 'Fashion-MNIST'}`,
    classes: [...classes],
    ...{ height: side, width: side, channels: 1, mean: [mean], deviation: [deviation] },
    train: split(train, parts.train),
    ...(parts.validation ? { validation: split(train, parts.validation) } : {}),
    test: split(test, tested),
  };
}

/** These images alone, so that the others need not be kept in memory. */
function chosen({ planes, labels }: RawImages, positions: Int32Array): RawImages {
  const own = new Uint8Array(positions.length * perImage);
  positions.forEach((position, i) =>
    own.set(planes.subarray(position * perImage, (position + 1) * perImage), i * perImage),
  );
  return { planes: own, labels: Int32Array.from(positions, (position) => labels[position]) };
}

async function readPart(folder: string, part: string, classes: number, advice: string): Promise<RawImages> {
  const [images, labels] = await Promise.all([
    readIdx(folder, `${part}-images-idx3-ubyte`, [side, side], advice),
    readIdx(folder, `${part}-labels-idx1-ubyte`, [], advice),
  ]);
  const count = labels.length;
  const pictures = images.length / perImage;
  if (pictures !== count) throw new Error(`${folder}: expected a label for each of ${pictures} images, got ${count}`);
  const wrong = labels.find((label) => label >= classes);
  if (wrong !== undefined) throw new Error(`${folder}: expected labels below ${classes}, got ${wrong}`);
  return { planes: images, labels: Int32Array.from(labels) };
}

/** The bytes of an IDX file of unsigned bytes whose items have these axes. */
async function readIdx(folder: string, name: string, axes: number[], advice: string): Promise<Uint8Array> {
  const { path, bytes } = await readEither(join(folder, name), advice);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 4 * (2 + axes.length);
  const magic = 0x0800 | (1 + axes.length);
  if (bytes.length < header || view.getUint32(0) !== magic) {
    throw new Error(`${path}: expected an IDX file of bytes with ${1 + axes.length} axes, found another (${advice})`);
  }
  const [items, ...extents] = Array.from({ length: 1 + axes.length }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = items * axes.reduce((product, extent) => product * extent, 1);
  if (extents.some((extent, i) => extent !== axes[i]) || bytes.length - header !== expected) {
    const found = `${items} of ${extents.join(' × ') || 'one byte'} in ${bytes.length - header} bytes`;
    throw new Error(`${path}: expected items of ${axes.join(' × ') || 'one byte'}, all there, found ${found}`);
  }
  return bytes.subarray(header);
}

/** The file as it is, or unpacked. */
async function readEither(path: string, advice: string): Promise<{ path: string; bytes: Uint8Array }> {
  const packed = `${path}.gz`;
  const found = await readFile(path).catch(orAbsent);
  if (found) return { path, bytes: found };
  const zipped = await readFile(packed).catch(orAbsent);
  if (!zipped) throw new Error(`${path}: expected this file, packed by gzip or not, found none (${advice})`);
  const bytes = await promisify(gunzip)(zipped).catch((error: Error) => {
    throw new Error(`${packed}: expected a file packed by gzip (${error.message})`);
  });
  return { path: packed, bytes };
}

function orAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
