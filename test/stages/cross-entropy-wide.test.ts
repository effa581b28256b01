/** Stage `cross_entropy` with weights, smoothed and ignored labels, against the reference. */
import { crossEntropy, type SampleWeights } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/cross-entropy.js';
import { rows } from '../reference/rows.js';
import { logSoftmax } from '../reference/softmax.js';
import { arrayError, lossError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-7, gradient: 4e-7 }, float64: { loss: 1e-14, gradient: 1e-14 } };

for (const [n, classes] of [
  [1, 2],
  [5, 3],
  [70, 10],
  [17, 257],
]) {
  t.test(`${n} rows of ${classes} classes`, async (t) => {
    const errors = new Errors();
    const random = new Random(n);
    const logits = { data: random.normals(n * classes, 3), shape: [n, classes] };
    const hard = Int32Array.from({ length: n }, () => random.integer(classes));
    const soft = { data: random.normals(n * classes).map(Math.abs), shape: [n, classes] };
    const counts = Float64Array.from({ length: n }, (_, i) => [2, 0, 1, 0.25, 3][i % 5]);
    for (const dtype of dtypes) {
      for (const placement of placements) {
        const computed = dtype === 'float64' ? 'float64' : 'float32';
        const z = encode(logits, dtype, placement);
        const y = encode(soft, dtype, placement);
        const weights = encode({ data: counts, shape: [n] }, computed, placement);
        for (const labelSmoothing of [0, 0.1, 0.9]) {
          for (const sampleWeights of [undefined, weights.tensor]) {
            for (const ignoreIndex of [undefined, hard[n - 1], -100]) {
              for (const labels of ignoreIndex === undefined ? [hard, y.tensor] : [hard]) {
                const given = ignoreIndex === -100 ? hard.map((label, i) => (i % 3 === 1 ? -100 : label)) : hard;
                const targets =
                  labels === hard ? reference.oneHot(given, classes, ignoreIndex) : Float64Array.from(y.exact.data);
                const counted = Array.from({ length: n }, (_, i) =>
                  labels === hard && given[i] === ignoreIndex ? 0 : sampleWeights === undefined ? 1 : counts[i],
                );
                const expected = reference.crossEntropy(
                  Float64Array.from(z.exact.data),
                  reference.smoothed(targets, classes, labelSmoothing),
                  classes,
                  counted,
                );
                const inputs = { logits: z.tensor, labels: labels === hard ? given : labels, sampleWeights };
                const got = crossEntropy(inputs, { labelSmoothing, ignoreIndex });
                const kind = labels === hard ? `hard, ignoring ${ignoreIndex}` : 'soft';
                const what = `${kind}, smoothing ${labelSmoothing}, ${sampleWeights ? 'weights' : ''} ${dtype} ${placement}`;
                const gradient = got.gradients?.logits.data ?? [];
                errors.add(`loss ${computed}`, lossError(got.loss, expected.loss), tolerance[computed].loss, what);
                const gradientOff = arrayError(gradient, expected.gradient);
                errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
              }
            }
          }
        }
      }
    }
    errors.check(t);
  });
}

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
    const options = { labelSmoothing: kind.endsWith('smoothed') ? epsilon : 0 };
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
  for (const labelSmoothing of [0, 0.1]) {
    const options = { labelSmoothing, ignoreIndex: 3 };
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
