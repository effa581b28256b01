/** Inputs on which careless formulas break: finite wherever the mathematics is, and still accurate. */
import t from 'tap';
import { checkGld } from '../support/check.js';
import { allFinite } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { hostileFeatures, hostileLogits, variants } from '../support/hostile.js';

const limits = { float32: { relation: 1e-6, gradient: 1e-4 }, float64: { relation: 1e-12, gradient: 1e-9 } };

for (const [kind, all] of Object.entries({ logits: hostileLogits, features: hostileFeatures })) {
  for (const [name, inputs] of Object.entries(all)) {
    t.test(`${name}, from ${kind}`, async (t) => {
      const errors = new Errors();
      for (const dtype of ['float32', 'float64'] as const) {
        for (const choice of variants) {
          const got = checkGld(inputs, choice, dtype);
          const what = JSON.stringify(choice);
          const gradients = Object.values(got.result.gradients ?? {});
          t.ok(gradients.length > 0 && gradients.every(({ data }) => allFinite(data)), `finite, ${what}`);
          t.ok(Number.isFinite(got.result.loss), `finite, ${what}`);
          errors.add(`relation ${dtype}`, got.relation, limits[dtype].relation, what);
          errors.add(`gradient ${dtype}`, got.gradient, limits[dtype].gradient, what);
        }
      }
      errors.check(t);
    });
  }
}
