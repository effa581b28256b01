/** Stage `classifier`: the shapes of its results. Its accuracy is a matter of test/conformance. */
import { classify } from 'gld-loss';
import t from 'tap';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

t.test('pooled [n, R, C] gives logits [n, R, K]; without an upstream there are no gradients', async (t) => {
  const random = new Random(1);
  const pooled = encode({ data: random.normals(2 * 5 * 3), shape: [2, 5, 3] }, 'float32').tensor;
  const weight = encode({ data: random.normals(4 * 3), shape: [4, 3] }, 'float32').tensor;
  const got = classify({ pooled, weight });
  t.same(got.logits.shape, [2, 5, 4]);
  t.equal(got.gradients, undefined);
});
