/** Stage `normalized_kd`, with weights of its rows and without. */
import { normalizedKd } from 'gld-loss';
import * as reference from '../../reference/normalized-kd.js';
import type { Normalization } from '../../reference/types.js';
import { stageCheck, type Kit } from './kit.js';

interface Case {
  shape: number[];
  normalization: Normalization;
  weighted?: boolean;
}

const normalizations: Normalization[] = [
  { kind: 'std' },
  { kind: 'std', unbiased: false },
  { kind: 'std', temperature: 0.5 },
  { kind: 'std', compensated: true },
  { kind: 'std', compensated: true, unbiased: false, temperature: 0.5 },
  { kind: 'temperature', temperature: 4 },
  { kind: 'temperature', temperature: 0.5 },
];

const casesOf = (shapes: number[][], weighted: boolean): Case[] =>
  shapes.flatMap((shape) => normalizations.map((normalization) => ({ shape, normalization, weighted })));

type Limits = Record<'float32' | 'float64', { loss: number; gradient: number }>;

const run =
  (limits: Limits) =>
  (kit: Kit, { shape, normalization, weighted = false }: Case) => {
    const classes = shape[shape.length - 1];
    const rows = shape.slice(0, -1);
    const perSample = rows[1] ?? 1;
    const count = rows[0] * perSample;
    const limit = limits[kit.form.computed];
    const [teacher, student] = [kit.give(kit.normals(shape, 3)), kit.give(kit.normals(shape, 3))];
    const weights = Float64Array.from({ length: count }, (_, r) => (weighted ? [1, 0, 2, 0.5, 3.25][(r * 7) % 5] : 1));
    const samples = weights.reduce((sum, weight, r) => (r % perSample === 0 ? sum + weight : sum), 0);
    const given = kit.give({ data: weights, shape: rows }, kit.form.computed).given;
    const expected = kit.expected('', () =>
      reference.normalizedKd(teacher.exact, student.exact, { samples, classes, normalization, weights }),
    );
    const got = normalizedKd(
      { teacher: teacher.given, student: student.given, ...(weighted && { weights: given }) },
      { normalization, ...kit.options() },
    );
    kit.loss(got.loss, expected.loss, limit.loss);
    // The standardized gradient of two classes is all rounding.
    if (classes === 2 && normalization.kind === 'std') return;
    kit.array('gradient', got.gradients?.logits, shape, expected.gradient, limit.gradient);
  };

const shapes = [
  [1, 2],
  [1, 3],
  [5, 10],
  [3, 5, 7],
  [40, 100],
  [13, 5, 33],
  [3, 17, 1000],
];
const weightedShapes = [
  [2, 3],
  [5, 10],
  [3, 5, 7],
  [13, 5, 33],
  [40, 100],
];

export const normalizedKdChecks = [
  stageCheck({
    name: 'normalized_kd',
    cases: casesOf(shapes, false),
    // Rows whose gradient is not the rounding of nearly equal probabilities: with three classes some are.
    seed: ({ shape }) => shape.reduce((a, b) => a * b),
    run: run({ float32: { loss: 1e-6, gradient: 5e-6 }, float64: { loss: 1e-13, gradient: 1e-13 } }),
  }),
  stageCheck({
    name: 'normalized_kd, weighted rows',
    cases: casesOf(weightedShapes, true),
    wide: () => true,
    run: run({ float32: { loss: 2e-7, gradient: 5e-7 }, float64: { loss: 1e-14, gradient: 5e-15 } }),
  }),
];
