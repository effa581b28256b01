/**
 * A network for semantic segmentation on the maps of a backbone, in the manner of DeepLabV3+ (Chen et al.,
 * "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", ECCV 2018).
 */
import type { Rng } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import { apply, convNorm, type MapShape, Parameters } from '../../tfjs/layers.js';
import { pyramidPooling, upsample } from './pyramid.js';

export interface HeadOptions {
  /** Shape of an early map of the backbone, which knows where edges are. */
  early: MapShape;
  /** Shape of its last map, which knows what is there. */
  last: MapShape;
  /** Height and width of the images. */
  image: readonly [number, number];
  /** Classes of pixels, the background among them. */
  classes: number;
  /** Rates of the pyramid's atrous convolutions. */
  rates: readonly number[];
  /** Filters of the pyramid and of the decoder. */
  filters: number;
  /** Filters to which the early map is reduced, so that it does not drown the other. */
  skipFilters: number;
  /** Prefix of the variables' names in a checkpoint, another than the backbone's. */
  scope: string;
  rng: Rng;
}

/** All of a segmentation network but its backbone. */
export interface SegmentationHead {
  parameters: Parameters;
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
  /** Logits [n, height, width, classes] of every pixel, from the backbone's maps for n images. */
  logits(early: tf.Tensor4D, last: tf.Tensor4D, training: boolean): tf.Tensor4D;
}

/** Builds pyramid and decoder with freshly drawn weights; free them with `parameters.dispose()`. */
export function segmentationHead(options: HeadOptions): SegmentationHead {
  const { early, last, image, classes, rates, filters, skipFilters, scope, rng } = options;
  const [height, width] = early;
  const parameters = new Parameters(scope);
  const pyramid = pyramidPooling(parameters, rng, last, rates, filters);
  const shared = { stride: 1, relu: true } as const;
  const skip = convNorm(parameters, rng, 'decoder/skip', early, { ...shared, filters: skipFilters, kernel: 1 });
  const both: MapShape = [height, width, filters + skipFilters];
  const first = convNorm(parameters, rng, 'decoder/conv1', both, { ...shared, filters, kernel: 3 });
  const second = convNorm(parameters, rng, 'decoder/conv2', first.output, { ...shared, filters, kernel: 3 });
  const deviation = Math.sqrt(1 / filters);
  const kernel = parameters.weight<tf.Tensor4D>('classifier/kernel', [1, 1, filters, classes], () =>
    rng.normal(0, deviation),
  );
  const bias = parameters.weight<tf.Tensor1D>('classifier/bias', [classes], () => 0);
  return {
    parameters,
    flops: [pyramid, skip, first, second].reduce(
      (sum, part) => sum + part.flops,
      2 * height * width * filters * classes,
    ),
    logits(early, last, training) {
      const what = upsample(pyramid.apply(last, training), height, width);
      const where = apply(skip, early, training);
      const joined = apply(second, apply(first, tf.concat([what, where], 3), training), training);
      return upsample(tf.add(tf.conv2d(joined, kernel, 1, 'valid'), bias) as tf.Tensor4D, ...image);
    },
  };
}
