/** Objectives that need nothing but labels. */
import { tf } from './backend.js';
import type { Network } from './networks.js';
import type { Objective } from './train.js';

/** Mean cross-entropy of the network's logits with the labels. */
export function crossEntropy(network: Network, classes: number): Objective {
  let task = 0;
  return {
    loss(features, labels) {
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
      const loss = tf.losses.softmaxCrossEntropy(targets, network.logits(features)) as tf.Scalar;
      task = loss.dataSync()[0]!;
      return loss;
    },
    terms: () => ({ task }),
  };
}
