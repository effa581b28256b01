/** Views of the rows of a dense matrix with `width` columns: `rows(z, K)[r][k]` is z[r, k], and can be written to. */
export function rows(data: Float64Array, width: number): Float64Array[] {
  const views: Float64Array[] = [];
  for (let start = 0; start < data.length; start += width) views.push(data.subarray(start, start + width));
  return views;
}

/** ⟨a, b⟩ */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
