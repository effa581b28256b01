/** The loss of a single shot detector: cross-entropy with hard negative mining, and smooth L1 on the boxes. */
import { tf } from '../../tfjs/backend.js';
import { negativesPerPositive } from './constants.js';
import type { Targets } from './matching.js';

/** What a detector says about the default boxes of n images. */
export interface Predictions {
  /** Logits [n, boxes, 1 + classes], of the background first. */
  classes: tf.Tensor3D;
  /** [n, boxes, 4], as `offsets` has them. */
  offsets: tf.Tensor3D;
}

/**
 * Which boxes count in the cross-entropy: 1 for every box with an object and, in each image, for the
 * `negativesPerPositive` times as many background boxes with the largest cross-entropy; 0 for the others. So an image
 * without objects counts nowhere, and easy background, of which there is most, does not drown everything else. Of equal
 * ones the first count.
 *
 * @param crossEntropies float32 values, one per box, image by image
 * @param classes likewise, 0 for the background
 * @param boxes number of boxes of each image
 */
export function mined(crossEntropies: ArrayLike<number>, classes: Int32Array, boxes: number): Float32Array {
  const chosen = Float32Array.from(classes, (of) => Number(of > 0));
  for (let first = 0; first < classes.length; first += boxes) {
    const negatives: number[] = [];
    for (let at = first; at < first + boxes; at++) if (classes[at] === 0) negatives.push(at);
    const ranked = Float32Array.from(negatives, (at) => crossEntropies[at]).sort();
    const count = Math.min(negatives.length, negativesPerPositive * (boxes - negatives.length));
    if (count === 0) continue;
    const least = ranked[ranked.length - count];
    let equal = count - ranked.reduce((larger, value) => larger + Number(value > least), 0);
    for (const at of negatives) {
      if (crossEntropies[at] > least || (crossEntropies[at] === least && equal-- > 0)) chosen[at] = 1;
    }
  }
  return chosen;
}

/** Where |x| < 1, x²/2, beyond |x| − 1/2; element by element. */
export function smoothL1(x: tf.Tensor): tf.Tensor {
  const size = tf.abs(x);
  const inner = tf.minimum(size, 1);
  return tf.mul(inner, tf.sub(size, tf.mul(inner, 0.5)));
}

/** The parts of the loss, each a sum over boxes divided by the number of boxes with objects; their sum is the loss. */
export interface DetectionLoss {
  classes: tf.Scalar;
  offsets: tf.Scalar;
}

/**
 * Liu et al. 2016, equation 1 with α = 1: cross-entropy over the boxes that `mined` chooses and smooth L1 over those
 * with objects, both divided by the number of boxes with objects in the batch. Zero where there is none.
 */
export function detectionLoss(predictions: Predictions, wanted: Targets): DetectionLoss {
  const [images, boxes, classes] = predictions.classes.shape;
  const count = images * boxes;
  const oneHot = tf.oneHot(tf.tensor1d(wanted.classes, 'int32'), classes);
  const logProbabilities = tf.logSoftmax(tf.reshape(predictions.classes, [count, classes]));
  const crossEntropies = tf.neg(tf.sum(tf.mul(oneHot, logProbabilities), 1));
  // The choice is made on values and is constant for the gradient.
  const chosen = tf.tensor1d(mined(crossEntropies.dataSync(), wanted.classes, boxes));
  const positive = Float32Array.from(wanted.classes, (of) => Number(of > 0));
  const positives = Math.max(
    1,
    positive.reduce((sum, value) => sum + value, 0),
  );
  const distance = tf.sub(tf.reshape(predictions.offsets, [count, 4]), tf.tensor2d(wanted.offsets, [count, 4]));
  const misplaced = tf.mul(smoothL1(distance), tf.tensor2d(positive, [count, 1]));
  return {
    classes: tf.div(tf.sum(tf.mul(chosen, crossEntropies)), positives) as tf.Scalar,
    offsets: tf.div(tf.sum(misplaced), positives) as tf.Scalar,
  };
}
