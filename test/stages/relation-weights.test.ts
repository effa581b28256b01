/** Stage `relation` with weights of its rows, by either method, against the reference. */
import { relation } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import * as reference from '../reference/relation.js';
import { arrayError, relationError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-7, gradient: 3e-6 }, float64: { loss: 1e-15, gradient: 1e-14 } };
const methods = [{ method: 'pairwise' }, { method: 'moments' }, { method: 'pairwise', metric: 'euclidean' }] as const;

for (const shape of [
  [1, 3],
  [7, 4],
  [6, 5, 10],
  [33, 21],
  [150, 12],
  [40, 5, 33],
]) {
  t.test(`logits [${shape}]`, async (t) => {
    const classes = shape[shape.length - 1];
    const rows = shape.slice(0, -1);
    const m = rows.reduce((product, extent) => product * extent, 1);
    const errors = new Errors();
    const random = new Random(m);
    const dense = { teacher: random.normals(m * classes, 3), student: random.normals(m * classes, 3) };
    const weights = Float64Array.from({ length: m }, (_, r) => [1, 3, 0, 0.5, 2.25][(r * 3) % 5]);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const chosen of methods) {
      for (const reduction of ['matrix', 'row', { rows: 12.5 }] as const) {
        for (const dtype of dtypes) {
          for (const placement of m > 100 ? (['dense', 'strided'] as const) : placements) {
            const computed = dtype === 'float64' ? 'float64' : 'float32';
            const teacher = encode({ data: dense.teacher, shape }, dtype, placement);
            const student = encode({ data: dense.student, shape }, dtype, placement);
            const metric = 'metric' in chosen ? chosen.metric : 'sqeuclidean';
            const expected = reference.relation(
              Float64Array.from(teacher.exact.data),
              Float64Array.from(student.exact.data),
              { classes, metric, reduction, weights },
            );
            const given = encode({ data: weights, shape: rows }, computed, placement).tensor;
            const pair = { teacher: teacher.tensor, student: student.tensor, weights: given };
            const got = relation(pair, { ...chosen, reduction });
            const what = `${JSON.stringify(chosen)} ${JSON.stringify(reduction)} ${dtype} ${placement}`;
            const bound = reference.reductionRows(reduction, total);
            errors.add(
              `loss ${computed}`,
              relationError(got.loss, expected.loss, bound),
              tolerance[computed].loss,
              what,
            );
            const gradientOff = arrayError(got.gradients?.logits.data ?? [], expected.gradient);
            errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
          }
        }
      }
    }
    errors.check(t);
  });
}

t.test('integer weights are rows repeated, 0 is an absent one', async (t) => {
  const random = new Random(8);
  const [m, classes] = [9, 5];
  const counts = [2, 0, 1, 3, 1, 0, 1, 2, 1];
  const repeats = counts.flatMap((count, r) => new Array<number>(count).fill(r));
  const data = [random.normals(m * classes, 3), random.normals(m * classes, 3)];
  const all = data.map((values) => ({ data: values, shape: [m, classes] }));
  const copies = data.map((values) => ({
    data: Float64Array.from(repeats.flatMap((r) => [...values.subarray(r * classes, (r + 1) * classes)])),
    shape: [repeats.length, classes],
  }));
  for (const chosen of methods) {
    const weighted = relation({ teacher: all[0], student: all[1], weights: counts }, chosen);
    const repeated = relation({ teacher: copies[0], student: copies[1] }, chosen);
    const summed = new Float64Array(m * classes);
    repeats.forEach((r, at) => {
      for (let k = 0; k < classes; k++)
        summed[r * classes + k] += present(repeated.gradients).logits.data[at * classes + k];
    });
    t.ok(relationError(weighted.loss, repeated.loss, repeats.length) < 1e-15, chosen.method);
    t.ok(arrayError(present(weighted.gradients).logits.data, summed) < 1e-14, chosen.method);
  }
});
