/** Stage `cross_entropy` against the reference. */
import { crossEntropy, type Labels } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/cross-entropy.js';
import { arrayError, lossError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-6 }, float64: { loss: 1e-14, gradient: 1e-14 } };

for (const [n, classes] of [
  [1, 2],
  [3, 5],
  [70, 10],
  [65, 100],
  [17, 1000],
]) {
  t.test(`${n} rows of ${classes} classes`, async (t) => {
    const errors = new Errors();
    const random = new Random(n);
    const logits = { data: random.normals(n * classes, 3), shape: [n, classes] };
    const hard = Int32Array.from({ length: n }, () => random.integer(classes));
    const soft = { data: random.normals(n * classes).map(Math.abs), shape: [n, classes] };
    for (const dtype of dtypes) {
      for (const placement of placements) {
        const computed = dtype === 'float64' ? 'float64' : 'float32';
        const z = encode(logits, dtype, placement);
        const y = encode(soft, dtype, placement);
        for (const labels of [hard, y.tensor]) {
          const targets = labels === hard ? reference.oneHot(hard, classes) : Float64Array.from(y.exact.data);
          const expected = reference.crossEntropy(Float64Array.from(z.exact.data), targets, classes);
          const got = crossEntropy({ logits: z.tensor, labels });
          const what = `${labels === hard ? 'hard' : 'soft'} ${dtype} ${placement}`;
          const gradient = got.gradients?.logits;
          t.match(gradient, { shape: [n, classes], dtype: computed }, what);
          const lossOff = lossError(got.loss, expected.loss);
          const gradientOff = arrayError(gradient?.data ?? [], expected.gradient);
          errors.add(`loss ${computed}`, lossOff, tolerance[computed].loss, what);
          errors.add(`gradient ${computed}`, gradientOff, tolerance[computed].gradient, what);
        }
      }
    }
    errors.check(t);
  });
}

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
