/** Stage `normalized_kd`: facts about its gradient, rows without spread, weights. Its accuracy is a matter of test/conformance. */
import { normalizedKd } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/normalized-kd.js';
import { dot, rows } from '../reference/rows.js';
import { arrayError, lossError } from '../support/compare.js';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

t.test('the gradient is orthogonal to 1 and to z − μ of its row', async (t) => {
  const random = new Random(3);
  const classes = 37;
  const shape = [6, classes];
  const { tensor: teacher } = encode({ data: random.normals(6 * classes, 3), shape }, 'float32');
  const { tensor: student, exact } = encode({ data: random.normals(6 * classes, 3), shape }, 'float32');
  for (const unbiased of [true, false]) {
    const { gradients } = normalizedKd({ teacher, student }, { normalization: { kind: 'std', unbiased } });
    for (const [r, row] of rows(Float64Array.from(gradients?.logits?.data ?? []), classes).entries()) {
      const z = Float64Array.from(exact.data).subarray(r * classes, (r + 1) * classes);
      const mean = z.reduce((sum, value) => sum + value, 0) / classes;
      const centred = z.map((value) => value - mean);
      const cosine = (other: Float64Array): number => dot(row, other) / Math.sqrt(dot(row, row) * dot(other, other));
      t.ok(Math.abs(cosine(new Float64Array(classes).fill(1))) < 1e-6, 'orthogonal to 1');
      t.ok(Math.abs(cosine(centred)) < 1e-6, 'orthogonal to z − μ');
    }
  }
});

t.test('σ = 0 on either side, and K = 2', async (t) => {
  for (const dtype of ['float32', 'float64'] as const) {
    for (const value of [0, 0.1, -1e30]) {
      const { tensor: constant } = encode({ data: new Float64Array(5).fill(value), shape: [1, 5] }, dtype);
      const { tensor: varied, exact } = encode({ data: [0.5, 2, -1, 0, 1], shape: [1, 5] }, dtype);
      const uniform = { samples: 1, classes: 5, normalization: { kind: 'std' } } as const;
      const z = Float64Array.from(exact.data);

      const student = normalizedKd({ teacher: varied, student: constant });
      t.ok(lossError(student.loss, reference.normalizedKd(z, new Float64Array(5), uniform).loss) < 1e-6);
      t.same([...(student.gradients?.logits?.data ?? [])], [0, 0, 0, 0, 0]);

      const teacher = normalizedKd({ teacher: constant, student: varied });
      const expected = reference.normalizedKd(new Float64Array(5), z, uniform);
      t.ok(lossError(teacher.loss, expected.loss) < 1e-6);
      t.ok(arrayError(teacher.gradients?.logits?.data ?? [], expected.gradient) < 1e-5);
    }
    const random = new Random(4);
    const two = (): ReturnType<typeof encode> => encode({ data: random.normals(40, 3), shape: [20, 2] }, dtype);
    const [teacher, student] = [two(), two()];
    const { loss, gradients } = normalizedKd({ teacher: teacher.tensor, student: student.tensor });
    t.ok(Number.isFinite(loss));
    const worst = Math.max(...Array.from(gradients?.logits?.data ?? [NaN], Math.abs));
    t.ok(worst < (dtype === 'float32' ? 1e-6 : 1e-14), `K = 2 leaves no gradient: ${worst}`);
  }
});

t.test('compensated: σ = 0 on either side, and logits of any size', async (t) => {
  const normalization = { kind: 'std', compensated: true } as const;
  const settings = { samples: 1, classes: 5, normalization };
  for (const dtype of ['float32', 'float64'] as const) {
    const row = (...data: number[]) => encode({ data, shape: [1, 5] }, dtype);
    const [varied, constant] = [row(0.5, 2, -1, 0, 1), row(0.1, 0.1, 0.1, 0.1, 0.1)];
    for (const [zt, zs] of [
      [varied, constant],
      [constant, varied],
    ]) {
      const { loss, gradients } = normalizedKd({ teacher: zt.tensor, student: zs.tensor }, { normalization });
      t.same([loss, ...(gradients?.logits.data ?? [])], [0, 0, 0, 0, 0, 0]);
    }
    for (const [large, small] of [
      [1e30, 1e-30],
      [1e-30, 1e30],
      [1e30, 1e30],
    ]) {
      const teacher = row(0, 2 * large, -large, large, large / 2);
      const student = row(small, 0, -small, 3 * small, small / 4);
      const got = normalizedKd({ teacher: teacher.tensor, student: student.tensor }, { normalization });
      const [zt, zs] = [teacher, student].map(({ exact }) => Float64Array.from(exact.data));
      const expected = reference.normalizedKd(zt, zs, settings);
      t.ok(Math.abs(got.loss / expected.loss - 1) < 1e-6, `loss: ${got.loss}, not ${expected.loss}`);
      t.ok(arrayError(got.gradients?.logits.data ?? [], expected.gradient) < 5e-6, `gradient at ${large}, ${small}`);
    }
  }
});

t.test('without gradients the loss is the same', async (t) => {
  const random = new Random(5);
  const { tensor: teacher } = encode({ data: random.normals(30, 3), shape: [3, 10] }, 'float32');
  const { tensor: student } = encode({ data: random.normals(30, 3), shape: [3, 10] }, 'float32');
  const got = normalizedKd({ teacher, student }, { gradients: false });
  t.equal(got.gradients, undefined);
  t.equal(got.loss, normalizedKd({ teacher, student }).loss);
});

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
