/** Objectives that need nothing but labels. */
import type { Batch } from '../data/types.js';
import type { Objective } from '../training/train.js';
import { tf } from './backend.js';
import type { Network } from './networks.js';

/** Mean cross-entropy of logits [n, classes] with labels. */
export function crossEntropyOf(logits: tf.Tensor2D, labels: Int32Array): tf.Scalar {
  const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), logits.shape[1]);
  return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
}

/** Mean cross-entropy of the network's logits with the labels. */
export function crossEntropy(network: Network): Objective<Batch> {
  let task = 0;
  return {
    loss({ images, shape, labels }) {
      const loss = crossEntropyOf(network.logits(network.features(tf.tensor4d(images, shape), true)), labels);
      task = loss.dataSync()[0];
      return loss;
    },
    terms: () => ({ task }),
  };
}
