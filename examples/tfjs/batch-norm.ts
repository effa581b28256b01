/**
 * Batch normalization over n, h, w of an NHWC map, with an optional ReLU, as one differentiable operation (Ioffe and
 * Szegedy, 2015). The tfjs composition (tf.moments, tf.batchNorm and their gradients) costs several times as much on
 * wasm, because it transposes for reductions and broadcasts slowly. Here channel means are average pools and every
 * per-channel "multiply, add, ReLU" is a 1x1 depthwise convolution with a bias: both are single XNNPACK calls.
 */
import { tf } from './backend.js';

/** Statistics of one batch, handed over so that the caller can keep running averages. Tensors are disposed after. */
export type StatisticsSink = (mean: tf.Tensor1D, variance: tf.Tensor1D, count: number) => void;

export const batchNormEpsilon = 1e-5;

/** Mean over n, h, w: [n,h,w,c] -> [c]. In two levels, which also keeps float32 rounding small. */
function channelMean(x: tf.Tensor4D): tf.Tensor1D {
  const [n, h, w, c] = x.shape;
  const perImage = tf.avgPool(x, [h, w], 1, 'valid');
  return tf.reshape(tf.avgPool(tf.reshape(perImage, [1, n, 1, c]), [n, 1], 1, 'valid') as tf.Tensor4D, [c]);
}

/** x * scale + shift per channel, then perhaps ReLU, which tfjs would not fuse where gradients are recorded. */
export function channelAffine(x: tf.Tensor4D, scale: tf.Tensor, shift: tf.Tensor, relu = false): tf.Tensor4D {
  const c = x.shape[3];
  const filter = tf.reshape(scale, [1, 1, c, 1]) as tf.Tensor4D;
  const affine = tf.fused.depthwiseConv2d({ x, filter, strides: 1, pad: 'valid', bias: tf.reshape(shift, [c]) });
  return relu ? tf.relu(affine) : affine;
}

/**
 * y = act((x - mean) / sqrt(variance + eps) * gamma + beta) with the mean and biased variance of this batch.
 * @param x [n, h, w, c]
 * @param gamma [c]
 * @param beta [c]
 */
export function batchNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  relu: boolean,
  statistics: StatisticsSink,
): tf.Tensor4D {
  const count = x.size / x.shape[3];
  const op = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as unknown as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const ones = tf.onesLike(gamma);
    const mean = channelMean(x);
    const centred = channelAffine(x, ones, tf.neg(mean));
    const variance = channelMean(tf.square(centred));
    const inverse = tf.rsqrt(tf.add(variance, batchNormEpsilon));
    const y = channelAffine(centred, tf.mul(gamma, inverse), beta, relu);
    statistics(mean, variance, count);
    // The centred map is recomputed in the backward pass instead of saved: a third less memory for deep networks.
    save([x, y, gamma, mean, inverse]);
    // Without the tidy, what is made on the way would live until the gradients of the whole network are done.
    const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const [x, y, gamma, mean, inverse] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
        const upstream = relu ? (tf.mul(dy, tf.step(y)) as tf.Tensor4D) : dy;
        const centred = channelAffine(x, tf.onesLike(gamma), tf.neg(mean));
        const meanUp = channelMean(upstream);
        const meanUpCentred = channelMean(tf.mul(upstream, centred));
        // dx = gamma/sigma (dy - <dy> - (x - mean)/sigma^2 <dy (x - mean)>), <> being means over the batch.
        const scale = tf.mul(gamma, inverse);
        const slope = tf.neg(tf.mul(tf.mul(scale, tf.square(inverse)), meanUpCentred));
        const dx = tf.add(
          channelAffine(upstream, scale, tf.neg(tf.mul(scale, meanUp))),
          channelAffine(centred, slope, tf.zerosLike(slope)),
        );
        return [dx, tf.mul(tf.mul(meanUpCentred, inverse), count), tf.mul(meanUp, count)];
      });
    return { value: y, gradFunc: gradFunc as (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[] };
  });
  return op(x, gamma, beta) as tf.Tensor4D;
}
