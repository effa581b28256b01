/** The loss written with the operations of TensorFlow.js, whose own differentiation the adapter is held against. */
import { present } from '../../../tools/present.js';
import { usualRelation, type OpsOptions } from '../cases.js';
import { tf } from '../../support/tfjs.js';

export interface OpsSide {
  /** [n, H, W, C] */
  features?: tf.Tensor;
  /** [C, K] */
  weight?: tf.Tensor;
  /** [K] */
  bias?: tf.Tensor;
  /** [n, R, K] */
  logits?: tf.Tensor;
}

/** The loss of logits or features; `labels` are probabilities [n, K]. */
export function opsLoss(teacher: OpsSide, student: OpsSide, labels?: tf.Tensor, options: OpsOptions = {}): tf.Scalar {
  const { alpha = 0.7, beta = 500, localWeight = 1, grid = [2, 2], temperature } = options;
  const zt = logitsOf(teacher, grid);
  const zs = logitsOf(student, grid);
  const [n, rows, classes] = zs.shape;
  const rowsOf = (z: tf.Tensor, first: number, count: number) =>
    tf.reshape(tf.slice(z, [0, first, 0], [n, count, classes]), [n * count, classes]);
  const kd = (first: number, count: number) =>
    tf.div(distillation(rowsOf(zt, first, count), rowsOf(zs, first, count), temperature), n);

  const local = rows > 1 ? kd(1, rows - 1) : tf.scalar(0);
  const loss = tf.addN([
    tf.mul(kd(0, 1), alpha),
    tf.mul(local, localWeight),
    tf.mul(relation(rowsOf(zt, 0, rows), rowsOf(zs, 0, rows)), beta),
  ]);
  if (labels === undefined) return loss as tf.Scalar;
  const task = tf.neg(tf.div(tf.sum(tf.mul(labels, tf.logSoftmax(rowsOf(zs, 0, 1)))), n));
  return tf.add(loss, tf.mul(task, 1 - alpha)) as tf.Scalar;
}

function logitsOf({ features, weight, bias, logits }: OpsSide, grid: readonly [number, number]): tf.Tensor {
  if (logits) return logits;
  const [n, height, width, channels] = present(features).shape;
  const mean = (y: number, x: number, h: number, w: number) =>
    tf.mean(tf.slice(present(features), [0, y, x, 0], [n, h, w, channels]), [1, 2]);
  const pooled = [mean(0, 0, height, width)];
  for (let i = 0; i < grid[0]; i++) {
    for (let j = 0; j < grid[1]; j++) {
      const [y, x] = [Math.floor((i * height) / grid[0]), Math.floor((j * width) / grid[1])];
      const [yEnd, xEnd] = [Math.ceil(((i + 1) * height) / grid[0]), Math.ceil(((j + 1) * width) / grid[1])];
      pooled.push(mean(y, x, yEnd - y, xEnd - x));
    }
  }
  const stacked = tf.reshape(tf.stack(pooled, 1), [n * pooled.length, channels]);
  const product = tf.matMul(stacked as tf.Tensor2D, weight as tf.Tensor2D);
  return tf.reshape(bias ? tf.add(product, bias) : product, [n, pooled.length, -1]);
}

/** Σ over the rows of KL(softmax(zt/σt) ‖ softmax(zs/σs)) with σ unbiased, or τ² times that with τ in place of σ. */
function distillation(zt: tf.Tensor, zs: tf.Tensor, temperature?: number): tf.Tensor {
  const scaled = (z: tf.Tensor) => tf.div(z, temperature ?? standardDeviation(z));
  const logP = tf.logSoftmax(scaled(zt));
  const divergence = tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, tf.logSoftmax(scaled(zs)))));
  return tf.mul(divergence, (temperature ?? 1) ** 2);
}

function standardDeviation(z: tf.Tensor): tf.Tensor {
  const centred = tf.sub(z, tf.mean(z, 1, true));
  return tf.sqrt(tf.div(tf.sum(tf.square(centred), 1, true), present(z.shape[1]) - 1));
}

function relation(zt: tf.Tensor, zs: tf.Tensor): tf.Tensor {
  const distances = (z: tf.Tensor) => {
    const d = tf.sum(tf.square(tf.sub(tf.expandDims(z, 1), tf.expandDims(z, 0))), 2);
    return tf.div(d, tf.sqrt(tf.sum(tf.square(d), 1, true)));
  };
  const ofRows = tf.sum(tf.square(tf.sub(distances(zt), distances(zs))), 1);
  return tf.div(tf.mean(ofRows), usualRelation.reduction.rows);
}
