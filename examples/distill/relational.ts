/** The distance-wise loss of relational knowledge distillation (Park, Kim, Lu, Cho, CVPR 2019), in operations of tfjs. */
import { tf } from '../tfjs/backend.js';

/** Under the root, so that its slope stays finite where two rows are equal. */
const smallestSquare = 1e-12;

/** Euclidean distances [n, n] between rows [n, c], divided by the mean over the pairs of different rows. */
export function relativeDistances(rows: tf.Tensor2D): tf.Tensor2D {
  const n = rows.shape[0];
  const squares = tf.sum(tf.square(rows), 1, true);
  const products = tf.matMul(rows, rows, false, true);
  const squared = tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(products, 2));
  // Rounding can make a small square negative. The diagonal is 0 by definition, and gets no gradient.
  const others = tf.sub(1, tf.eye(n)) as tf.Tensor2D;
  const distances = tf.mul(tf.sqrt(tf.maximum(squared, smallestSquare)), others);
  return tf.div(distances, tf.maximum(tf.mean(distances), smallestSquare).mul(n / Math.max(1, n - 1))) as tf.Tensor2D;
}

/** Mean Huber loss (threshold 1) over all pairs of the two networks' relative distances. */
export function distanceLoss(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar {
  const difference = tf.abs(tf.sub(relativeDistances(student), relativeDistances(teacher)));
  const quadratic = tf.minimum(difference, 1);
  return tf.mean(tf.add(tf.mul(tf.square(quadratic), 0.5), tf.sub(difference, quadratic))) as tf.Scalar;
}
