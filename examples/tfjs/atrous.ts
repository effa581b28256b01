/**
 * Atrous (dilated) convolution with gradients. tfjs computes the convolution itself but refuses to differentiate it when
 * the rate is above 1. Both gradients are convolutions again; with zeros outside of the map, stride 1 and p = r (k - 1)/2,
 * y[n,i,j,m] = sum_abc x[n, i+ra-p, j+rb-p, c] w[a,b,c,m] has
 *
 * - dx[n,i,j,c] = sum_abm dy[n, i-ra+p, j-rb+p, m] w[a,b,c,m]: the same convolution of dy with the filter turned around.
 * - dw[a,b,c,m] = sum_nij x[n, i+ra-p, j+rb-p, c] dy[n,i,j,m]: a convolution whose batch is c, whose channels are n, whose
 *   filter is dy and whose **stride** is r.
 */
import { tf } from './backend.js';

/**
 * Convolution of stride 1 with zero padding that keeps the map's size.
 * @param x [n, height, width, channels]
 * @param filter [k, k, channels, filters], k odd
 * @param rate distance between neighbouring taps in pixels, an integer of at least 1; 1 is the ordinary convolution
 * @returns [n, height, width, filters]
 * @throws RangeError for an even filter or a rate that is no such integer
 */
export function atrousConv2d(x: tf.Tensor4D, filter: tf.Tensor4D, rate: number): tf.Tensor4D {
  const [height, width] = filter.shape;
  if (height % 2 === 0 || width % 2 === 0) throw new RangeError(`filter: expected odd sides, got ${height}x${width}`);
  if (!Number.isInteger(rate) || rate < 1) throw new RangeError(`rate: expected an integer of at least 1, got ${rate}`);
  const vertical = (rate * (height - 1)) / 2;
  const horizontal = (rate * (width - 1)) / 2;
  const op = tf.customGrad((...args) => {
    const [x, filter, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    save([x, filter]);
    const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const [x, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
        const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
        const dx = tf.conv2d(dy, turned, 1, 'same', 'NHWC', rate);
        const dw = tf.conv2d(tf.transpose(x, [3, 1, 2, 0]), tf.transpose(dy, [1, 2, 0, 3]), rate, [
          [0, 0],
          [vertical, vertical],
          [horizontal, horizontal],
          [0, 0],
        ]);
        return [dx, tf.transpose(dw, [1, 2, 0, 3])];
      });
    return {
      value: tf.conv2d(x, filter, 1, 'same', 'NHWC', rate),
      gradFunc: gradFunc as (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
    };
  });
  return op(x, filter) as tf.Tensor4D;
}
