/** Buffers lent to the stages: the same results as in new arrays, in the buffers themselves. */
import { classify, crossEntropy, normalizedKd, pool, relation, type DenseTensor, type RowLossOptions } from 'gld-loss';
import t, { type Test } from 'tap';
import { Random } from '../support/random.js';

const random = new Random(1);
const tensor = (...shape: number[]) => ({
  data: Float32Array.from(random.normals(shape.reduce((product, size) => product * size, 1))),
  shape,
});
/** A buffer with something in it that has to go. */
const buffer = (length: number) => new Float32Array(length).fill(7);

function same(t: Test, got: DenseTensor | undefined, expected: DenseTensor | undefined, lent: Float32Array): void {
  t.equal(got?.data, lent, 'the buffer itself');
  t.same(got, expected);
}

t.test('pool', async (t) => {
  for (const layout of ['NCHW', 'NHWC'] as const) {
    const features = layout === 'NCHW' ? tensor(3, 5, 7, 6) : tensor(3, 7, 6, 5);
    const upstream = tensor(3, 7, 5);
    const out = { pooled: buffer(3 * 7 * 5), features: buffer(3 * 5 * 7 * 6) };
    const expected = pool({ features, layout }, { grid: [2, 3], upstream });
    const got = pool({ features, layout }, { grid: [2, 3], upstream, out });
    same(t, got.pooled, expected.pooled, out.pooled);
    same(t, got.gradients?.features, expected.gradients?.features, out.features);
  }
});

t.test('classify', async (t) => {
  for (const shape of [
    [4, 3, 5],
    [12, 5],
  ]) {
    const inputs = { pooled: tensor(...shape), weight: tensor(5, 6), bias: tensor(6), weightLayout: 'CK' } as const;
    const upstream = tensor(...shape.slice(0, -1), 6);
    const out = { logits: buffer(72), pooled: buffer(60), weight: buffer(30), bias: buffer(6) };
    const expected = classify(inputs, { upstream });
    const got = classify(inputs, { upstream, out });
    same(t, got.logits, expected.logits, out.logits);
    for (const name of ['pooled', 'weight', 'bias'] as const) {
      same(t, got.gradients?.[name], expected.gradients?.[name], out[name]);
    }
  }
});

t.test('losses over rows', async (t) => {
  const pair = { teacher: tensor(6, 3, 5), student: tensor(6, 3, 5) };
  const losses = [
    (options?: RowLossOptions) => normalizedKd(pair, options),
    (options?: RowLossOptions) => relation(pair, options),
  ];
  for (const loss of losses) {
    const logits = buffer(90);
    const expected = loss();
    const got = loss({ out: { logits } });
    t.equal(got.loss, expected.loss);
    same(t, got.gradients?.logits, expected.gradients?.logits, logits);
  }
  const given = { logits: tensor(6, 5), labels: [0, 1, 2, 3, 4, 0] };
  const logits = buffer(30);
  same(t, crossEntropy(given, { out: { logits } }).gradients?.logits, crossEntropy(given).gradients?.logits, logits);
});
