/** Logits so small that what divides by their spread overflows: never NaN. Gradients that do are a matter of test/conformance. */
import { gldLoss } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { encode } from '../support/tensors.js';

t.test('logits below the normal numbers, in float32 and float64', async (t) => {
  for (const [dtype, size] of [
    ['float32', 1e-40],
    ['float64', 1e-310],
  ] as const) {
    const logits = (shift: number) => {
      const data = Float64Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.7 + shift) * size);
      return { logits: encode({ data, shape: [3, 2, 4] }, dtype).tensor };
    };
    for (const relation of [{ method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }] as const) {
      const { gradients } = gldLoss({ teacher: logits(0), student: logits(1) }, { relation });
      const nans = Array.from(present(gradients?.logits).data).filter(Number.isNaN).length;
      t.equal(nans, 0, `${dtype}, ${JSON.stringify(relation)}`);
    }
  }
});
