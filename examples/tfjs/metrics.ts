/** Accuracy of a network. */
import type { Dataset, Split } from '../data/types.js';
import { tf } from './backend.js';
import type { Network } from './networks.js';

const evaluationBatch = 200;

/** Share of the split's images whose largest logit is that of their label. */
export async function evaluate(network: Network, data: Dataset, split: Split): Promise<number> {
  let correct = 0;
  for await (const { images, labels, size } of split.batches({ batchSize: evaluationBatch })) {
    const predicted = tf.tidy(() => {
      const input = tf.tensor4d(images, [size, data.height, data.width, data.channels]);
      return tf.argMax(network.logits(network.features(input, false)), 1).dataSync();
    });
    for (let i = 0; i < size; i++) if (predicted[i] === labels[i]) correct++;
  }
  return correct / split.size;
}
