/** Stage `classifier` against the reference. */
import { classify } from 'gld-loss';
import t from 'tap';
import * as reference from '../reference/classifier.js';
import { fromKC, toKC } from '../reference/layout.js';
import { arrayError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: 2e-6, float64: 1e-14 };

const cases = [
  { count: 1, channels: 1, classes: 2 },
  { count: 5, channels: 3, classes: 10 },
  { count: 33, channels: 17, classes: 7 },
  { count: 130, channels: 64, classes: 100 },
  { count: 129, channels: 257, classes: 31 },
  { count: 20, channels: 40, classes: 1000 },
];

for (const shape of cases) {
  const { count, channels, classes } = shape;
  t.test(`${count} rows, ${channels} channels, ${classes} classes`, async (t) => {
    const errors = new Errors();
    const random = new Random(count);
    const dense = {
      pooled: { data: random.normals(count * channels), shape: [count, channels] },
      weight: random.normals(classes * channels),
      bias: { data: random.normals(classes), shape: [classes] },
      upstream: { data: random.normals(count * classes), shape: [count, classes] },
    };
    for (const weightLayout of ['KC', 'CK'] as const) {
      const weightShape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
      for (const dtype of dtypes) {
        for (const placement of placements) {
          const computed = dtype === 'float64' ? 'float64' : 'float32';
          const what = `${weightLayout} ${dtype} ${placement}`;
          const pooled = encode(dense.pooled, computed, placement);
          const weight = encode({ data: dense.weight, shape: weightShape }, dtype, placement);
          const bias = placement === 'strided' ? undefined : encode(dense.bias, dtype, placement);
          const upstream = encode(dense.upstream, computed, placement);
          const got = classify(
            { pooled: pooled.tensor, weight: weight.tensor, bias: bias?.tensor, weightLayout },
            { upstream: upstream.tensor },
          );

          const kc = toKC(weight.exact, weightLayout);
          const logits = reference.classify(pooled.exact.data, kc, bias?.exact.data, shape);
          t.match(got.logits, { shape: [count, classes], dtype: computed }, what);
          errors.add(`logits ${computed}`, arrayError(got.logits.data, logits), tolerance[computed], what);

          const expected = reference.classifyGradient(upstream.exact.data, pooled.exact.data, kc, shape);
          const gradients = {
            pooled: arrayError(got.gradients?.pooled.data ?? [], expected.pooled),
            weight: arrayError(got.gradients?.weight.data ?? [], fromKC(expected.weight, weightShape, weightLayout)),
            bias: bias ? arrayError(got.gradients?.bias?.data ?? [], expected.bias) : 0,
          };
          t.same(got.gradients?.weight.shape, weightShape, what);
          t.equal(got.gradients?.bias === undefined, bias === undefined, 'a gradient for the bias if there is one');
          for (const [name, error] of Object.entries(gradients)) {
            errors.add(`${name} ${computed}`, error, tolerance[computed], what);
          }
        }
      }
    }
    errors.check(t);
  });
}

t.test('pooled [n, R, C] gives logits [n, R, K]; without an upstream there are no gradients', async (t) => {
  const random = new Random(1);
  const pooled = encode({ data: random.normals(2 * 5 * 3), shape: [2, 5, 3] }, 'float32').tensor;
  const weight = encode({ data: random.normals(4 * 3), shape: [4, 3] }, 'float32').tensor;
  const got = classify({ pooled, weight });
  t.same(got.logits.shape, [2, 5, 4]);
  t.equal(got.gradients, undefined);
});
