/** Stage `relation_moments`: when it is chosen, and what does not matter to it. Its accuracy is a matter of test/conformance. */
import { relation, type LogitPair } from 'gld-loss';
import t from 'tap';
import { relationError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

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
