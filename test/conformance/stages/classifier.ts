/** Stage `classifier`. */
import { classify } from 'gld-loss';
import * as reference from '../../reference/classifier.js';
import { fromKC, toKC } from '../../reference/layout.js';
import { combinations } from '../../support/combinations.js';
import { usual } from '../limits.js';
import type { Precision } from '../record.js';
import { stageCheck, type Kit } from './kit.js';

interface Case {
  count: number;
  channels: number;
  classes: number;
}

const cases: Case[] = [
  { count: 1, channels: 1, classes: 2 },
  { count: 5, channels: 3, classes: 10 },
  { count: 15, channels: 65, classes: 33 },
  { count: 33, channels: 17, classes: 7 },
  { count: 130, channels: 31, classes: 129 },
  { count: 130, channels: 64, classes: 100 },
  { count: 129, channels: 257, classes: 31 },
  { count: 20, channels: 40, classes: 1000 },
];

function limitOf({ form }: Kit, precision: Precision): number {
  if (precision !== 'float32') return usual[precision].gradient;
  return form.computed === 'float64' ? 1e-14 : 2e-6;
}

export const classifierChecks = [
  stageCheck({
    name: 'classifier',
    cases,
    run(kit, shape) {
      const { count, channels, classes } = shape;
      const { form } = kit;
      const dense = {
        pooled: kit.normals([count, channels]),
        weight: kit.normals([classes * channels], 1 / Math.sqrt(channels)).data,
        bias: kit.normals([classes]),
        upstream: kit.normals([count, classes]),
      };
      // A classifier without a bias stands for all that have none.
      const bias = form.placement === 'strided' ? undefined : kit.give(dense.bias);
      const upstream = kit.give(dense.upstream, form.computed);
      // Beside features of the weight's type, what a pooling leaves of them: the type that is computed in.
      const forms = [...new Set([form.dtype, form.computed])].map((dtype) => ({
        dtype,
        ...kit.give(dense.pooled, dtype),
      }));
      const choices = combinations({ pooled: forms, weightLayout: ['KC', 'CK'] as const });
      for (const { pooled, weightLayout } of choices) {
        const weightShape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
        const weight = kit.give({ data: dense.weight, shape: weightShape });
        const kc = toKC({ data: weight.exact, shape: weightShape }, weightLayout);
        const { logits, expected } = kit.expected(`${pooled.dtype}, ${weightLayout}, ${bias !== undefined}`, () => ({
          logits: reference.classify(pooled.exact, kc, bias?.exact, shape),
          expected: reference.classifyGradient(upstream.exact, pooled.exact, kc, shape),
        }));
        for (const precision of kit.target.precisions) {
          const limit = limitOf(kit, precision);
          const got = classify(
            { pooled: pooled.given, weight: weight.given, ...(bias && { bias: bias.given }), weightLayout },
            { upstream: upstream.given, ...kit.options(precision) },
          );
          const { gradients } = got;
          kit.array(`logits, ${precision}`, got.logits, [count, classes], logits, limit);
          kit.array(`pooled, ${precision}`, gradients?.pooled, [count, channels], expected.pooled, limit);
          const dWeight = fromKC(expected.weight, weightShape, weightLayout);
          kit.array(`weight, ${precision}`, gradients?.weight, weightShape, dWeight, limit);
          if (bias) kit.array(`bias, ${precision}`, gradients?.bias, [classes], expected.bias, limit);
          else kit.judge.ok(gradients?.bias === undefined, `a gradient without a bias; ${kit.what}`);
        }
      }
    },
  }),
];
