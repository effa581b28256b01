/** Maps of other ranks, maps of logits, masks and weights through the adapter, against tfjs's own differentiation. */
import { gldLoss as core } from 'gld-loss';
import { tfjsGld, type TfjsInputs } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { opsLoss } from './tfjs-ops.js';
import { usualRelation } from '../cases.js';
import { tf } from '../../support/tfjs.js';
import { smoothing, unusual } from '../../support/options.js';

const N = 3;
const K = 5;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());
await tf.setBackend('cpu');

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);
const classes = [4, 0, 2];
const labels = tf.tensor1d(classes, 'int32');
const oneHot = tf.oneHot(labels, K, 1, 0, 'float32');

/** Largest difference of two tensors, relative to the largest element of the second. */
function difference(actual: tf.Tensor, expected: tf.Tensor): number {
  return tf.tidy(() => {
    const worst = (x: tf.Tensor) => tf.max(tf.abs(x)).dataSync()[0];
    return worst(tf.sub(actual, expected)) / worst(expected);
  });
}

type Loss = (...inputs: tf.Tensor[]) => tf.Scalar;

function same(t: Test, inputs: tf.Tensor[], actual: Loss, expected: Loss): void {
  tf.tidy(() => {
    const [a, e] = [tf.valueAndGrads(actual)(inputs), tf.valueAndGrads(expected)(inputs)];
    t.ok(difference(a.value, e.value) < 5e-7, 'loss');
    a.grads.forEach((grad, i) => {
      t.same(grad.shape, inputs[i].shape);
      t.ok(difference(grad, e.grads[i]) < 2e-6, `gradient ${i}`);
    });
  });
}

/** Rows [n, 1 + L, C] of a map [n, D, H, W, C]: means over the whole and over the cells, of what the mask leaves. */
function rowsOf(map: tf.Tensor, [depth, height, width]: number[], mask?: tf.Tensor): tf.Tensor {
  const [n, d, h, w, channels] = map.shape;
  const counts = mask === undefined ? tf.ones([n, d, h, w, 1]) : tf.reshape(tf.cast(mask, 'float32'), [n, d, h, w, 1]);
  const mean = (from: number[], size: number[]) => {
    const cut = (x: tf.Tensor, last: number) => tf.sum(tf.slice(x, [0, ...from, 0], [n, ...size, last]), [1, 2, 3]);
    return tf.div(cut(tf.mul(map, counts), channels), cut(counts, 1));
  };
  const rows = [mean([0, 0, 0], [d, h, w])];
  for (let i = 0; i < depth; i++) {
    for (let j = 0; j < height; j++) {
      for (let k = 0; k < width; k++) {
        const size = [d / depth, h / height, w / width];
        rows.push(mean([i * size[0], j * size[1], k * size[2]], size));
      }
    }
  }
  return tf.stack(rows, 1);
}

/** The shape of a map in three axes. */
const deep = (map: tf.Tensor) =>
  tf.reshape(map, [map.shape[0], ...[1, 1, 1, ...map.shape.slice(1, -1)].slice(-3), present(map.shape.at(-1))]);
const classified = (rows: tf.Tensor, weight: tf.Tensor) =>
  tf.reshape(tf.matMul(tf.reshape(rows, [-1, weight.shape[0]]), weight as tf.Tensor2D), [rows.shape[0], -1, K]);

for (const [name, size, grid] of [
  ['sequences', [6], [1, 1, 3]],
  ['images', [4, 6], [1, 2, 3]],
  ['volumes', [2, 4, 6], [1, 2, 3]],
] as const) {
  const option = { grid: { pyramid: [grid.slice(-size.length)] } };
  const cells = grid[0] * grid[1] * grid[2];
  const teacher = { logits: random(1, [N, 1 + cells, K]) };
  t.test(`${name}: features`, async (t) => {
    const inputs = [random(2, [N, ...size, 3]), random(3, [3, K])];
    const expected: Loss = (map, weight) =>
      opsLoss(teacher, { logits: classified(rowsOf(deep(map), [...grid]), weight) }, oneHot);
    same(
      t,
      inputs,
      (features, weight) => gldLoss({ teacher, student: { features, weight }, labels }, option),
      expected,
    );
  });
  t.test(`${name}: a map of logits with a mask`, async (t) => {
    const mask = tf.cast(tf.greater(tf.randomUniform([N, ...size], 0, 1, 'float32', 4), 0.2), 'bool');
    const actual: Loss = (logitMap) => gldLoss({ teacher, student: { logitMap, mask }, labels }, option);
    const expected: Loss = (map) => opsLoss(teacher, { logits: rowsOf(deep(map), [...grid], mask) }, oneHot);
    same(t, [random(5, [N, ...size, K])], actual, expected);
  });
}

