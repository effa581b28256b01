/** Stage `relation_pairwise`: rows that are equal, close, or alone. Its accuracy is a matter of test/conformance. */
import { relation } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/relation.js';
import { combinations } from '../support/combinations.js';
import { arrayError, relationError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

const variants = combinations({
  metric: ['sqeuclidean', 'euclidean'] as const,
  reduction: ['matrix', 'row', { rows: 12.5 }] as const,
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
