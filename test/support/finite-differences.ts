/** Four-point central differences: the error falls with the fourth power of the step. */

/** The derivative of `f` at `x` along `direction`. */
export function derivative(
  f: (x: Float64Array) => number,
  x: Float64Array,
  direction: Float64Array,
  step = 1e-3,
): number {
  const at = (steps: number): number => f(x.map((value, i) => value + steps * step * direction[i]));
  return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step);
}

/** The whole gradient of `f` at `x`, one axis after the other. */
export function numericGradient(f: (x: Float64Array) => number, x: Float64Array, step = 1e-3): Float64Array {
  return x.map((_, axis) => {
    const direction = new Float64Array(x.length);
    direction[axis] = 1;
    return derivative(f, x, direction, step);
  });
}
