/** Stage `normalized_kd` with weights of its rows, against the reference. */
import { normalizedKd } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/normalized-kd.js';
import type { Normalization } from '../reference/types.js';
import { arrayError, lossError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 2e-7, gradient: 5e-7 }, float64: { loss: 1e-14, gradient: 5e-15 } };
const normalizations: Normalization[] = [
  { kind: 'std' },
  { kind: 'std', unbiased: false },
  { kind: 'std', compensated: true, temperature: 0.5 },
  { kind: 'temperature', temperature: 4 },
];

for (const shape of [
  [2, 3],
  [5, 10],
  [3, 5, 7],
  [13, 5, 33],
  [40, 100],
]) {
  t.test(`logits [${shape}]`, async (t) => {
    const classes = shape[shape.length - 1];
    const rows = shape.slice(0, -1);
    const perSample = rows[1] ?? 1;
    const count = rows[0] * perSample;
    const errors = new Errors();
    const random = new Random(count);
    const dense = { teacher: random.normals(count * classes, 3), student: random.normals(count * classes, 3) };
    const weights = Float64Array.from({ length: count }, (_, r) => [1, 0, 2, 0.5, 3.25][(r * 7) % 5]);
    const samples = weights.reduce((sum, weight, r) => (r % perSample === 0 ? sum + weight : sum), 0);
    for (const normalization of normalizations) {
      for (const dtype of dtypes) {
        for (const placement of placements) {
          const computed = dtype === 'float64' ? 'float64' : 'float32';
          const teacher = encode({ data: dense.teacher, shape }, dtype, placement);
          const student = encode({ data: dense.student, shape }, dtype, placement);
          const expected = reference.normalizedKd(
            Float64Array.from(teacher.exact.data),
            Float64Array.from(student.exact.data),
            { samples, classes, normalization, weights },
          );
          const given = encode({ data: weights, shape: rows }, computed, placement).tensor;
          const got = normalizedKd(
            { teacher: teacher.tensor, student: student.tensor, weights: given },
            { normalization },
          );
          const what = `${JSON.stringify(normalization)} ${dtype} ${placement}`;
          errors.add(`loss ${computed}`, lossError(got.loss, expected.loss), tolerance[computed].loss, what);
          const gradientOff = arrayError(got.gradients?.logits.data ?? [], expected.gradient);
          errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
        }
      }
    }
    errors.check(t);
  });
}

t.test('bare arrays are the rows one after the other; no weight on first rows, no loss', async (t) => {
  const random = new Random(5);
  const shape = [3, 2, 6];
  const { tensor: teacher } = encode({ data: random.normals(36, 3), shape }, 'float32');
  const { tensor: student } = encode({ data: random.normals(36, 3), shape }, 'float32');
  const weights = [1, 2, 0, 4, 0.5, 6];
  const expected = normalizedKd({ teacher, student, weights: { data: Float64Array.from(weights), shape: [3, 2] } });
  for (const given of [weights, Float32Array.from(weights), Float64Array.from(weights)]) {
    t.same(normalizedKd({ teacher, student, weights: given }), expected);
  }
  const none = normalizedKd({ teacher, student, weights: [0, 2, 0, 4, 0, 6] });
  t.equal(none.loss, 0);
  t.ok(none.gradients?.logits.data.every((value) => value === 0));
});
