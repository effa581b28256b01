import type { Rng } from './rng.js';

/** One mini-batch, ready for a network. */
export interface Batch {
  /** Normalised images, NHWC. */
  images: Float32Array;
  /** [size, height, width, channels] */
  shape: [number, number, number, number];
  /** Class indices, shape [size], each in 0 … classes.length − 1. */
  labels: Int32Array;
  /** Where each image is in the stored order of its split, shape [size]. */
  positions: Int32Array;
  /** Which view of each image it is, shape [size], each in 0 … views − 1 of the split; 0 is the image as it is. */
  views: Int32Array;
  /** Number of images; the last batch of a pass may be smaller than the others. */
  size: number;
}

/** How to walk over a split once. */
export interface BatchOptions {
  /** Images per batch, an integer ≥ 1. */
  batchSize: number;
  /**
   * Draws the order of the images. Left out: the stored order. Everything is drawn when `batches` is called, so the
   * generator's state just before that call is all that is needed to see the same order again.
   */
  shuffle?: Rng | undefined;
  /**
   * Turns on the data set's random augmentation. One number is drawn when `batches` is called; the view of the image at
   * position i of the pass is then chosen by a generator of its own, made from that number and i, so that neither the batch
   * size nor `skip` changes it.
   */
  augment?: Rng | undefined;
  /** Without `augment`: the view in which all images are seen. Default 0, as they are. */
  view?: number | undefined;
  /** Leave out this many batches at the start, to go on in the middle of a pass. Default 0. */
  skip?: number | undefined;
}

/** The images of a data set that are for one purpose. */
export interface Split {
  /** Number of images. */
  size: number;
  /** Number of different views that augmentation makes of an image; 1 without augmentation. */
  views: number;
  /**
   * One pass over the split. Files, where there are any, are open only while the pass is being consumed.
   * @throws RangeError when batchSize, skip or view is not an integer in range.
   */
  batches(options: BatchOptions): AsyncIterable<Batch>;
}

/** An image classification set. */
export interface Dataset {
  /** The name given to `loadDataset`, or 'objects' for `singleObjects`. */
  name: DatasetName | 'objects';
  /** One sentence for a log or a report: what the images are and what decides the class. */
  description: string;
  /** Class names; a label is an index into this list. */
  classes: string[];
  height: number;
  width: number;
  channels: number;
  /** Per channel, of values in 0 … 1: images are normalised as (value − mean) / deviation. */
  mean: readonly number[];
  deviation: readonly number[];
  train: Split;
  /** What is looked at while networks are trained and their settings chosen; the test images are for the end then. */
  validation?: Split;
  test: Split;
}

export type DatasetName = 'shapes' | 'cifar10' | 'cifar100' | IdxName;
/** Sets whose files are of the IDX form, as MNIST's. */
export type IdxName = 'fashion-mnist' | 'mnist';

export interface DatasetOptions {
  /** Folder of the files, or for CIFAR its parent. Default where there is one: where a package puts them. */
  dir?: string | undefined;
  /** Decides the images of 'shapes', and which images are taken when a size is below what the files have. */
  seed: number;
  /** Number of training images. Default: 3000 for 'shapes', elsewhere all that are not for validation. */
  trainSize?: number | undefined;
  /** Number of images for validation, which are kept out of the training images. Default 0: there is no such split. */
  validationSize?: number | undefined;
  /** Number of test images. Default: 1000 for 'shapes', elsewhere all. */
  testSize?: number | undefined;
}
