/** How good detections are: average precision, as the PASCAL VOC challenge has measured it since 2010. */
import type { SceneObject } from '../../data/index.js';
import { overlap } from './boxes.js';
import { rightOverlap } from './constants.js';
import type { Detection } from './detections.js';

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
    .flatMap(({ found }, image) =>
      found.filter((one) => one.label === label).map((detection) => ({ detection, image })),
    )
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

/** The curve with every precision raised to the largest at the same or a higher recall ("all-point" interpolation). */
export function raised({ recall, precision }: PrecisionRecall): PrecisionRecall {
  let highest = 0;
  const raisedPrecision = precision
    .toReversed()
    .map((value) => (highest = Math.max(highest, value)))
    .toReversed();
  return { recall, precision: raisedPrecision };
}

/** The area under the raised curve, over all its points (not the 11 of VOC 2007). */
export function areaUnder(curve: PrecisionRecall): number {
  const { recall, precision } = raised(curve);
  return recall.reduce((area, value, i) => area + precision[i] * (value - (i === 0 ? 0 : recall[i - 1])), 0);
}

/** The raised precision at each of the given recalls, in rising order; 0 where the recall is never reached. */
export function precisionAt(curve: PrecisionRecall, recalls: readonly number[]): number[] {
  const { recall, precision } = raised(curve);
  return recalls.map((least) => precision[recall.findIndex((value) => value >= least)] ?? 0);
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
  return { perClass, mean: mean(perClass.filter((value) => value !== null)) };
}

/** Precision at each of the recalls, mean over the classes that have objects; 0 when none has. */
export function meanPrecision(images: readonly Judged[], classes: number, recalls: readonly number[]): number[] {
  const curves = Array.from({ length: classes }, (_, label) => precisionRecall(images, label))
    .filter((curve) => curve !== undefined)
    .map((curve) => precisionAt(curve, recalls));
  return recalls.map((_, i) => mean(curves.map((precision) => precision[i])));
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
