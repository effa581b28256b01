/** The adapter's value and gradients against TensorFlow.js's own differentiation of the same loss. */
import '@tensorflow/tfjs-backend-wasm';
import { tfjsGld } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { opsLoss, type OpsSide } from './tfjs-ops.js';
import { cases, classes as K, samples as N, type Case, type CaseSide } from '../cases.js';
import { tf } from '../../support/tfjs.js';

const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);

function sideOf(seed: number, side: CaseSide): OpsSide {
  if ('rows' in side) return { logits: random(seed, [N, side.rows, K]) };
  const { channels, map, bias = true } = side;
  const features = random(seed, [N, ...map, channels]);
  return { features, weight: random(seed + 1, [channels, K]), ...(bias && { bias: random(seed + 2, [K]) }) };
}

/** Largest difference of two tensors, relative to the largest element of the second. */
function difference(actual: tf.Tensor, expected: tf.Tensor): number {
  return tf.tidy(() => {
    const worst = (x: tf.Tensor) => tf.max(tf.abs(x)).dataSync()[0];
    return worst(tf.sub(actual, expected)) / worst(expected);
  });
}

function check(t: Test, { labels, options = {}, ...sides }: Case): void {
  const [teacher, student] = [sideOf(1, sides.teacher), sideOf(5, sides.student)] as [never, never];
  const soft = labels === 'soft' && (tf.softmax(random(9, [N, K])) as tf.Tensor2D);
  const hard = Array.isArray(labels) && tf.tensor1d(labels, 'int32');
  const given = soft || hard || undefined;
  const probabilities = soft || (hard ? tf.oneHot(hard, K) : undefined);
  const { temperature, ...rest } = options;
  const normalization = temperature === undefined ? undefined : ({ kind: 'temperature', temperature } as const);
  const own = { ...rest, normalization };

  const names = Object.keys(student);
  const through =
    (loss: (side: never) => tf.Scalar) =>
    (...tensors: tf.Tensor[]) =>
      loss(Object.fromEntries(names.map((name, i) => [name, tensors[i]])) as never);
  const actual = tf.valueAndGrads(through((side) => gldLoss({ teacher, student: side, labels: given }, own)));
  const expected = tf.valueAndGrads(through((side) => opsLoss(teacher, side, probabilities, options)));
  const inputs = Object.values<tf.Tensor>(student);
  const a = actual(inputs);
  const e = expected(inputs);

  t.equal(a.value.rank, 0, 'a scalar');
  t.ok(difference(a.value, e.value) < 1e-5, 'loss');
  names.forEach((name, i) => {
    t.same(a.grads[i].shape, e.grads[i].shape, `shape of the gradient of ${name}`);
    t.ok(difference(a.grads[i], e.grads[i]) < 1e-4, `gradient of ${name}`);
  });
}

for (const backend of ['cpu', 'wasm']) {
  t.test(backend, async (t) => {
    await tf.setBackend(backend);
    t.equal(tf.getBackend(), backend);
    for (const one of cases) t.test(one.name, async (t) => tf.tidy(() => check(t, one)));
  });
}
