/** Other ways to give the adapter the same inputs: the same loss to rounding, gradients in the tensors' own layout. */
import { GldLoss } from 'gld-loss';
import { tfjsGld, type TfjsInputs } from 'gld-loss/tfjs';
import t from 'tap';
import { checkHalfABatch, type LogitBatch } from '../cases.js';
import { tf } from '../../support/tfjs.js';

const N = 3;
const K = 4;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());
await tf.setBackend('cpu');

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
const array = (x: tf.Tensor) => ({ data: Float32Array.from(x.dataSync()), shape: x.shape });
const close = (a: tf.Tensor, b: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] < 1e-5);

const readable = <T extends object>(tensor: T) => Object.assign(tensor, { read: () => undefined });
const bare = (x: tf.Tensor) =>
  ({ shape: x.shape, dtype: x.dtype, isDisposed: false, dataSync: () => x.dataSync() }) as object as tf.Tensor;

const teacher = { features: random(1, [N, 5, 4, 6]), weight: random(2, [6, K]), bias: random(3, [K]) };
const student = { features: random(4, [N, 4, 6, 2]), weight: random(5, [2, K]), bias: random(6, [K]) };
const classes = [3, 0, 2];
const labels = tf.tensor1d(classes, 'int32');
const { features, weight, bias } = teacher;

const nchw = tf.transpose(features, [0, 3, 1, 2]);
const kc = tf.transpose(weight);
const same: [name: string, inputs: Partial<TfjsInputs<tf.Tensor>>][] = [
  ['labels in an array', { labels: classes }],
  ['labels in a typed array', { labels: Int32Array.from(classes) }],
  ['labels of float32, as tf.tensor1d makes them', { labels: tf.tensor1d(classes) }],
  ['labels [n, 1]', { labels: tf.tensor2d(classes, [N, 1], 'int32') }],
  ['labels [n, 1] of float32', { labels: tf.tensor2d(classes.map((each) => [each])) }],
  ["tf.oneHot's integers", { labels: tf.oneHot(labels, K) }],
  ['one-hot floats', { labels: tf.oneHot(labels, K, 1, 0, 'float32') }],
  ['one-hot floats in a typed array', { labels: array(tf.oneHot(labels, K)) }],
  ['a teacher of typed arrays', { teacher: { features: array(features), weight: array(weight), bias: array(bias) } }],
  ['typed arrays and tensors', { teacher: { features: array(features), weight, bias: array(bias) } }],
  ['teacher NCHW', { teacher: { features: nchw, weight, bias, layout: 'NCHW' } }],
  ['teacher KC', { teacher: { features, weight: kc, bias, weightLayout: 'KC' } }],
  ['layouts left open', { teacher: { features, weight, bias, layout: undefined, weightLayout: undefined } }],
  ['a teacher whose properties are inherited', { teacher: Object.create(teacher) as typeof teacher }],
  ['a typed array with a method that reads', { teacher: { features, weight, bias: readable(array(bias)) } }],
  ['no more of a tensor than is used', { teacher: { features, weight, bias: bare(bias) } }],
  ['variables', { student: { features: student.features, weight: tf.variable(student.weight), bias: student.bias } }],
  [
    'a view of a larger tensor',
    {
      student: { ...student, weight: tf.slice(tf.concat([student.bias.reshape([1, K]), student.weight]), [1, 0]) },
    },
  ],
];

const expected = gldLoss({ teacher, student, labels });
for (const [name, inputs] of same) {
  t.test(name, async (t) => t.ok(close(gldLoss({ teacher, student, labels, ...inputs }), expected)));
}

