/** What the adapter does not take, and how it says so. */
import { tfjsGld } from 'gld-loss/tfjs';
import t from 'tap';
import { tf } from '../../support/tfjs.js';

const N = 3;
const K = 4;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());
await tf.setBackend('cpu');

const random = (seed: number, shape: number[], dtype: 'float32' | 'int32' = 'float32') =>
  tf.cast(tf.randomNormal(shape, 0, 2, 'float32', seed), dtype);
const teacher = { logits: random(1, [N, 5, K]) };
const student = { features: random(2, [N, 4, 4, 3]), weight: random(3, [3, K]), bias: random(4, [K]) };
const labels = tf.tensor1d([0, 1, 2], 'int32');
const disposed = random(5, [3, K]);
disposed.dispose();
const classifier = tf.layers.dense({ units: K });
classifier.build([null, 3]);
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [3], units: K })] });
const promise = () => student.features.data();

interface Refusal {
  name: string;
  inputs?: object;
  options?: unknown;
  code: string;
  argument: string;
  expected?: RegExp;
  received?: string | RegExp;
}

const refusals: Refusal[] = [
  {
    name: 'a kernel of other channels',
    inputs: { student: { ...student, weight: random(6, [5, K]) } },
    code: 'ERR_GLD_SHAPE',
    argument: 'student.weight',
  },
  {
    name: 'a feature map of rank 2',
    inputs: { student: { ...student, features: random(6, [4, 3]) } },
    code: 'ERR_GLD_RANK',
    argument: 'student.features',
  },
  {
    name: 'features of integers',
    inputs: { student: { ...student, features: random(6, [N, 4, 4, 3], 'int32') } },
    code: 'ERR_GLD_DTYPE',
    argument: 'student.features',
  },
  {
    name: 'a label out of range',
    inputs: { labels: tf.tensor1d([0, 1, K], 'int32') },
    code: 'ERR_GLD_LABEL',
    argument: 'labels[2]',
  },
  {
    name: 'class indices of float32 that are no integers',
    inputs: { labels: tf.tensor2d([[0], [1.5], [2.5]]) },
    code: 'ERR_GLD_LABEL',
    argument: 'labels[1]',
    received: '1.5',
  },
  {
    name: 'a model for a side',
    inputs: { teacher: model },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'teacher',
    expected: /getWeights\(\)/,
    received: 'a model of TensorFlow.js',
  },
  {
    name: 'a model for a tensor',
    inputs: { student: { logits: model } },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.logits',
    expected: /before its softmax/,
    received: 'a model of TensorFlow.js',
  },
  {
    name: 'a graph model',
    inputs: { teacher: new tf.GraphModel('file://none') },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'teacher',
    received: 'a GraphModel of TensorFlow.js',
  },
  {
    name: 'a layer for its kernel',
    inputs: { student: { ...student, weight: classifier } },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.weight',
    expected: /layer\.getWeights\(\)/,
    received: 'a layer of TensorFlow.js',
  },
  ...['teacher', 'student', 'student.features', 'labels', 'sampleWeights'].map((argument) => ({
    name: `a promise for ${argument}`,
    inputs: argument.includes('.') ? { student: { ...student, features: promise() } } : { [argument]: promise() },
    code: 'ERR_GLD_ARG_TYPE',
    argument,
    received: 'a promise that was not awaited',
  })),
  {
    name: 'a promise of options',
    options: promise(),
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'options',
    received: 'a promise that was not awaited',
  },
  {
    name: 'a disposed tensor',
    inputs: { student: { ...student, weight: disposed } },
    code: 'ERR_GLD_DISPOSED',
    argument: 'student.weight',
    received: /disposed.*\[3, 4\]/,
  },
  {
    name: "a layer's variable",
    inputs: { student: { ...student, weight: classifier.weights[0] } },
    code: 'ERR_GLD_ADAPTER',
    argument: 'student.weight',
    expected: /read\(\)/,
  },
  {
    name: 'a tensor for a side',
    inputs: { student: student.features },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'student',
  },
  { name: 'no student', inputs: { student: undefined }, code: 'ERR_GLD_ARG_TYPE', argument: 'student' },
  {
    name: 'a misspelt part',
    inputs: { student: { features: student.features, kernel: student.weight } },
    code: 'ERR_GLD_OPTION',
    argument: 'student.kernel',
  },
  { name: 'a misspelt option', options: { bta: 3 }, code: 'ERR_GLD_OPTION', argument: 'bta' },
  { name: 'options that are none', options: 3, code: 'ERR_GLD_ARG_TYPE', argument: 'options' },
  {
    name: 'buffers of the caller',
    options: { out: { bias: new Float32Array(K) } },
    code: 'ERR_GLD_OPTION',
    argument: 'out',
  },
  {
    name: 'a gradient of a part that there is not',
    options: { gradients: ['logits'] },
    code: 'ERR_GLD_OPTION',
    argument: 'gradients',
    received: "'logits'",
  },
  {
    name: 'a gradient of a constant',
    inputs: { student: { ...student, bias: { data: new Float32Array(K), shape: [K] } } },
    options: { gradients: ['bias'] },
    code: 'ERR_GLD_OPTION',
    argument: 'gradients',
    expected: /\(features, weight\)/,
  },
  {
    name: 'gradients that are no list',
    options: { gradients: 'bias' },
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'gradients',
    received: "'bias'",
  },
];

