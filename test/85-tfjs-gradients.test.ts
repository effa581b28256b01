/** The adapter's value and gradients against TensorFlow.js's own differentiation of the same loss. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { tfjsGld } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { opsLoss, type OpsOptions, type OpsSide } from './85-tfjs-ops.js';

const N = 3;
const K = 5;
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());

const random = (seed: number, shape: number[]) => tf.randomNormal(shape, 0, 1, 'float32', seed);

function features(seed: number, [height, width, channels]: number[], bias = true): OpsSide {
  const side = { features: random(seed, [N, height, width, channels]), weight: random(seed + 1, [channels, K]) };
  return bias ? { ...side, bias: random(seed + 2, [K]) } : side;
}

const logits = (seed: number, rows = 5): OpsSide => ({ logits: random(seed, [N, rows, K]) });

interface Case {
  name: string;
  teacher: () => OpsSide;
  student: () => OpsSide;
  /** A class of each sample, or 'soft', or none. */
  labels?: number[] | 'soft';
  options?: OpsOptions;
}

const cases: Case[] = [
  {
    name: 'features on both sides',
    teacher: () => features(1, [4, 4, 6]),
    student: () => features(5, [4, 4, 3]),
    labels: [4, 0, 2],
  },
  { name: 'without a bias', teacher: () => logits(1), student: () => features(5, [4, 4, 3], false), labels: [4, 0, 2] },
  { name: 'soft labels', teacher: () => logits(1), student: () => features(5, [2, 2, 4]), labels: 'soft' },
  { name: 'no labels', teacher: () => logits(1), student: () => features(5, [2, 2, 4]) },
  { name: 'logits on both sides', teacher: () => logits(1), student: () => logits(5), labels: [1, 1, 3] },
  { name: 'global logits only', teacher: () => logits(1, 1), student: () => logits(5, 1), labels: [1, 1, 3] },
  {
    name: 'maps of two sizes under a grid that divides neither',
    teacher: () => features(1, [5, 4, 3]),
    student: () => features(5, [4, 7, 2]),
    labels: [0, 1, 2],
    options: { grid: [2, 3] },
  },
  {
    name: 'a temperature',
    teacher: () => logits(1),
    student: () => features(5, [4, 4, 3]),
    options: { temperature: 4 },
  },
  {
    name: 'other weights of the terms',
    teacher: () => logits(1),
    student: () => features(5, [4, 4, 3]),
    labels: [0, 1, 2],
    options: { alpha: 0.2, beta: 3, localWeight: 0.5 },
  },
];

/** Largest difference of two tensors, relative to the largest element of the second. */
function difference(actual: tf.Tensor, expected: tf.Tensor): number {
  return tf.tidy(() => {
    const worst = (x: tf.Tensor) => tf.max(tf.abs(x)).dataSync()[0];
    return worst(tf.sub(actual, expected)) / worst(expected);
  });
}

function check(t: Test, { teacher: makeTeacher, student: makeStudent, labels, options = {} }: Case): void {
  const [teacher, student] = [makeTeacher(), makeStudent()] as [never, never];
  const soft = labels === 'soft' && (tf.softmax(random(9, [N, K])) as tf.Tensor2D);
  const hard = Array.isArray(labels) && tf.tensor1d(labels, 'int32');
  const given = soft || hard || undefined;
  const probabilities = soft || (hard ? tf.oneHot(hard, K) : undefined);
  const { temperature, ...rest } = options;
  const normalization = temperature === undefined ? undefined : ({ kind: 'temperature', temperature } as const);
  const own = { ...rest, normalization };

  const names = Object.keys(student);
  const through = (loss: (side: never) => tf.Scalar) => (...tensors: tf.Tensor[]) =>
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
