/** Which default box answers for which object, and what it should predict. */
import type { Box, SceneObject } from '../../data/index.js';
import { offsets, overlap } from './boxes.js';
import { matchingOverlap } from './constants.js';

/**
 * For every default box the index of the object that it answers for, or -1 (Liu et al. 2016, "matching strategy").
 * First every object gets the default box that it overlaps most, the best pair first and no box twice, so that none
 * goes without; then every other default box takes the object that it overlaps most, if by more than `least`.
 */
export function match(objects: readonly Box[], defaults: readonly Box[], least = matchingOverlap): Int32Array {
  const overlaps = objects.map((object) => Float64Array.from(defaults, (box) => overlap(object, box)));
  const owner = Int32Array.from(defaults, (_, box) => {
    let best = -1;
    overlaps.forEach((of, object) => {
      if (of[box] > least && (best < 0 || of[box] > overlaps[best][box])) best = object;
    });
    return best;
  });
  const taken = new Set<number>();
  const waiting = new Set(objects.keys());
  while (waiting.size > 0) {
    let best: { object: number; box: number; overlap: number } | undefined;
    for (const object of waiting) {
      overlaps[object].forEach((value, box) => {
        if (value > (best?.overlap ?? 0) && !taken.has(box)) best = { object, box, overlap: value };
      });
    }
    if (best === undefined) break; // what is left overlaps no default box at all
    owner[best.box] = best.object;
    taken.add(best.box);
    waiting.delete(best.object);
  }
  return owner;
}

/** What the detector should predict for the default boxes of some images, one image after the other. */
export interface Targets {
  /** 0 for the background, otherwise 1 + the object's class. */
  classes: Int32Array;
  /** Four per default box, as `offsets` has them; zeros for the background. */
  offsets: Float32Array;
}

/** An image's objects, and which default box answers for which of them: what `match` gives. */
export interface Matched {
  objects: readonly SceneObject[];
  owner: Int32Array;
}

export function targets(images: readonly Matched[], defaults: readonly Box[]): Targets {
  const result = {
    classes: new Int32Array(images.length * defaults.length),
    offsets: new Float32Array(images.length * defaults.length * 4),
  };
  images.forEach(({ objects, owner }, image) => {
    owner.forEach((object, box) => {
      if (object < 0) return;
      const at = image * defaults.length + box;
      result.classes[at] = 1 + objects[object].label;
      result.offsets.set(offsets(objects[object].box, defaults[box]), 4 * at);
    });
  });
  return result;
}
