/** The loss of a segmentation network. */
import { tf } from '../../tfjs/backend.js';
import { ignored } from './labels.js';

/**
 * Mean cross-entropy over all pixels that are not ignored; 0 when all are.
 * @param logits [n, height, width, classes]
 * @param labels n x height x width classes or `ignored`, image by image and row by row
 * @throws RangeError for another number of labels than pixels, or a label that is no class
 */
export function pixelCrossEntropy(logits: tf.Tensor4D, labels: Uint8Array): tf.Scalar {
  const classes = logits.shape[3];
  const pixels = logits.size / classes;
  if (labels.length !== pixels) {
    throw new RangeError(`labels: expected one for each of ${pixels} pixels, got ${labels.length}`);
  }
  const targets = new Float32Array(logits.size);
  let counted = 0;
  labels.forEach((label, at) => {
    if (label === ignored) return;
    if (label >= classes) throw new RangeError(`labels: expected classes below ${classes} or ${ignored}, got ${label}`);
    targets[at * classes + label] = 1;
    counted++;
  });
  // A row of zeros takes an ignored pixel out of the sum and of every gradient.
  const logLikelihood = tf.sum(tf.mul(tf.tensor4d(targets, logits.shape), tf.logSoftmax(logits)));
  return tf.div(tf.neg(logLikelihood), Math.max(1, counted));
}
