/** The adapter's asynchronous form: the same loss and gradients, without one synchronous read. */
import '@tensorflow/tfjs-backend-wasm';
import { tfjsGld } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { controllers } from '../../support/signals.js';
import { tf } from '../../support/tfjs.js';

const N = 4;
const K = 3;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
const close = (a: tf.Tensor, b: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] < 1e-6);

function fixture(t: Test) {
  const tensors = {
    teacher: { features: random(1, [N, 3, 3, 6]), weight: random(2, [6, K]) },
    student: { features: random(3, [N, 4, 4, 2]), weight: random(4, [2, K]), bias: random(5, [K]) },
    labels: tf.tensor1d([0, 1, 2, 1], 'int32'),
  };
  t.teardown(() => tf.dispose(tensors));
  return tensors;
}

/** A network with a linear map to [n, 4, 4, 2] from images; two of one seed have the same values. */
function network(t: Test) {
  const images = random(6, [N, 7]) as tf.Tensor2D;
  const dense = tf.variable(random(7, [7, 32]) as tf.Tensor2D);
  const weight = tf.variable(random(8, [2, K]));
  const bias = tf.variable(random(9, [K]));
  t.teardown(() => tf.dispose([images, dense, weight, bias]));
  const forward = () => ({ features: tf.reshape(tf.relu(tf.matMul(images, dense)), [N, 4, 4, 2]), weight, bias });
  return { forward, variables: [dense, weight, bias] };
}

/** As on a backend whose data comes later only. */
async function withoutSynchronousReads(run: () => Promise<void>): Promise<void> {
  const { dataSync } = tf.Tensor.prototype;
  tf.Tensor.prototype.dataSync = () => {
    throw new Error('no synchronous reads here');
  };
  try {
    await run();
  } finally {
    tf.Tensor.prototype.dataSync = dataSync;
  }
}

async function surrogate(t: Test): Promise<void> {
  const { student, ...targets } = fixture(t);
  const inputs = [student.features, student.weight, student.bias];
  const before = tf.memory().numTensors;
  const loss = (features: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) =>
    gldLoss({ ...targets, student: { features, weight, bias } });
  const expected = tf.valueAndGrads((...x) => tf.mul(loss(x[0], x[1], x[2]), 3))(inputs);

  let actual!: typeof expected;
  await withoutSynchronousReads(async () => {
    t.throws(() => gldLoss({ ...targets, student }), { code: 'ERR_GLD_ADAPTER', argument: 'teacher.features' });
    const at = await gldLoss.surrogate({ ...targets, student });
    t.equal(tf.memory().numTensors, before + 4, 'it keeps no tensors');
    actual = tf.valueAndGrads((features, weight, bias) => tf.mul(at.scalar({ features, weight, bias }), 3))(inputs);
  });
  t.ok(close(actual.value, expected.value), 'value');
  expected.grads.forEach((gradient, i) => t.ok(close(actual.grads[i], gradient), `gradient ${i}`));
  tf.dispose([actual, expected] as tf.TensorContainer);
  t.equal(tf.memory().numTensors, before, 'nothing is left');
}

async function values(t: Test): Promise<void> {
  const inputs = fixture(t);
  const { scalar, ...expected } = gldLoss.withTerms(inputs, { beta: 7 });
  const { scalar: make, ...actual } = await gldLoss.surrogate(inputs, { beta: 7 });
  t.same(actual, expected);
  const made = make(inputs.student);
  t.equal(made.dataSync()[0], scalar.dataSync()[0]);
  tf.dispose([scalar, made]);

  const at = await gldLoss.surrogate(inputs, { gradients: ['weight'] });
  const grads = tf.grads((weight) => at.scalar({ ...inputs.student, weight }));
  tf.dispose(grads([inputs.student.weight]));
  const { features, weight, bias } = inputs.student;
  const connection = /Cannot compute gradient/;
  t.throws(() => tf.grads((bias) => at.scalar({ features, weight, bias }))([bias]), connection, 'not asked for');
  const none = { code: 'ERR_GLD_ARG_TYPE', argument: 'student.weight' };
  t.throws(() => at.scalar({ features, weight: { data: new Float32Array(6), shape: [2, K] }, bias }), none);
  t.throws(() => at.scalar({ features, weight: bias }), { code: 'ERR_GLD_SHAPE', argument: 'student.weight' });
}

async function minimize(t: Test): Promise<void> {
  const { student: _, ...targets } = fixture(t);
  const [a, b] = [network(t), network(t)];
  const [sync, async] = [tf.train.momentum(0.01, 0.9), tf.train.momentum(0.01, 0.9)];
  t.teardown(() => [sync, async].forEach((optimizer) => optimizer.dispose()));
  let tensors = 0;
  for (let step = 0; step < 3; step++) {
    const cost = present(sync.minimize(() => gldLoss({ ...targets, student: a.forward() }), true, a.variables));
    await withoutSynchronousReads(async () => {
      const { loss } = await gldLoss.minimizeAsync(async, b.forward, targets, { varList: b.variables });
      t.equal(await cost.data().then(([value]) => value), Math.fround(loss), `loss of step ${step}`);
    });
    cost.dispose();
    if (step === 0) tensors = tf.memory().numTensors;
  }
  t.equal(tf.memory().numTensors, tensors, 'as many tensors as after the first step');
  a.variables.forEach((variable, i) => t.ok(close(variable, b.variables[i]), `variable ${i}`));
}

async function aborted(t: Test): Promise<void> {
  const { student: _, ...targets } = fixture(t);
  const { forward, variables } = network(t);
  const optimizer = tf.train.sgd(0.1);
  const before = tf.memory().numTensors;
  const weight = variables[1].dataSync().slice();
  const reason = new Error('enough');
  // A signal without throwIfAborted, as those of jsdom are.
  const controller = new controllers['one of our own']();
  const options = { varList: variables, signal: controller.signal };
  const step = gldLoss.minimizeAsync(optimizer, forward, targets, options);
  controller.abort(reason);
  await t.rejects(step, reason, 'aborted on the way');
  await t.rejects(gldLoss.minimizeAsync(optimizer, forward, targets, options), reason, 'aborted before');
  const wrong = { ...targets, labels: [0, 1, 2, 3] };
  await t.rejects(gldLoss.minimizeAsync(optimizer, forward, wrong), { code: 'ERR_GLD_LABEL' }, 'refused');
  const more = { ...targets, student: {} };
  await t.rejects(gldLoss.minimizeAsync(optimizer, forward, more), { code: 'ERR_GLD_OPTION', argument: 'student' });
  const none = gldLoss.minimizeAsync(optimizer, forward, undefined as never);
  await t.rejects(none, { code: 'ERR_GLD_ARG_TYPE', argument: 'targets' });
  t.same(variables[1].dataSync(), weight, 'the variables are as they were');
  t.equal(tf.memory().numTensors, before, 'and so are the tensors');
}

for (const backend of ['cpu', 'wasm']) {
  t.test(backend, async (t) => {
    await tf.setBackend(backend);
    await t.test('the surrogate has the gradients of the loss', surrogate);
    await t.test('values and parts', values);
    await t.test('minimizeAsync makes the steps of minimize', minimize);
    await t.test('a step that does not come about', aborted);
  });
}
