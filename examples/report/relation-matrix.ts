import type { RelationMatrix } from './types.js';

/**
 * The matrix the relation loss is made of, for a picture: squared L2 distances between logit rows, each row of the
 * matrix divided by its L2 norm (a zero row stays zero).
 *
 * @param logits m rows of K values, row by row
 * @param rowLabels the class index of each of the m rows
 */
export function relationMatrix(logits: ArrayLike<number>, rowLabels: ArrayLike<number>): RelationMatrix {
  const size = rowLabels.length;
  const classes = logits.length / size;
  if (size === 0 || !Number.isInteger(classes)) {
    throw new RangeError(`logits: expected a multiple of ${size} values (one row per label), got ${logits.length}`);
  }
  const data = new Array<number>(size * size).fill(0);
  for (let r = 0; r < size; r++) {
    let squares = 0;
    for (let c = 0; c < size; c++) {
      let distance = 0;
      for (let k = 0; k < classes; k++) distance += (logits[r * classes + k] - logits[c * classes + k]) ** 2;
      data[r * size + c] = distance;
      squares += distance * distance;
    }
    // Five digits are more than a picture shows, and keep the JSON record small.
    for (let c = 0; c < size && squares > 0; c++) {
      data[r * size + c] = Number((data[r * size + c] / Math.sqrt(squares)).toPrecision(5));
    }
  }
  return { size, data, rowLabels: Array.from(rowLabels) };
}