t.test('weights of samples are samples repeated', async (t) => {
  const teacher = { logits: random(1, [N, 5, K]) };
  const repeats = tf.tensor1d([0, 0, 2, 2, 2], 'int32');
  const of = (x: tf.Tensor) => tf.gather(x, repeats);
  const expected: Loss = (logits) => opsLoss({ logits: of(teacher.logits) }, { logits: of(logits) }, of(oneHot));
  const counts = [2, 0, 3];
  const forms = [tf.tensor1d(counts), tf.tensor1d(counts, 'int32'), counts, Float32Array.from(counts)];
  for (const sampleWeights of forms) {
    same(
      t,
      [random(2, [N, 5, K])],
      (logits) => gldLoss({ teacher, student: { logits }, labels, sampleWeights }),
      expected,
    );
  }
});

t.test('smoothed labels', async (t) => {
  const teacher = { logits: random(1, [N, 5, K]) };
  const smoothed = tf.add(tf.mul(oneHot, 1 - smoothing), smoothing / K);
  same(
    t,
    [random(2, [N, 5, K])],
    (logits) => gldLoss({ teacher, student: { logits }, labels }, unusual),
    (logits) => opsLoss(teacher, { logits }, smoothed),
  );
});

t.test('everything at once, in either form, is what the core computes', async (t) => {
  const array = (x: tf.Tensor) => ({ data: Float32Array.from(x.dataSync()), shape: x.shape });
  const mask = tf.cast(tf.greater(random(6, [N, 5, 7]), 0), 'bool');
  const features = random(1, [N, 4, 4, 2]);
  const weight = random(2, [2, K]);
  const logitMap = random(3, [N, 5, 7, K]);
  const weights = tf.tensor1d([0.5, 2, 1]);
  const options = { ...unusual, grid: [1, 2, 3], ignoreIndex: 0, beta: 20 };
  const inputs: TfjsInputs<tf.Tensor> = {
    teacher: { features, weight },
    student: { logitMap, mask },
    labels,
    sampleWeights: weights,
  };
  const expected = core(
    {
      teacher: { features: array(features), weight: array(weight), layout: 'NHWC', weightLayout: 'CK' },
      student: {
        logitMap: array(logitMap),
        mask: { data: Uint8Array.from(mask.dataSync()), shape: mask.shape },
        layout: 'NHWC',
      },
      labels: classes,
      sampleWeights: Float32Array.from(weights.dataSync()),
    },
    { ...options, relation: usualRelation },
  );
  const { scalar, ...value } = gldLoss.withTerms(inputs, options);
  const { gradients, ...numbers } = expected;
  t.same(value, numbers);
  const [grad] = tf.grads((map) => gldLoss({ ...inputs, student: { logitMap: map, mask } }, options))([logitMap]);
  t.same([...grad.dataSync()], [...present(gradients?.logitMap).data]);
  const at = await gldLoss.surrogate(inputs, options);
  t.equal(at.loss, expected.loss);
  const [later] = tf.grads((map) => at.scalar({ logitMap: map, mask }))([logitMap]);
  t.same([...later.dataSync()], [...present(gradients?.logitMap).data]);

  const variable = tf.variable(logitMap);
  const { student: _, ...targets } = inputs;
  const optimizer = tf.train.sgd(1);
  const before = tf.memory().numTensors;
  await gldLoss.minimizeAsync(optimizer, () => ({ logitMap: variable, mask }), targets, options);
  t.equal(tf.memory().numTensors, before, 'nothing is left behind');
  t.ok(difference(tf.sub(logitMap, variable), grad) < 1e-6, 'a step of training');
});

t.test('wrong ones', async (t) => {
  const student = { logitMap: random(3, [N, 4, 4, K]) };
  const teacher = { logits: random(1, [N, 5, K]) };
  const refuse = (what: string, inputs: object, code: string, argument: string): unknown =>
    t.throws(() => gldLoss({ teacher, student, labels, ...inputs } as never), { code, argument }, what);
  refuse('a mask of floats', { student: { ...student, mask: tf.ones([N, 4, 4]) } }, 'ERR_GLD_DTYPE', 'student.mask');
  refuse(
    'a mask of another map',
    { student: { ...student, mask: tf.ones([N, 4, 5], 'bool') } },
    'ERR_GLD_SHAPE',
    'student.mask',
  );
  refuse('negative weights', { sampleWeights: tf.tensor1d([1, -1, 1]) }, 'ERR_GLD_WEIGHT', 'sampleWeights[1]');
  refuse('weights of other samples', { sampleWeights: tf.tensor1d([1, 1]) }, 'ERR_GLD_SHAPE', 'sampleWeights');
  refuse(
    'a map of two axes for one of one',
    { student: { logitMap: random(3, [N, 4, K]), layout: 'NHWC' } },
    'ERR_GLD_RANK',
    'student.logitMap',
  );
  const disposed = tf.ones([N, 4, 4], 'bool');
  disposed.dispose();
  refuse('a disposed mask', { student: { ...student, mask: disposed } }, 'ERR_GLD_DISPOSED', 'student.mask');
});
