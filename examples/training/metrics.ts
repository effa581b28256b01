/** Accuracy of a network. */
import type { Split } from '../data/types.js';
import { tf } from '../tfjs/backend.js';
import type { Network } from '../tfjs/networks.js';

const evaluationBatch = 200;

/** Share of the split's images whose largest logit is that of their label. */
export async function evaluate(network: Network, split: Split): Promise<number> {
  let correct = 0;
  for await (const { images, shape, labels, size } of split.batches({ batchSize: evaluationBatch })) {
    const predicted = tf.tidy(() =>
      tf.argMax(network.logits(network.features(tf.tensor4d(images, shape), false)), 1).dataSync(),
    );
    for (let i = 0; i < size; i++) if (predicted[i] === labels[i]) correct++;
  }
  return correct / split.size;
}