t.test('casts, which leave an array of another type where it is', async (t) => {
  const float = (x: tf.Tensor) => tf.cast(x, 'float32');
  const integers = {
    logits: tf.tensor3d(
      Array.from({ length: N * 5 * K }, (_, i) => i % 7),
      [N, 5, K],
      'int32',
    ),
  };
  const floats = { logits: tf.tensor3d(Array.from(integers.logits.dataSync()), [N, 5, K], 'float32') };
  const other = { logits: random(9, [N, 5, K]) };
  const wanted = gldLoss({ teacher: floats, student: other, labels });
  for (const given of [labels, tf.oneHot(labels, K)]) {
    const inputs = { teacher: { logits: float(integers.logits) }, student: other, labels: float(given) };
    t.ok(close(gldLoss(inputs), wanted));
    t.ok(Math.abs((await gldLoss.surrogate(inputs)).loss - wanted.dataSync()[0]) < 1e-5);
  }
  const sampleWeights = float(tf.greater(labels, 0));
  const some = gldLoss({ teacher: floats, student: other, labels, sampleWeights });
  t.ok(close(some, gldLoss({ teacher: floats, student: other, labels, sampleWeights: [1, 0, 1] })));
  const classWeights = tf.range(1, 1 + K, 1, 'int32');
  const byClass = gldLoss({ teacher: floats, student: other, labels, classWeights });
  t.ok(close(byClass, gldLoss({ teacher: floats, student: other, labels, classWeights: classWeights.arraySync() })));
});

t.test('logits [n, K]', async (t) => {
  const [zt, zs] = [random(7, [N, K]), random(8, [N, K])];
  const rows = (logits: tf.Tensor) => tf.reshape(logits, [N, 1, K]);
  const at = (of: tf.Tensor, logits: tf.Tensor) =>
    tf.valueAndGrad((logits) => gldLoss({ teacher: { logits: of }, student: { logits }, labels }))(logits);
  const [flat, same] = [at(zt, zs), at(rows(zt), rows(zs))];
  t.ok(close(flat.value, same.value));
  t.same(flat.grad.shape, [N, K]);
  t.ok(close(rows(flat.grad), same.grad));
});

t.test('options whose properties are inherited', async (t) => {
  const loss = (options: object) => gldLoss.withTerms({ teacher, student, labels }, options).loss;
  const options = { grid: 1, relation: { reduction: 'row' as const } };
  gldLoss.dispose();
  t.equal(loss(Object.create(options) as object), loss(options));
  t.not(loss(options), loss({}));
  gldLoss.dispose();
  const at = await gldLoss.surrogate({ teacher, student, labels }, Object.create(options) as object);
  t.equal(at.loss, loss(options));
});

t.test('gradients in the layout of the tensors', async (t) => {
  const grads = (layout: 'NHWC' | 'NCHW', weightLayout: 'CK' | 'KC', inputs: tf.Tensor[]) =>
    tf.grads((features, weight) =>
      gldLoss({ teacher, student: { features, weight, bias: student.bias, layout, weightLayout }, labels }),
    )(inputs);
  const [df, dw] = grads('NHWC', 'CK', [student.features, student.weight]);
  const [tdf, tdw] = grads('NCHW', 'KC', [tf.transpose(student.features, [0, 3, 1, 2]), tf.transpose(student.weight)]);
  t.ok(close(tf.transpose(tdf, [0, 2, 3, 1]), df));
  t.ok(close(tf.transpose(tdw), dw));
});

t.test('more sets of options than the adapter keeps memory for', async (t) => {
  gldLoss.dispose();
  const disposals = t.capture(GldLoss.prototype, 'dispose', GldLoss.prototype.dispose);
  const loss = (temperature: number, beta = 500) =>
    gldLoss.withTerms({ teacher, student, labels }, { normalization: { kind: 'temperature', temperature }, beta }).loss;
  const losses = [1, 2, 3, 4, 5, 6, 1, 2].map((temperature) => loss(temperature));
  t.equal(losses[6], losses[0]);
  t.equal(losses[7], losses[1]);
  t.equal(new Set(losses).size, 6);
  t.equal(disposals().length, 4, 'of eight, four are kept');
  t.equal(new Set([10, 20, 30].map((beta) => loss(2, beta))).size, 3);
  t.equal(disposals().length, 0, 'weights of terms need no memory of their own');
});

t.test('half a batch weighs the relation as a whole one does', async (t) => {
  const sides = ({ teacher, student }: LogitBatch) => ({
    teacher: { logits: tf.tensor(teacher.data, teacher.shape) },
    student: { logits: tf.tensor(student.data, student.shape) },
  });
  await checkHalfABatch(t, (batch, options) => gldLoss.withTerms(sides(batch), options).terms.relation);
  await checkHalfABatch(t, async (batch, options) => (await gldLoss.surrogate(sides(batch), options)).terms.relation);
});
