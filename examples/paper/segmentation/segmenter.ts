/** A whole segmentation network: how it is put together, trained and judged. */
import type { Batch, Rng, SceneSplit } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import type { Backbone } from '../../tfjs/networks.js';
import type { Objective } from '../../training/train.js';
import type { TunedNetwork } from '../tuning/worker.js';
import { Confusion } from './confusion.js';
import { labelMap, labelMaps } from './labels.js';
import { pixelCrossEntropy } from './loss.js';
import { type SegmentationHead, segmentationHead } from './network.js';
import type { HeadShape } from './settings.js';

export interface Segmenter extends TunedNetwork {
  head: SegmentationHead;
  /** Classes of pixels, the background among them. */
  classes: number;
  /** Images [n, h, w, c] to logits [n, h, w, classes]; `training` uses and updates batch statistics. */
  logits(images: tf.Tensor4D, training: boolean): tf.Tensor4D;
}

/**
 * Puts a freshly drawn head on a backbone, which becomes the network's own.
 *
 * @param rng decides the head's weights
 */
export function buildSegmenter(
  backbone: Backbone,
  { side, classes }: { side: number; classes: number },
  { skipStage, ...shape }: HeadShape,
  rng: Rng,
): Segmenter {
  const { stages } = backbone;
  const head = segmentationHead({
    ...shape,
    early: stages[skipStage - 1],
    last: stages[stages.length - 1],
    image: [side, side],
    classes,
    scope: 'head',
    rng,
  });
  return {
    backbone,
    head,
    classes,
    flops: backbone.flops + head.flops,
    logits(images, training) {
      const maps = backbone.maps(images, training);
      return head.logits(maps[skipStage - 1], maps[maps.length - 1], training);
    },
  };
}

/** The network's loss on batches of scenes. */
export function segmentationObjective(segmenter: Segmenter, { scenes }: SceneSplit): Objective<Batch, void> {
  let crossEntropy = 0;
  return {
    loss({ images, shape, labels }) {
      const wanted = labelMaps(Array.from(labels, (index) => scenes[index]));
      const loss = pixelCrossEntropy(segmenter.logits(tf.tensor4d(images, shape), true), wanted);
      crossEntropy = loss.dataSync()[0];
      return loss;
    },
    terms: () => ({ crossEntropy }),
  };
}

const evaluationBatch = 100;

/** The likeliest class of every pixel of every scene, and how that compares with what is there. */
export async function judge(
  segmenter: Segmenter,
  split: SceneSplit,
): Promise<{ confusion: Confusion; predicted: Uint8Array[] }> {
  const confusion = new Confusion(segmenter.classes);
  const predicted: Uint8Array[] = [];
  for await (const { images, shape, labels } of split.batches({ batchSize: evaluationBatch })) {
    const classes = tf.tidy(() => tf.argMax(segmenter.logits(tf.tensor4d(images, shape), false), 3).dataSync());
    const pixels = shape[1] * shape[2];
    labels.forEach((index, i) => {
      const found = Uint8Array.from(classes.subarray(i * pixels, (i + 1) * pixels));
      confusion.add(labelMap(split.scenes[index]), found);
      predicted.push(found);
    });
  }
  return { confusion, predicted };
}
