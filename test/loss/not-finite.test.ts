/**
 * NaN or an infinity anywhere in the inputs of a stage shows in its loss; nothing crashes. The whole loss is held to it in
 * test/conformance, and what is finite with logits of −∞ is in test/loss/excluded-classes.test.ts.
 */
import { crossEntropy, normalizedKd, relation } from 'gld-loss';
import t from 'tap';
import { poisons, variants } from '../support/hostile.js';
import { Random } from '../support/random.js';
import { dtypes, encode } from '../support/tensors.js';

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
