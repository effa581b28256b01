/** Shapes that may be given in another form: labels and weights [n, 1], logits [n, K]. They mean the same. */
import {
  crossEntropy,
  GldLoss,
  gldLoss,
  gldLossAsync,
  normalizedKd,
  relation,
  type Inputs,
  type Labels,
} from 'gld-loss';
import t from 'tap';
import { toBfloat16, toFloat16 } from '../support/half.js';
import { Random } from '../support/random.js';
import { present } from '../../tools/present.js';

const [n, classes] = [4, 5];
const random = new Random(61);
const tensor = (...shape: number[]) => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
  shape,
});
const [teacher, student] = [{ logits: tensor(n, 5, classes) }, { logits: tensor(n, 5, classes) }];
const indices = [3, 0, 4, 1];

const column = (data: ArrayBufferView, more: object = {}) => ({ data, shape: [n, 1], ...more });
const spread = Int16Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? indices[3 - i / 3] : 99));
const sameLabels: [name: string, labels: Labels][] = [
  ['int32', column(Int32Array.from(indices))],
  ['uint8', column(Uint8Array.from(indices))],
  ['int64', column(BigInt64Array.from(indices, BigInt))],
  ['backwards in larger memory', column(spread, { strides: [-3, 7], offset: 9 })],
  ['dims and type', { data: Int32Array.from(indices), dims: [n, 1], type: 'int32' }],
  ['float32', column(Float32Array.from(indices))],
  ['float64', column(Float64Array.from(indices))],
  ['float16', column(Uint16Array.from(indices, toFloat16), { dtype: 'float16' })],
  ['bfloat16', column(Uint16Array.from(indices, toBfloat16), { dtype: 'bfloat16' })],
  ['float32 [n]', { data: Float32Array.from(indices), shape: [n] }],
  [
    'float16 [n], backwards',
    {
      data: Uint16Array.from(indices, toFloat16).reverse(),
      dtype: 'float16',
      shape: [n],
      strides: [-1],
      offset: n - 1,
    },
  ],
];

t.test('labels: whole numbers of any type, [n] or [n, 1]', async (t) => {
  const expected = gldLoss({ teacher, student, labels: indices });
  const logits = tensor(n, classes);
  const task = crossEntropy({ logits, labels: indices });
  for (const [name, labels] of sameLabels) {
    t.same(gldLoss({ teacher, student, labels }), expected, name);
    t.same(await gldLossAsync({ teacher, student, labels }), expected, `${name}, asynchronously`);
    t.same(crossEntropy({ logits, labels }), task, `${name}, of the stage`);
  }
  const ignoring = { ignoreIndex: -1 };
  const some = gldLoss({ teacher, student, labels: [3, -1, 4, -1] }, ignoring);
  t.same(gldLoss({ teacher, student, labels: column(Float32Array.of(3, -1, 4, -1)) }, ignoring), some, 'some ignored');
});

t.test('labels of two classes: [n, 1] are indices, [n, 2] are soft', async (t) => {
  const two = { teacher: { logits: tensor(3, 1, 2) }, student: { logits: tensor(3, 1, 2) } };
  const data = Float32Array.of(1, 0, 1);
  const soft = { data: Float32Array.of(0, 1, 1, 0, 0, 1), shape: [3, 2] };
  t.ok(
    Math.abs(
      present(gldLoss({ ...two, labels: { data, shape: [3, 1] } }).terms.task) -
        present(gldLoss({ ...two, labels: soft }).terms.task),
    ) < 1e-6,
  );
});

t.test('sample weights [n, 1]', async (t) => {
  const sampleWeights = [1, 0, 2, 0.5];
  const expected = gldLoss({ teacher, student, labels: indices, sampleWeights });
  const weights = { data: Float64Array.from(sampleWeights), shape: [n, 1] };
  t.same(gldLoss({ teacher, student, labels: indices, sampleWeights: weights }), expected);
  const [zt, zs] = [tensor(n, classes), tensor(n, classes)];
  t.same(
    normalizedKd({ teacher: zt, student: zs, weights }),
    normalizedKd({ teacher: zt, student: zs, weights: sampleWeights }),
    'rows of a stage',
  );
});

/** The same elements with the axis of rows, of which there is one. */
const withRows = <T extends { shape: number[] }>(logits: T): T => ({ ...logits, shape: [n, 1, classes] });

t.test('logits [n, K] are one row per sample, and so are their gradients', async (t) => {
  const [zt, zs] = [tensor(n, classes), tensor(n, classes)];
  const rows: Inputs = { teacher: { logits: withRows(zt) }, student: { logits: withRows(zs) }, labels: indices };
  const { gradients, ...expected } = gldLoss(rows);
  t.equal(expected.terms.local, 0, 'there are no cells');
  const kept = new GldLoss();
  for (const [name, inputs, shape] of [
    ['on both sides', { teacher: { logits: zt }, student: { logits: zs } }, [n, classes]],
    ['of the teacher', { ...rows, teacher: { logits: zt } }, [n, 1, classes]],
    ['of the student', { ...rows, student: { logits: zs } }, [n, classes]],
  ] as [string, Inputs, number[]][]) {
    const given = { ...inputs, labels: indices };
    const out = { logits: new Float32Array(n * classes) };
    const wanted = { ...expected, gradients: { logits: { ...present(gradients?.logits), shape } } };
    t.same(gldLoss(given), wanted, name);
    t.same(await gldLossAsync(given, { out }), wanted, `${name}, asynchronously`);
    t.same(kept.compute(given, { out }), wanted, `${name}, lent`);
    t.same(kept.compute(rows, { out }), { ...expected, gradients }, 'and with the axis after that');
  }
  kept.dispose();

  const data = Float32Array.from({ length: n * classes }, (_, i) => zs.data[(i % n) * classes + Math.floor(i / n)]);
  const transposed = { data, shape: [n, classes], strides: [1, n] };
  t.same(gldLoss({ ...rows, student: { logits: transposed } }).loss, expected.loss, 'strides');
  t.equal(
    relation({ teacher: zt, student: transposed }).loss,
    relation({ teacher: withRows(zt), student: withRows(zs) }).loss,
    'of a stage',
  );
});
