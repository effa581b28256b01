/** Stage `relation` by either method: sizes around the edges of tiles, both metrics, all reductions, weights of its rows. */
import { relation } from 'gld-loss';
import * as reference from '../../reference/relation.js';
import { arrayError } from '../../support/compare.js';
import { numbersOf } from '../call.js';
import { usual } from '../limits.js';
import type { Precision } from '../record.js';
import { exactForms, stageCheck, type Kit } from './kit.js';

interface Case {
  shape: number[];
  reduction: 'matrix' | 'row' | { rows: number };
  weighted?: boolean;
}

const ways = [
  { method: 'pairwise', metric: 'sqeuclidean' },
  { method: 'moments', metric: 'sqeuclidean' },
  { method: 'pairwise', metric: 'euclidean' },
] as const;

const casesOf = (shapes: number[][], weighted = false): Case[] =>
  shapes.flatMap((shape) =>
    (['matrix', 'row', { rows: 12.5 }] as const).map((reduction) => ({ shape, reduction, weighted })),
  );

type Limits = Record<'float32' | 'float64', { loss: number; gradient: number }>;

const run =
  (limits: Limits) =>
  (kit: Kit, { shape, reduction, weighted = false }: Case) => {
    const { target, form } = kit;
    const classes = shape[shape.length - 1];
    const rows = shape.slice(0, -1);
    const m = rows.reduce((product, extent) => product * extent, 1);
    const [teacher, student] = [kit.give(kit.normals(shape, 3)), kit.give(kit.normals(shape, 3))];
    const weights = Float64Array.from({ length: m }, (_, r) => (weighted ? [1, 3, 0, 0.5, 2.25][(r * 3) % 5] : 1));
    const given = kit.give({ data: weights, shape: rows }, form.computed).given;
    const bound = reference.reductionRows(
      reduction,
      weights.reduce((sum, weight) => sum + weight, 0),
    );
    // Two rows have the same relation whatever they are: there the gradient is 0, and only its scale can be held.
    const scale = m === 2 ? 2 / bound : 0;
    let pairwise: { loss: number; gradient: ArrayLike<number> } | undefined;
    for (const way of ways) {
      const { metric } = way;
      const expected = kit.expected(metric, () =>
        reference.relation(teacher.exact, student.exact, { classes, metric, reduction, weights }),
      );
      for (const precision of target.precisions) {
        const limit = precision === 'float32' ? limits[form.computed] : roughly(precision);
        const got = relation(
          { teacher: teacher.given, student: student.given, ...(weighted && { weights: given }) },
          { ...way, reduction, ...kit.options(precision) },
        );
        kit.judge.ok(got.method === way.method, `computed by ${got.method}; ${kit.what}`);
        const name = `${way.method}, ${way.metric}, ${precision}`;
        if (precision === 'float32' && way.metric === 'sqeuclidean' && got.gradients) {
          const { loss, gradients } = got;
          const gradient = numbersOf(gradients.logits);
          pairwise ??= { loss, gradient };
          kit.relation('loss, moments to pairwise', loss, pairwise.loss, bound, limit.loss);
          const off = arrayError(gradient, pairwise.gradient, scale);
          kit.judge.add(`gradient, moments to pairwise, ${form.computed}`, off, limit.gradient, kit.what);
        }
        kit.relation(`loss, ${name}`, got.loss, expected.loss, bound, limit.loss);
        kit.array(`gradient, ${name}`, got.gradients?.logits, shape, expected.gradient, limit.gradient);
      }
    }
  };

const roughly = (precision: Precision) => ({ loss: usual[precision].relation, gradient: usual[precision].gradient });
const usually: Limits = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-13, gradient: 1e-12 } };

const shapes = [
  [1, 2],
  [33, 7],
  [5, 5, 19],
  [20, 5, 19],
  [129, 65],
];
const edges = [2, 3, 7, 16, 33, 64, 65, 100, 129, 257, 300].flatMap((m) =>
  (m < 200 ? [2, 3, 8, 17, 33, 100] : [10, 37]).map((classes) => [m, classes]),
);
const weightedShapes = [
  [1, 3],
  [7, 4],
  [6, 5, 10],
  [33, 21],
  [150, 12],
  [40, 5, 33],
];

export const relationChecks = [
  stageCheck({ name: 'relation', cases: casesOf(shapes), run: run(usually) }),
  stageCheck({
    name: 'relation, sizes around the edges of tiles',
    quick: false,
    cases: casesOf(edges),
    forms: exactForms,
    run: run(usually),
  }),
  stageCheck({
    name: 'relation, weighted rows',
    cases: casesOf(weightedShapes, true),
    wide: () => true,
    run: run({ float32: { loss: 1e-7, gradient: 3e-6 }, float64: { loss: 1e-15, gradient: 1e-14 } }),
  }),
];
