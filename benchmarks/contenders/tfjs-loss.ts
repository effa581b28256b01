/**
 * The loss written with the operations of TensorFlow.js, as one would who has no native library: vectorised, the
 * distances by their Gram matrix, tfjs' own differentiation.
 */
import * as tf from '@tensorflow/tfjs';
import { present } from '../../tools/present.js';
import type { Layout } from '../cases.js';

export type Named = Record<string, tf.Tensor>;

/** [n, C, H, W] or [n, H, W, C] → [n, 1 + L, C] */
export function pool(features: tf.Tensor, layout: Layout, grid: number): tf.Tensor {
  const [top, left] = layout === 'NCHW' ? [2, 3] : [1, 2];
  const [height, width] = [features.shape[top], features.shape[left]];
  const mean = (y: number, x: number, h: number, w: number) => {
    const begin = [0, 0, 0, 0];
    const size = [...features.shape];
    [begin[top], begin[left], size[top], size[left]] = [y, x, h, w];
    return tf.mean(tf.slice(features, begin, size), [top, left]);
  };
  const start = (i: number, length: number) => Math.floor((i * length) / grid);
  const end = (i: number, length: number) => Math.ceil(((i + 1) * length) / grid);
  const pooled = [mean(0, 0, height, width)];
  for (let i = 0; i < grid; i++) {
    for (let j = 0; j < grid; j++) {
      const [y, x] = [start(i, height), start(j, width)];
      pooled.push(mean(y, x, end(i, height) - y, end(j, width) - x));
    }
  }
  return tf.stack(pooled, 1);
}

export function classify(pooled: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return tf.add(tf.matMul(pooled as tf.Tensor2D, weight as tf.Tensor2D, false, true), bias);
}

export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const targets = tf.oneHot(labels as tf.Tensor1D, present(logits.shape[1]));
  return tf.neg(tf.div(tf.sum(tf.mul(targets, tf.logSoftmax(logits))), logits.shape[0]));
}

function normalized(z: tf.Tensor): tf.Tensor {
  const centred = tf.sub(z, tf.mean(z, 1, true));
  const variance = tf.div(tf.sum(tf.square(centred), 1, true), present(z.shape[1]) - 1);
  return tf.div(z, tf.sqrt(variance));
}

export function normalizedKd(teacher: tf.Tensor, student: tf.Tensor, samples: number): tf.Tensor {
  const logP = tf.logSoftmax(normalized(teacher));
  const logQ = tf.logSoftmax(normalized(student));
  return tf.div(tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ))), samples);
}

function relations(z: tf.Tensor): tf.Tensor {
  const squares = tf.sum(tf.square(z), 1, true);
  const products = tf.matMul(z as tf.Tensor2D, z as tf.Tensor2D, false, true);
  const distances = tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(products, 2));
  return tf.div(distances, tf.sqrt(tf.sum(tf.square(distances), 1, true)));
}

export function relation(teacher: tf.Tensor, student: tf.Tensor): tf.Tensor {
  return tf.mean(tf.square(tf.sub(relations(teacher), relations(student))));
}

export function gld(t: Named, layout: Layout, grid: number): tf.Tensor {
  const [alpha, beta] = [0.7, 500];
  const logits = (side: string) => {
    const pooled = pool(t[`${side}.features`], layout, grid);
    const [n, rows, channels] = pooled.shape as [number, number, number];
    const flat = tf.reshape(pooled, [n * rows, channels]);
    return tf.reshape(classify(flat, t[`${side}.weight`], t[`${side}.bias`]), [n, rows, -1]);
  };
  const [zt, zs] = [logits('teacher'), logits('student')];
  const [n, rows, K] = zs.shape as [number, number, number];
  const part = (z: tf.Tensor, first: number, count: number) =>
    tf.reshape(tf.slice(z, [0, first, 0], [n, count, K]), [n * count, K]);
  return tf.addN([
    tf.mul(crossEntropy(part(zs, 0, 1), t.labels), 1 - alpha),
    tf.mul(normalizedKd(part(zt, 0, 1), part(zs, 0, 1), n), alpha),
    normalizedKd(part(zt, 1, rows - 1), part(zs, 1, rows - 1), n),
    tf.mul(relation(part(zt, 0, rows), part(zs, 0, rows)), beta),
  ]);
}
