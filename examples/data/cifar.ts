import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFolder, openRecords, type RecordFile, recordFiles } from './cifar-files.js';
import { cifarFormats, cifarSide, type CifarFormat } from './cifar-formats.js';
import { createSplit, drawSome, drawTraining, type Preparation, type Source, viewsOf } from './split.js';
import type { Dataset, DatasetOptions } from './types.js';

/**
 * CIFAR-10 or CIFAR-100 from the files of its "binary version". The fine labels of CIFAR-100 are used. Images are read
 * record by record as they are needed: memory holds two batches at most, whatever the size of the files.
 * Augmentation (the usual one, and the paper's): 4 black pixels on every side, a random 32×32 window, a random flip.
 */
export async function loadCifar(
  name: 'cifar10' | 'cifar100',
  options: DatasetOptions & { dir: string },
): Promise<Dataset> {
  const format = cifarFormats[name];
  const folder = await findFolder(format, options.dir);
  const train = await recordFiles(format, folder, format.train);
  const test = await recordFiles(format, folder, format.test);
  const preparation: Preparation = {
    height: cifarSide,
    width: cifarSide,
    channels: 3,
    mean: format.mean,
    deviation: format.deviation,
    views: viewsOf([0, -4, -3, -2, -1, 1, 2, 3, 4], true),
    fill: 0,
  };
  const split = (files: RecordFile[], positions: Int32Array) =>
    createSplit(source(format, files, positions), preparation);
  const parts = drawTraining(recordsIn(train), options);
  const trainSplit = split(train, parts.train);
  const testSplit = split(test, drawSome('testSize', recordsIn(test), options.testSize, options.seed));
  const classes = await classNames(format, folder);
  return {
    name,
    description:
      `${classes.length} classes of photographs, 32×32 pixels: ${count(trainSplit.size, format.trainSize)} training ` +
      `and ${count(testSplit.size, format.testSize)} test images, read from the binary files`,
    classes,
    height: cifarSide,
    width: cifarSide,
    channels: 3,
    mean: format.mean,
    deviation: format.deviation,
    train: trainSplit,
    ...(parts.validation ? { validation: split(train, parts.validation) } : {}),
    test: testSplit,
  };
}

const recordsIn = (files: RecordFile[]): number => files.reduce((sum, { records }) => sum + records, 0);

/** The records at these positions of all files together. */
const source = (format: CifarFormat, files: RecordFile[], positions: Int32Array): Source => ({
  size: positions.length,
  open: () => openRecords(format, files, (position) => positions[position]),
});

/** One name per line; without the file, the numbers. */
async function classNames(format: CifarFormat, folder: string): Promise<string[]> {
  const length = format.labelRanges[format.labelRanges.length - 1];
  const path = join(folder, format.namesFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return Array.from({ length }, (_, i) => `class ${i}`);
  }
  const names = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length !== length) {
    throw new Error(`${path}: expected ${length} class names, one per line, found ${names.length}`);
  }
  return names;
}

const count = (size: number, published: number): string =>
  size === published ? size.toLocaleString('en') : `${size.toLocaleString('en')} of ${published.toLocaleString('en')}`;