for (const { name, inputs, options, ...error } of refusals) {
  t.test(name, async (t) => {
    const before = tf.memory().numTensors;
    const all = { teacher, student, labels, ...inputs } as never;
    t.throws(() => gldLoss(all, options as never), error, 'plainly');
    t.throws(() => tf.variableGrads(() => gldLoss(all, options as never)), error, 'under differentiation');
    await t.rejects(gldLoss.surrogate(all, options as never), error, 'asynchronously');
    t.equal(tf.memory().numTensors, before, 'without a tensor left behind');
  });
}

t.test('promises of all the rest', async (t) => {
  const promised = { code: 'ERR_GLD_ARG_TYPE', received: 'a promise that was not awaited' };
  const sgd = tf.train.sgd(0.1);
  const before = tf.memory().numTensors;
  t.throws(() => gldLoss(promise() as never), { ...promised, argument: 'inputs' });
  t.throws(() => tfjsGld(import('@tensorflow/tfjs') as never), { ...promised, argument: 'tf' });
  const step = (forward: unknown, targets: unknown) => gldLoss.minimizeAsync(sgd, forward as never, targets as never);
  await t.rejects(
    step(async () => student, { teacher, labels }),
    { ...promised, argument: 'student' },
  );
  await t.rejects(
    step(() => student, promise()),
    { ...promised, argument: 'targets' },
  );
  t.equal(tf.memory().numTensors, before);
});

t.test('second derivatives', async (t) => {
  const second = { name: 'TypeError', code: 'ERR_GLD_ADAPTER', received: /second derivative/ };
  const at = await gldLoss.surrogate({ teacher, student, labels });
  const losses = {
    gldLoss: (weight: tf.Tensor) => gldLoss({ teacher, student: { ...student, weight }, labels }),
    surrogate: (weight: tf.Tensor) => at.scalar({ ...student, weight }),
  };
  tf.tidy(() => {
    const { weight } = student;
    for (const [name, loss] of Object.entries(losses)) {
      const grad = tf.grad(loss);
      t.throws(() => tf.grad((x) => tf.sum(grad(x)))(weight), second, `${name}: alone`);
      t.throws(() => tf.grad((x) => tf.sum(tf.mul(x, grad(x))))(weight), second, `${name}: beside other terms`);
      const features = tf.grad((features) => gldLoss({ teacher, student: { ...student, features }, labels }));
      t.ok(features(student.features), `${name}: the first one still works`);

      // d/dλ of Σ ∂(λ·loss)/∂x = Σ ∂loss/∂x takes no second derivative of the loss.
      const through = tf.grad((factor) => tf.sum(tf.grad((x) => tf.mul(factor, loss(x)))(weight)))(tf.scalar(5));
      const expected = tf.sum(grad(weight)).dataSync()[0];
      t.ok(Math.abs(through.dataSync()[0] - expected) < 1e-5, `${name}: by a factor of the loss`);
    }
  });
});
