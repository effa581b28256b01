/** The adapter in training: optimizers, layers, upstream cotangents, memory. */
import '@tensorflow/tfjs-backend-wasm';
import { tfjsGld } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { tf } from '../../support/tfjs.js';

const N = 6;
const K = 4;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
const close = (a: tf.Tensor, b: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] < 1e-6);

/** What every test trains on: tensors of its own, disposed after it. */
function fixture(t: Test) {
  const tensors = {
    images: random(1, [N, 10]),
    teacher: { logits: random(2, [N, 5, K]) },
    labels: tf.tensor1d([0, 1, 2, 3, 0, 1], 'int32'),
    student: { features: random(3, [N, 4, 4, 3]), weight: random(4, [3, K]), bias: random(5, [K]) },
  };
  t.teardown(() => tf.dispose(tensors));
  return tensors;
}

function rawVariables({ images, teacher, labels }: ReturnType<typeof fixture>) {
  const dense = tf.variable(random(6, [10, 4 * 4 * 3]));
  const weight = tf.variable(random(7, [3, K]));
  const bias = tf.variable(tf.zeros([K]));
  const loss = () => {
    const features = tf.reshape(tf.relu(tf.matMul(images as tf.Tensor2D, dense as tf.Tensor2D)), [N, 4, 4, 3]);
    return gldLoss({ teacher, student: { features, weight, bias }, labels });
  };
  return { loss, variables: [dense, weight, bias] };
}

function layers({ images, teacher, labels }: ReturnType<typeof fixture>) {
  const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });
  const network = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [10], units: 4 * 4 * 3, activation: 'relu', kernelInitializer: initializer(1) }),
      tf.layers.reshape({ targetShape: [4, 4, 3] }),
    ],
  });
  const classifier = tf.layers.dense({ units: K, kernelInitializer: initializer(2) });
  classifier.build([null, 3]);
  const loss = () => {
    const features = network.apply(images, { training: true }) as tf.Tensor;
    const [weight, bias] = classifier.weights.map((variable) => variable.read());
    return gldLoss({ teacher, student: { features, weight, bias }, labels });
  };
  const variables = [...network.weights, ...classifier.weights].map((variable) => variable.read() as tf.Variable);
  return { loss, variables };
}

function trains(t: Test, { loss, variables }: ReturnType<typeof rawVariables>): void {
  const { value, grads } = tf.variableGrads(loss);
  const before = value.dataSync()[0];
  for (const { name } of variables) {
    t.ok(tf.tidy(() => tf.max(tf.abs(grads[name])).dataSync()[0]) > 0, `a gradient reaches ${name}`);
  }
  tf.dispose([value, grads]);

  const optimizer = tf.train.adam(0.02);
  optimizer.minimize(loss);
  const tensors = tf.memory().numTensors;
  for (let step = 0; step < 30; step++) optimizer.minimize(loss);
  t.equal(tf.memory().numTensors, tensors, 'as many tensors as after the first step');
  const after = tf.tidy(() => loss().dataSync()[0]);
  t.ok(after < 0.8 * before, `the loss falls: ${before} to ${after}`);
  optimizer.dispose();
  tf.dispose(variables);
}

function upstream(t: Test, { teacher, labels, student: { features, weight, bias } }: ReturnType<typeof fixture>): void {
  const inputs = [features, weight, bias];
  const loss = (features: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, options = {}) =>
    gldLoss({ teacher, student: { features, weight, bias }, labels }, options);
  const one = tf.grads((f, w, b) => loss(f, w, b))(inputs);
  const twice = tf.grads((f, w, b) => tf.mul(loss(f, w, b), 2))(inputs);
  const other = tf.grads((f, w, b) => loss(f, w, b, { beta: 0, alpha: 0.5 }))(inputs);
  const sum = tf.grads((f, w, b) => tf.add(loss(f, w, b), loss(f, w, b, { beta: 0, alpha: 0.5 })))(inputs);
  const given = tf.grads((f, w, b) => loss(f, w, b))(inputs, tf.scalar(-3));
  inputs.forEach((_, i) => {
    t.ok(close(twice[i], tf.mul(one[i], 2)), 'twice the loss');
    t.ok(close(sum[i], tf.add(one[i], other[i])), 'the sum of two losses');
    t.ok(close(given[i], tf.mul(one[i], -3)), 'a cotangent of the caller');
  });
}

