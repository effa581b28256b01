/** Stage `relation_moments` against the reference and against `relation_pairwise`. */
import { relation, type LogitPair } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/relation.js';
import { arrayError, relationError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-13, gradient: 1e-12 } };
const reductions = ['matrix', 'row', { rows: 12.5 }] as const;

for (const m of [2, 3, 7, 33, 64, 65, 129, 300]) {
  t.test(`${m} rows`, async (t) => {
    const errors = new Errors();
    for (const classes of m < 200 ? [2, 3, 8, 17, 33, 100] : [10, 37]) {
      const random = new Random(m * 1000 + classes);
      const dense = [random.normals(m * classes, 3), random.normals(m * classes, 3)];
      for (const dtype of ['float32', 'float64'] as const) {
        const [teacher, student] = dense.map((data) => encode({ data, shape: [m, classes] }, dtype));
        for (const reduction of reductions) {
          const expected = reference.relation(
            Float64Array.from(teacher.exact.data),
            Float64Array.from(student.exact.data),
            { classes, metric: 'sqeuclidean', reduction },
          );
          const inputs = { teacher: teacher.tensor, student: student.tensor };
          const got = relation(inputs, { method: 'moments', reduction });
          const gradient = got.gradients?.logits?.data ?? [];
          const bound = reference.reductionRows(reduction, m);
          const what = `K ${classes}, ${JSON.stringify(reduction)}`;
          const limits = tolerance[dtype];
          t.match(got, { method: 'moments', gradients: { logits: { shape: [m, classes], dtype } } }, what);
          errors.add(`loss ${dtype}`, relationError(got.loss, expected.loss, bound), limits.loss, what);
          errors.add(`gradient ${dtype}`, arrayError(gradient, expected.gradient), limits.gradient, what);

          const pairwise = relation(inputs, { method: 'pairwise', reduction });
          const other = pairwise.gradients?.logits?.data ?? [];
          errors.add(`loss to pairwise ${dtype}`, relationError(got.loss, pairwise.loss, bound), limits.loss, what);
          // Two rows have the same relation whatever they are: there the gradient is 0, and only its scale can be held.
          const scale = m === 2 ? 2 / bound : 0;
          errors.add(`gradient to pairwise ${dtype}`, arrayError(gradient, other, scale), limits.gradient, what);
        }
      }
    }
    errors.check(t);
  });
}

t.test('element types and places in memory', async (t) => {
  const errors = new Errors();
  const random = new Random(55);
  const shape = [20, 5, 19];
  const dense = [random.normals(1900, 3), random.normals(1900, 3)];
  for (const dtype of dtypes) {
    for (const placement of placements) {
      const computed = dtype === 'float64' ? 'float64' : 'float32';
      const [teacher, student] = dense.map((data) => encode({ data, shape }, dtype, placement));
      const expected = reference.relation(
        Float64Array.from(teacher.exact.data),
        Float64Array.from(student.exact.data),
        { classes: 19, metric: 'sqeuclidean', reduction: 'matrix' },
      );
      const got = relation({ teacher: teacher.tensor, student: student.tensor }, { method: 'moments' });
      const what = `${dtype} ${placement}`;
      t.match(got.gradients?.logits, { shape, dtype: computed }, what);
      errors.add(`loss ${computed}`, relationError(got.loss, expected.loss, 100), tolerance[computed].loss, what);
      const gradientOff = arrayError(got.gradients?.logits?.data ?? [], expected.gradient);
      errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
    }
  }
  errors.check(t);
});

t.test('auto: moments for many rows of few classes, pairwise for few rows of many and for distances', async (t) => {
  const random = new Random(56);
  const inputs = (m: number, classes: number): LogitPair => {
    const shape = [m, classes];
    const [teacher, student] = [0, 1].map(() => encode({ data: random.normals(m * classes), shape }, 'float32').tensor);
    return { teacher, student };
  };
  t.equal(relation(inputs(4000, 10)).method, 'moments');
  t.equal(relation(inputs(10, 400)).method, 'pairwise');
  t.equal(relation(inputs(4000, 10), { metric: 'euclidean', gradients: false }).method, 'pairwise');
});

t.test('a common offset does not matter; the student may be scaled and rotated', async (t) => {
  const errors = new Errors();
  const random = new Random(57);
  const [m, classes] = [60, 12];
  const shape = [m, classes];
  const teacher = random.normals(m * classes, 3);
  const student = random.normals(m * classes, 3);
  const offsets = random.normals(classes, 100);
  const reversed = student.map((_, at) => student[at - (at % classes) + classes - 1 - (at % classes)]);
  const changes = {
    offset: student.map((value, at) => value + offsets[at % classes]),
    scale: student.map((value) => 7 * value),
    'order of the classes': reversed,
  };
  for (const method of ['pairwise', 'moments'] as const) {
    const loss = (data: Float64Array): number =>
      relation({ teacher: { data: teacher, shape }, student: { data, shape } }, { method }).loss;
    const expected = loss(student);
    t.ok(expected > 0 && expected <= 2 / m);
    for (const [name, data] of Object.entries(changes)) {
      errors.add(method, relationError(loss(data), expected, m), 1e-12, name);
    }
    errors.add(`${method}, equal student`, relationError(loss(teacher), 0, m), 1e-13, '');
  }
  errors.check(t);
});
