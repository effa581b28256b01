/** Stage `relation_pairwise` against the reference: sizes around the edges of tiles, both metrics, all reductions. */
import { relation } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/relation.js';
import { combinations } from '../support/combinations.js';
import { arrayError, relationError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-13, gradient: 1e-12 } };
const variants = combinations({
  metric: ['sqeuclidean', 'euclidean'] as const,
  reduction: ['matrix', 'row', { rows: 12.5 }] as const,
});

for (const m of [2, 3, 7, 16, 33, 64, 65, 100, 129, 257, 300]) {
  t.test(`${m} rows`, async (t) => {
    const errors = new Errors();
    for (const classes of m < 200 ? [2, 3, 8, 17, 33, 100] : [10, 37]) {
      const random = new Random(m * 1000 + classes);
      const dense = [random.normals(m * classes, 3), random.normals(m * classes, 3)];
      for (const dtype of ['float32', 'float64'] as const) {
        const [teacher, student] = dense.map((data) => encode({ data, shape: [m, classes] }, dtype));
        for (const { metric, reduction } of variants) {
          const expected = reference.relation(
            Float64Array.from(teacher.exact.data),
            Float64Array.from(student.exact.data),
            { classes, metric, reduction },
          );
          const got = relation(
            { teacher: teacher.tensor, student: student.tensor },
            { method: 'pairwise', metric, reduction },
          );
          const bound = reference.reductionRows(reduction, m);
          const what = `K ${classes}, ${metric}, ${JSON.stringify(reduction)}`;
          const limits = tolerance[dtype];
          t.match(got, { method: 'pairwise', gradients: { logits: { shape: [m, classes], dtype } } }, what);
          errors.add(`loss ${dtype}`, relationError(got.loss, expected.loss, bound), limits.loss, what);
          const gradientOff = arrayError(got.gradients?.logits?.data ?? [], expected.gradient);
          errors.add(`gradient ${dtype}`, gradientOff, limits.gradient, what);
        }
      }
    }
    errors.check(t);
  });
}

t.test('element types and places in memory', async (t) => {
  const errors = new Errors();
  const random = new Random(50);
  const shape = [5, 5, 19];
  const dense = [random.normals(475, 3), random.normals(475, 3)];
  for (const dtype of dtypes) {
    for (const placement of placements) {
      const computed = dtype === 'float64' ? 'float64' : 'float32';
      const [teacher, student] = dense.map((data) => encode({ data, shape }, dtype, placement));
      const expected = reference.relation(
        Float64Array.from(teacher.exact.data),
        Float64Array.from(student.exact.data),
        { classes: 19, metric: 'sqeuclidean', reduction: 'matrix' },
      );
      const got = relation({ teacher: teacher.tensor, student: student.tensor }, { method: 'pairwise' });
      const what = `${dtype} ${placement}`;
      t.match(got.gradients?.logits, { shape, dtype: computed }, what);
      errors.add(`loss ${computed}`, relationError(got.loss, expected.loss, 25), tolerance[computed].loss, what);
      const gradientOff = arrayError(got.gradients?.logits?.data ?? [], expected.gradient);
      errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
    }
  }
  errors.check(t);
});

t.test('a single row has no relations', async (t) => {
  const { tensor } = encode({ data: [1, 2, 3], shape: [1, 3] }, 'float32');
  for (const { metric, reduction } of variants) {
    const got = relation({ teacher: tensor, student: tensor }, { method: 'pairwise', metric, reduction });
    t.equal(got.loss, 0);
    t.same([...(got.gradients?.logits?.data ?? [])], [0, 0, 0]);
  }
});

t.test('equal rows: their distance is exactly zero, and the root has no slope there', async (t) => {
  const errors = new Errors();
  const random = new Random(51);
  const [m, classes] = [40, 7];
  const half = random.normals((m * classes) / 2, 3);
  const teacher = encode({ data: random.normals(m * classes, 3), shape: [m, classes] }, 'float32');
  const student = encode({ data: [...half, ...half], shape: [m, classes] }, 'float32');
  for (const { metric, reduction } of variants) {
    const expected = reference.relation(Float64Array.from(teacher.exact.data), Float64Array.from(student.exact.data), {
      classes,
      metric,
      reduction,
    });
    const got = relation(
      { teacher: teacher.tensor, student: student.tensor },
      { method: 'pairwise', metric, reduction },
    );
    const what = `${metric}, ${JSON.stringify(reduction)}`;
    const bound = reference.reductionRows(reduction, m);
    errors.add('loss', relationError(got.loss, expected.loss, bound), 1e-6, what);
    errors.add('gradient', arrayError(got.gradients?.logits?.data ?? [], expected.gradient), 1e-5, what);
  }
  errors.check(t);
});

t.test('without gradients the loss is the same', async (t) => {
  const random = new Random(52);
  const { tensor: teacher } = encode({ data: random.normals(300, 3), shape: [30, 10] }, 'float32');
  const { tensor: student } = encode({ data: random.normals(300, 3), shape: [30, 10] }, 'float32');
  for (const variant of variants) {
    const options = { method: 'pairwise', ...variant } as const;
    const got = relation({ teacher, student }, { ...options, gradients: false });
    t.equal(got.gradients, undefined);
    t.equal(got.loss, relation({ teacher, student }, options).loss);
  }
});

t.test('euclidean: pairs at a distance whose square is below float32 keep their slope', async (t) => {
  const classes = 3;
  const far = new Random(50).normals(4 * classes);
  // In opposite pairs, so that the mean is exactly 0 and centring does not round the close ones away.
  const data = Float64Array.of(0, 0, 0, 1e-25, 0, 0, -1e-25, 0, 0, ...far, ...far.map((value) => -value));
  const shape = [data.length / classes, classes];
  const student = encode({ data, shape }, 'float32');
  const teacher = encode({ data: new Random(51).normals(data.length), shape }, 'float32');
  const got = relation({ teacher: teacher.tensor, student: student.tensor }, { metric: 'euclidean' });
  const expected = reference.relation(Float64Array.from(teacher.exact.data), Float64Array.from(student.exact.data), {
    classes,
    metric: 'euclidean',
    reduction: 'matrix',
  });
  t.ok(relationError(got.loss, expected.loss, shape[0]) < 1e-6);
  const error = arrayError(got.gradients?.logits?.data ?? [], expected.gradient);
  t.ok(error < 1e-5, `gradient ${error}`);
});
