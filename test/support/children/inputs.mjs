// Inputs for the processes and workers of 78-workers.test.ts. Plain JavaScript throughout this folder: a worker that
// first had to compile TypeScript would take a second to start.

const tensor = (shape, phase) => {
  const length = shape.reduce((a, b) => a * b);
  const data = Float32Array.from({ length }, (_, i) => 3 * Math.sin(i * (1 + phase / 7)));
  return { data, shape };
};

/** Under a millisecond. */
export function small(seed) {
  const side = (phase) => ({ features: tensor([5, 6, 6, 6], phase), weight: tensor([10, 6], phase + 1) });
  return { teacher: side(seed), student: side(seed + 0.5), labels: [0, 1, 2, 3, 4] };
}

/** Seconds, with the options below: long enough to be running still when something ends. */
export function big(rows = 10000) {
  const side = (phase) => ({ logits: tensor([rows / 5, 5, 32], phase) });
  return { teacher: side(1), student: side(2) };
}

export const slow = { relation: { method: 'pairwise' } };
