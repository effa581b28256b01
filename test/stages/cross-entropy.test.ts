/** Stage `cross_entropy`: what its arguments may be, and certain answers. Its accuracy is a matter of test/conformance. */
import { crossEntropy, type Labels, type SampleWeights } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/cross-entropy.js';
import { rows } from '../reference/rows.js';
import { logSoftmax } from '../reference/softmax.js';
import { arrayError, lossError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { smoothedBy } from '../support/options.js';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

t.test('class indices of every kind mean the same', async (t) => {
  const { tensor: logits } = encode({ data: new Random(7).normals(12, 3), shape: [3, 4] }, 'float32');
  const indices = [2, 0, 3];
  const expected = crossEntropy({ logits, labels: Int32Array.from(indices) });
  const kinds: Labels[] = [indices, BigInt64Array.from(indices.map(BigInt)), BigUint64Array.from(indices.map(BigInt))];
  for (const array of [Int8Array, Uint8Array, Int16Array, Uint16Array, Uint32Array]) kinds.push(array.from(indices));
  kinds.push({ data: Int32Array.from(indices), shape: [3] });
  kinds.push({ data: BigInt64Array.from(indices.map(BigInt)), dims: [3], type: 'int64' });
  kinds.push({ data: Int32Array.of(-9, 2, -9, 0, -9, 3), shape: [3], strides: [2], offset: 1 });
  for (const labels of kinds) t.same(crossEntropy({ logits, labels }), expected);
  t.equal(crossEntropy({ logits, labels: indices }, { gradients: false }).gradients, undefined);
  t.equal(crossEntropy({ logits, labels: indices }, { gradients: false }).loss, expected.loss);
});

t.test('samples that are nearly certain: what is left of 1 - p keeps its digits', async (t) => {
  const errors = new Errors();
  const [n, classes] = [64, 100];
  for (const lead of [12, 14, 16, 18, 25]) {
    const random = new Random(lead);
    const data = random.normals(n * classes);
    const labels = Int32Array.from({ length: n }, () => random.integer(classes));
    labels.forEach((label, i) => (data[i * classes + label] += lead));
    const z = encode({ data, shape: [n, classes] }, 'float32');
    const targets = reference.oneHot(labels, classes);
    const expected = reference.crossEntropy(Float64Array.from(z.exact.data), targets, classes);
    const got = crossEntropy({ logits: z.tensor, labels });
    errors.add('loss', lossError(got.loss, expected.loss), 1e-6, `${lead} ahead`);
    errors.add('gradient', arrayError(got.gradients?.logits?.data ?? [], expected.gradient), 1e-6, `${lead} ahead`);
  }
  errors.check(t);
});

t.test('a certain answer costs nothing, a certain mistake its distance', async (t) => {
  for (const scale of [1e4, 1e30]) {
    const { tensor: logits } = encode({ data: [scale, -scale, 0], shape: [1, 3] }, 'float32');
    const right = crossEntropy({ logits, labels: [0] });
    const wrong = crossEntropy({ logits, labels: [1] });
    t.equal(right.loss, 0);
    t.ok(Math.abs(wrong.loss / (2 * Math.fround(scale)) - 1) < 1e-6, `${wrong.loss}`);
    // A vectorised exponential may end at the smallest normal number instead of 0.
    t.ok(arrayError(right.gradients?.logits?.data ?? [], [0, 0, 0]) < 1e-37);
    t.ok(arrayError(wrong.gradients?.logits?.data ?? [], [1, -1, 0]) < 1e-37);
  }
});

const { tensor: logits } = encode({ data: new Random(7).normals(12, 3), shape: [3, 4] }, 'float32');

t.test('weights of every kind mean the same', async (t) => {
  const counts = [0.5, 2, 0];
  const labels = [1, 2, 3];
  const expected = crossEntropy({ logits, labels, sampleWeights: counts });
  const kinds: SampleWeights[] = [
    Float32Array.from(counts),
    Float64Array.from(counts),
    { data: Float32Array.from(counts), shape: [3] },
    { data: Float64Array.of(-1, 0, -1, 2, -1, 0.5), dims: [3], strides: [-2], offset: 5 },
  ];
  for (const sampleWeights of kinds) t.same(crossEntropy({ logits, labels, sampleWeights }), expected);
});

t.test('weights of classes, by the formulas of PyTorch', async (t) => {
  const [n, classes, epsilon] = [5, 4, 0.2];
  const random = new Random(8);
  const given = { data: random.normals(n * classes, 3), shape: [n, classes] };
  const minusLogP = rows(given.data, classes).map((row) => logSoftmax(row).map((value) => -value));
  const soft = { data: random.normals(n * classes).map(Math.abs), shape: [n, classes] };
  const normed = rows(soft.data, classes).map((row) => row.map((value) => value / row.reduce((a, b) => a + b, 0)));
  normed.forEach((row, i) => soft.data.set(row, i * classes));
  const labels = [1, 3, 2, 1, 0];
  const v = [0.5, 2, 0, 1.5];
  const s = [1, 2, 0.5, 0, 3];
  const sum = (of: (i: number) => number): number => labels.reduce((total, _, i) => total + s[i] * of(i), 0);
  const spread = (i: number): number => minusLogP[i].reduce((total, value, k) => total + (v[k] * value) / classes, 0);
  const own = (i: number): number => v[labels[i]] * minusLogP[i][labels[i]];
  const all = (i: number): number => normed[i].reduce((total, p, k) => total + v[k] * p * minusLogP[i][k], 0);
  const byLabels = sum((i) => v[labels[i]]);
  const expected = {
    hard: sum(own) / byLabels,
    'hard, smoothed': sum((i) => (1 - epsilon) * own(i) + epsilon * spread(i)) / byLabels,
    soft: sum(all) / sum(() => 1),
    'soft, smoothed': sum((i) => (1 - epsilon) * all(i) + epsilon * spread(i)) / sum(() => 1),
  };
  for (const [kind, loss] of Object.entries(expected)) {
    const inputs = { logits: given, labels: kind.startsWith('hard') ? labels : soft, sampleWeights: s };
    const options = kind.endsWith('smoothed') ? smoothedBy(epsilon) : {};
    const of = (classWeights: SampleWeights) => crossEntropy({ ...inputs, classWeights }, options);
    const got = of(v);
    t.ok(lossError(got.loss, loss) < 1e-14, `${kind}: ${got.loss}, not ${loss}`);
    const forms = [
      Float64Array.from(v),
      { data: Float64Array.from(v).reverse(), shape: [4], strides: [-1], offset: 3 },
    ];
    for (const form of forms) t.same(of(form), got);
    for (const factor of [2 ** -900, 2 ** 900]) {
      const scaled = of(v.map((weight) => factor * weight));
      const times = kind.startsWith('hard') ? 1 : factor;
      t.equal(scaled.loss, times * got.loss, `${kind}: the scale of the weights`);
    }
  }
});

t.test('all labels are of classes without weight: the loss and its gradient are 0', async (t) => {
  for (const smoothing of [0, 0.1]) {
    const options = { ...smoothedBy(smoothing), ignoreIndex: 3 };
    const { loss, gradients } = crossEntropy({ logits, labels: [1, 1, 3], classWeights: [1, 0, 1, 2] }, options);
    t.equal(loss, 0);
    t.ok(gradients?.logits.data.every((value) => value === 0));
  }
});

t.test('nothing is labelled: the loss and its gradient are 0', async (t) => {
  for (const sampleWeights of [undefined, [1, 2, 0]]) {
    const { loss, gradients } = crossEntropy({ logits, labels: [255, 255, 255], sampleWeights }, { ignoreIndex: 255 });
    t.equal(loss, 0);
    t.ok(gradients?.logits.data.every((value) => value === 0));
  }
  const weighted = crossEntropy({ logits, labels: [1, 255, 255], sampleWeights: [0, 1, 1] }, { ignoreIndex: 255 });
  t.equal(weighted.loss, 0, 'what has no weight is as good as not labelled');
});

t.test('labels that are ignored are not read as classes', async (t) => {
  t.throws(() => crossEntropy({ logits, labels: [1, 255, 2] }), { code: 'ERR_GLD_LABEL', argument: 'labels[1]' });
  t.throws(() => crossEntropy({ logits, labels: [1, -1, 2] }, { ignoreIndex: 255 }), { code: 'ERR_GLD_LABEL' });
  const ignored = crossEntropy({ logits, labels: BigInt64Array.of(1n, -1n, 2n) }, { ignoreIndex: -1 });
  t.same(ignored, crossEntropy({ logits, labels: [1, 0, 2] }, { ignoreIndex: 0 }), 'whichever integer it is');
});
