/** Gradients that overflow: infinities of the sign that their sum has, never NaN. */
import { gldLoss } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { isOverflowed, overflowedGradients, overflowing } from '../support/overflow.js';
import { encode, encodeInputs } from '../support/tensors.js';

for (const [name, inputs, options] of overflowing) {
  t.test(name, async (t) => {
    const { given, exact } = encodeInputs(inputs, 'float32');
    const { gradients: expected, beyond } = overflowedGradients(exact, options);
    t.ok(beyond > 5, `${beyond} elements overflow`);
    const { loss, gradients } = gldLoss(given, options);
    t.ok(!Number.isNaN(loss), `loss ${loss}`);
    for (const [key, gradient] of expected) {
      const got = present(gradients?.[key as 'logits']).data;
      t.ok(isOverflowed(got, gradient), key, {
        got: Array.from(got).slice(0, 30),
        wanted: Array.from(gradient.data).slice(0, 30),
      });
    }
  });
}

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
