/** Atrous spatial pyramid pooling (Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017). */
import type { Rng } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import { apply, convNorm, mapMean, type MapShape, type Parameters } from '../../tfjs/layers.js';

/** A part of a network whose passes in training and evaluation use the same operations. */
export interface Part {
  output: MapShape;
  /** Floating-point operations of one forward pass over one image (a multiply and an add are two). */
  flops: number;
}

export interface Pyramid extends Part {
  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D;
}

/**
 * One 1x1 convolution, a 3x3 convolution for each rate, and the mean of the whole map with a 1x1 convolution of its own,
 * all side by side; a last 1x1 convolution joins them. Every convolution has batch norm and ReLU and `filters` filters.
 */
export function pyramidPooling(
  parameters: Parameters,
  rng: Rng,
  input: MapShape,
  rates: readonly number[],
  filters: number,
): Pyramid {
  const [height, width, channels] = input;
  const shared = { filters, stride: 1, relu: true } as const;
  const branches = [
    convNorm(parameters, rng, 'pyramid/point', input, { ...shared, kernel: 1 }),
    ...rates.map((rate) => convNorm(parameters, rng, `pyramid/rate${rate}`, input, { ...shared, kernel: 3, rate })),
  ];
  const image = convNorm(parameters, rng, 'pyramid/image', [1, 1, channels], { ...shared, kernel: 1 });
  const joined: MapShape = [height, width, (branches.length + 1) * filters];
  const join = convNorm(parameters, rng, 'pyramid/join', joined, { ...shared, kernel: 1 });
  return {
    output: join.output,
    flops: [...branches, image, join].reduce((sum, layer) => sum + layer.flops, 0),
    apply(x, training) {
      const mean = tf.reshape(mapMean(x), [-1, 1, 1, channels]) as tf.Tensor4D;
      const maps = branches.map((branch) => apply(branch, x, training));
      const everywhere = upsample(apply(image, mean, training), height, width);
      return apply(join, tf.concat([...maps, everywhere], 3), training);
    },
  };
}

/**
 * Bilinear upsampling to height x width, corner to corner, as the authors of DeepLab do it. (With pixel centres at half
 * integers tfjs's forward and backward passes do not belong together.)
 */
export const upsample = (x: tf.Tensor4D, height: number, width: number): tf.Tensor4D =>
  tf.image.resizeBilinear(x, [height, width], true);
