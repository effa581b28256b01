/** How well classes of pixels are found. */
import { ignored } from './labels.js';

/** How often each class was taken for each, over any number of pictures. */
export class Confusion {
  /** classes x classes counts: row by true class, column by predicted one. */
  readonly #counts: Float64Array;

  constructor(readonly classes: number) {
    this.#counts = new Float64Array(classes * classes);
  }

  /**
   * Counts pixels; those whose label is `ignored` are left out.
   * @throws RangeError for different numbers of labels and predictions, or one that is no class
   */
  add(labels: ArrayLike<number>, predicted: ArrayLike<number>): void {
    const { classes } = this;
    if (labels.length !== predicted.length) {
      throw new RangeError(`predicted: expected ${labels.length} classes, one for each label, got ${predicted.length}`);
    }
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i];
      if (label === ignored) continue;
      if (label >= classes)
        throw new RangeError(`labels: expected classes below ${classes} or ${ignored}, got ${label}`);
      if (predicted[i] >= classes)
        throw new RangeError(`predicted: expected classes below ${classes}, got ${predicted[i]}`);
      this.#counts[label * classes + predicted[i]]++;
    }
  }

  /** Intersection over union of each class; undefined where it neither is nor was predicted. */
  intersectionOverUnion(): (number | undefined)[] {
    const { classes } = this;
    const at = (row: number, column: number) => this.#counts[row * classes + column];
    const all = Array.from({ length: classes }, (_, k) => k);
    return all.map((k) => {
      const union = all.reduce((sum, other) => sum + at(k, other) + (other === k ? 0 : at(other, k)), 0);
      return union === 0 ? undefined : at(k, k) / union;
    });
  }

  /** mIoU: the mean over the classes that are or were predicted; NaN when nothing has been counted. */
  meanIntersectionOverUnion(): number {
    const known = this.intersectionOverUnion().filter((value) => value !== undefined);
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  }
}
