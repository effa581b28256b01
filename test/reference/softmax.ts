/** log softmax(z), from the differences to the largest logit: no term overflows and the sum is at least 1. */
export function logSoftmax(z: ArrayLike<number>): number[] {
  let top = -Infinity;
  for (let k = 0; k < z.length; k++) top = Math.max(top, z[k]);
  let sum = 0;
  for (let k = 0; k < z.length; k++) sum += Math.exp(z[k] - top);
  const logSum = Math.log(sum);
  return Array.from(z, (value) => value - top - logSum);
}
