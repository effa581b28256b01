/** A whole detector: how it is put together, trained and judged. */
import type { Batch, Rng, Scene, SceneSplit } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import type { Backbone } from '../../tfjs/networks.js';
import type { Objective } from '../../training/train.js';
import type { TunedNetwork } from '../tuning/worker.js';
import type { Judged } from './average-precision.js';
import { detections } from './detections.js';
import { detectionLoss, type Predictions } from './loss.js';
import { match, type Matched, targets } from './matching.js';
import { type DetectorHead, detectorHead } from './network.js';
import type { DetectorShape } from './settings.js';

export interface Detector extends TunedNetwork {
  head: DetectorHead;
  /** @param images [n, h, w, c]; `training` uses and updates batch statistics */
  predict(images: tf.Tensor4D, training: boolean): Predictions;
}

/**
 * Puts a freshly drawn head on a backbone, which becomes the detector's own.
 *
 * @param rng decides the head's weights
 */
export function buildDetector(
  backbone: Backbone,
  { side, classes }: { side: number; classes: number },
  shape: DetectorShape,
  rng: Rng,
): Detector {
  const head = detectorHead({
    maps: backbone.stages.slice(-shape.maps),
    classes,
    side,
    scope: 'head',
    rng,
    extraMaps: shape.extraMaps,
    scales: shape.scales,
    ratios: shape.ratios,
  });
  return {
    backbone,
    head,
    flops: backbone.flops + head.flops,
    predict: (images, training) => head.predict(backbone.maps(images, training).slice(-shape.maps), training),
  };
}

/** The objects of scenes and the default boxes that answer for them, worked out once. */
export const matchScenes = (scenes: readonly Scene[], { defaults }: DetectorHead): Matched[] =>
  scenes.map(({ objects }) => ({
    objects,
    owner: match(
      objects.map(({ box }) => box),
      defaults,
    ),
  }));

/** The detector's loss on batches of scenes. */
export function detectionObjective(detector: Detector, matched: readonly Matched[]): Objective<Batch, void> {
  let terms: Record<string, number> = {};
  return {
    loss({ images, shape, labels }) {
      const wanted = targets(
        Array.from(labels, (scene) => matched[scene]),
        detector.head.defaults,
      );
      const { classes, offsets } = detectionLoss(detector.predict(tf.tensor4d(images, shape), true), wanted);
      terms = { classes: classes.dataSync()[0], offsets: offsets.dataSync()[0] };
      return tf.add(classes, offsets) as tf.Scalar;
    },
    terms: () => terms,
  };
}

const evaluationBatch = 100;

/** What the detector finds in every scene, beside what is there. */
export async function judge(detector: Detector, split: SceneSplit): Promise<Judged[]> {
  const judged: Judged[] = [];
  for await (const { images, shape, labels } of split.batches({ batchSize: evaluationBatch })) {
    const predictions = tf.tidy(() => ({ ...detector.predict(tf.tensor4d(images, shape), false) }));
    const found = detections(predictions, detector.head.defaults);
    tf.dispose([predictions.classes, predictions.offsets]);
    judged.push(...found.map((those, i) => ({ found: those, objects: split.scenes[labels[i]].objects })));
  }
  return judged;
}
