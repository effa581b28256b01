/** From predictions to detections: probabilities, boxes, and non-maximum suppression class by class. */
import type { Box, SceneObject } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import { moved } from './boxes.js';
import type { Predictions } from './loss.js';

export interface Detection extends SceneObject {
  /** The class's probability, 0 … 1. */
  score: number;
}

export interface DetectionOptions {
  /** Detections with a lower score are dropped: they come too late in a ranking to matter. Default 0.01. */
  leastScore?: number;
  /** Of two boxes of a class that overlap by more, the one with the lower score is dropped. Default 0.45. */
  mostOverlap?: number;
  /** Detections kept of each image, those with the highest scores. Default 50. */
  most?: number;
}

/**
 * Greedy non-maximum suppression: the boxes that stay, as indices, best score first; each drops all worse ones that
 * overlap it by more than `mostOverlap`.
 */
export function suppressed(boxes: readonly Box[], scores: readonly number[], mostOverlap: number): number[] {
  if (boxes.length === 0) return [];
  const corners = tf.tensor2d(Float32Array.from(boxes.flat()), [boxes.length, 4]);
  const ranks = tf.tensor1d(Float32Array.from(scores));
  const kept = tf.image.nonMaxSuppression(corners, ranks, boxes.length, mostOverlap);
  const result = [...kept.dataSync()];
  tf.dispose([corners, ranks, kept]);
  return result;
}

/** The detections in each image, best first. */
export function detections(
  predictions: Predictions,
  defaults: readonly Box[],
  options: DetectionOptions = {},
): Detection[][] {
  const { leastScore = 0.01, mostOverlap = 0.45, most = 50 } = options;
  const [images, boxes, kinds] = predictions.classes.shape;
  const softmax = tf.softmax(predictions.classes);
  const probabilities = softmax.dataSync();
  softmax.dispose();
  const offsets = predictions.offsets.dataSync();
  return Array.from({ length: images }, (_, image) => {
    const found: Detection[] = [];
    const boxOf = (index: number): Box => {
      const at = 4 * (image * boxes + index);
      return moved([offsets[at], offsets[at + 1], offsets[at + 2], offsets[at + 3]], defaults[index]);
    };
    for (let kind = 1; kind < kinds; kind++) {
      const candidates: Detection[] = [];
      for (let index = 0; index < boxes; index++) {
        const score = probabilities[(image * boxes + index) * kinds + kind];
        if (score >= leastScore) candidates.push({ label: kind - 1, score, box: boxOf(index) });
      }
      const kept = suppressed(
        candidates.map(({ box }) => box),
        candidates.map(({ score }) => score),
        mostOverlap,
      );
      found.push(...kept.map((index) => candidates[index]));
    }
    return found.sort((a, b) => b.score - a.score).slice(0, most);
  });
}
