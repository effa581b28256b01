/**
 * NaN or an infinity anywhere in the inputs shows in the loss; nothing crashes. What is finite with logits of −∞ is in
 * test/loss/excluded-classes.test.ts.
 */
import { crossEntropy, gldLoss, normalizedKd, relation } from 'gld-loss';
import t from 'tap';
import { poisoned, poisons, variants } from '../support/hostile.js';
import { problem } from '../support/problems.js';
import { Random } from '../support/random.js';
import { dtypes, encode, encodeInputs } from '../support/tensors.js';

const side = { channels: 6, map: [4, 4] } as const;
const problems = {
  features: problem({ samples: 5, classes: 7, teacher: side, student: { ...side, layout: 'NHWC' }, labels: 'soft' }),
  logits: problem({ samples: 5, classes: 7, labels: 'soft' }),
};

for (const [kind, inputs] of Object.entries(problems)) {
  t.test(`gldLoss from ${kind}`, async (t) => {
    const random = new Random(63);
    for (const [where, bad] of poisoned(inputs, random)) {
      for (const dtype of dtypes) {
        for (const variant of variants) {
          const { given } = encodeInputs(bad, dtype);
          const { loss, gradients } = gldLoss(given, variant);
          if (Number.isFinite(loss)) t.fail(`${where}, ${dtype}, ${JSON.stringify(variant)}: loss ${loss}`);
          const arrays = Object.values(gradients ?? {});
          if (arrays.length !== (kind === 'logits' ? 1 : 3)) t.fail(`${where}: gradients are missing`);
          if (gldLoss(given, { ...variant, gradients: false }).loss === 0) t.fail(`${where}: loss 0`);
        }
      }
    }
    t.pass('every poisoned element shows');
  });
}

t.test('the stages', async (t) => {
  const random = new Random(64);
  for (const dtype of dtypes) {
    for (const value of poisons) {
      const [clean, other] = [random.normals(60, 3), random.normals(60, 3)];
      const bad = clean.map((element, at) => (at === 17 ? value : element));
      const tensors = [clean, other, bad].map((data) => encode({ data, shape: [12, 5] }, dtype).tensor);
      for (const [teacher, student] of [
        [tensors[2], tensors[1]],
        [tensors[1], tensors[2]],
      ]) {
        for (const { relation: options, normalization } of variants) {
          const what = `${value}, ${dtype}, ${JSON.stringify(options)}, ${JSON.stringify(normalization)}`;
          t.notOk(Number.isFinite(relation({ teacher, student }, options).loss), `relation, ${what}`);
          // To the teacher, by temperature, a logit of −∞ is a probability of 0.
          const finite = value === -Infinity && normalization.kind === 'temperature' && teacher === tensors[2];
          const { loss } = normalizedKd({ teacher, student }, { normalization });
          t.equal(Number.isFinite(loss), finite, `normalizedKd, ${what}: ${loss}`);
        }
      }
      const labels = new Int32Array(12).fill(2);
      t.notOk(Number.isFinite(crossEntropy({ logits: tensors[2], labels }).loss), `crossEntropy, ${value}, ${dtype}`);
    }
  }
});
