/** Stage `relation`, by either method: what weights of its rows mean. Its accuracy is a matter of test/conformance. */
import { relation } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { arrayError, relationError } from '../support/compare.js';
import { Random } from '../support/random.js';

const methods = [{ method: 'pairwise' }, { method: 'moments' }, { method: 'pairwise', metric: 'euclidean' }] as const;

t.test('integer weights are rows repeated, 0 is an absent one', async (t) => {
  const random = new Random(8);
  const [m, classes] = [9, 5];
  const counts = [2, 0, 1, 3, 1, 0, 1, 2, 1];
  const repeats = counts.flatMap((count, r) => new Array<number>(count).fill(r));
  const data = [random.normals(m * classes, 3), random.normals(m * classes, 3)];
  const all = data.map((values) => ({ data: values, shape: [m, classes] }));
  const copies = data.map((values) => ({
    data: Float64Array.from(repeats.flatMap((r) => [...values.subarray(r * classes, (r + 1) * classes)])),
    shape: [repeats.length, classes],
  }));
  for (const chosen of methods) {
    const weighted = relation({ teacher: all[0], student: all[1], weights: counts }, chosen);
    const repeated = relation({ teacher: copies[0], student: copies[1] }, chosen);
    const summed = new Float64Array(m * classes);
    repeats.forEach((r, at) => {
      for (let k = 0; k < classes; k++)
        summed[r * classes + k] += present(repeated.gradients).logits.data[at * classes + k];
    });
    t.ok(relationError(weighted.loss, repeated.loss, repeats.length) < 1e-15, chosen.method);
    t.ok(arrayError(present(weighted.gradients).logits.data, summed) < 1e-14, chosen.method);
  }
});