function constants(t: Test, { teacher, labels, student }: ReturnType<typeof fixture>): void {
  const gradients = (names: string[], options = {}) =>
    tf.variableGrads(
      () => gldLoss({ teacher, student: { ...student, ...variables }, labels }, options),
      names.map((name) => variables[name as 'weight']),
    ).grads;
  const variables = { weight: tf.variable(student.weight), bias: tf.variable(student.bias) };
  const all = gradients(['weight', 'bias']);
  const some = gradients(['weight', 'bias'], { gradients: ['weight'] });
  t.ok(close(some[variables.weight.name], all[variables.weight.name]), 'a gradient that is asked for');
  t.notOk(some[variables.bias.name], 'none that is not asked for');
  t.throws(() => gradients(['weight'], { gradients: false }), /Cannot find a connection/, 'none at all');

  const weight = { data: student.weight.dataSync(), shape: student.weight.shape };
  const features = tf.grad((features) => gldLoss({ teacher, student: { ...student, features, weight }, labels }));
  const expected = tf.grad((features) => gldLoss({ teacher, student: { ...student, features }, labels }));
  t.ok(close(features(student.features), expected(student.features)), 'a typed array is a constant');
  tf.dispose(variables);
}

function memory(t: Test, { teacher, labels, student }: ReturnType<typeof fixture>): void {
  const evaluate = () => gldLoss({ teacher, student, labels });
  const before = tf.memory().numTensors;
  const scalar = evaluate();
  t.equal(tf.memory().numTensors, before + 1, 'the scalar alone outside of tidy');
  scalar.dispose();
  tf.tidy(() => void evaluate());
  t.equal(tf.memory().numTensors, before, 'nothing after tidy');
  const grads = tf.grads((weight, bias) => gldLoss({ teacher, student: { ...student, weight, bias }, labels }));
  for (let i = 0; i < 3; i++) tf.dispose(grads([student.weight, student.bias]));
  t.equal(tf.memory().numTensors, before, 'nothing but the gradients outside of tidy');
  gldLoss.dispose();
  tf.dispose(evaluate());
  t.equal(tf.memory().numTensors, before, 'usable after dispose');
}

function terms(t: Test, { teacher, labels, student }: ReturnType<typeof fixture>): void {
  const options = { alpha: 0.6, beta: 20 };
  const { scalar, loss, terms, relationMethod } = gldLoss.withTerms({ teacher, student, labels }, options);
  t.equal(scalar.dataSync()[0], Math.fround(loss));
  const { task, global, local, relation } = terms;
  t.ok(
    Math.abs(0.4 * present(task) + 0.6 * global + local + 20 * relation - loss) < 1e-6 * loss,
    'the terms make up the loss',
  );
  t.match(relationMethod, /^(pairwise|moments)$/);
  const without = gldLoss.withTerms({ teacher, student });
  t.notOk('task' in without.terms, 'no task term without labels');
  tf.dispose([scalar, without.scalar]);
}

for (const backend of ['cpu', 'wasm']) {
  t.test(backend, async (t) => {
    await tf.setBackend(backend);
    t.test('minimize with variables', async (t) => trains(t, rawVariables(fixture(t))));
    t.test('minimize with layers', async (t) => trains(t, layers(fixture(t))));
    t.test('upstream cotangents', async (t) => tf.tidy(() => upstream(t, fixture(t))));
    t.test('parts of the student as constants', async (t) => tf.tidy(() => constants(t, fixture(t))));
    t.test('memory', async (t) => memory(t, fixture(t)));
    t.test('terms', async (t) => terms(t, fixture(t)));
  });
}
