/** How good detections are: average precision, as the PASCAL VOC challenge has measured it since 2010. */
import type { SceneObject } from '../../data/index.js';
import { overlap } from './boxes.js';
import type { Detection } from './detections.js';

/** A detection is right when it overlaps an object of its class by at least this. */
export const rightOverlap = 0.5;

/** The detections in an image and what is really there. */
export interface Judged {
  found: readonly Detection[];
  objects: readonly SceneObject[];
}

export interface PrecisionRecall {
  /** Share of the objects found by the best 1, 2, … detections. */
  recall: number[];
  /** Share of right ones among those detections. */
  precision: number[];
}

/**
 * The curve of one class over all images, detections in the order of their scores. A detection is right when the object
 * of its class that it overlaps most, by at least `rightOverlap`, has not been found by a better one: a second detection
 * of an object is wrong. Undefined when the class has no object.
 */
export function precisionRecall(images: readonly Judged[], label: number): PrecisionRecall | undefined {
  const objects = images.map((image) => image.objects.filter((object) => object.label === label));
  const total = objects.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) return undefined;
  const ranked = images
    .flatMap(({ found }, image) => found.filter((one) => one.label === label).map((detection) => ({ detection, image })))
    .sort((a, b) => b.detection.score - a.detection.score);
  const taken = new Set<SceneObject>();
  const curve: PrecisionRecall = { recall: [], precision: [] };
  let right = 0;
  ranked.forEach(({ detection, image }, rank) => {
    let best: { object: SceneObject; overlap: number } | undefined;
    for (const object of objects[image]) {
      const value = overlap(object.box, detection.box);
      if (value >= rightOverlap && value > (best?.overlap ?? 0)) best = { object, overlap: value };
    }
    if (best !== undefined && !taken.has(best.object)) {
      taken.add(best.object);
      right++;
    }
    curve.recall.push(right / total);
    curve.precision.push(right / (rank + 1));
  });
  return curve;
}

/**
 * The area under the curve after every precision has been raised to the largest at the same or a higher recall
 * ("all-point" interpolation; not the 11 points of VOC 2007).
 */
export function areaUnder({ recall, precision }: PrecisionRecall): number {
  let area = 0;
  let highest = 0;
  for (let i = recall.length - 1; i >= 0; i--) {
    highest = Math.max(highest, precision[i]);
    area += highest * (recall[i] - (i === 0 ? 0 : recall[i - 1]));
  }
  return area;
}

export interface AveragePrecision {
  /** Mean over the classes that have objects; 0 when none has. */
  mean: number;
  /** Per class, null where the images have no object of the class. */
  perClass: (number | null)[];
}

/** The average precision of every class, and its mean (mAP at an overlap of 0.5). */
export function averagePrecision(images: readonly Judged[], classes: number): AveragePrecision {
  const perClass = Array.from({ length: classes }, (_, label) => {
    const curve = precisionRecall(images, label);
    return curve === undefined ? null : areaUnder(curve);
  });
  const known = perClass.filter((value) => value !== null);
  return { perClass, mean: known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length) };
}
