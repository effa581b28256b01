/** The tests' reference: plain TypeScript in float64, written from the definitions. Also what errors are judged by. */
import { crossEntropy, oneHot } from '../../test/reference/cross-entropy.js';
import { classify, classifyGradient } from '../../test/reference/classifier.js';
import { gld } from '../../test/reference/gld.js';
import { fromChannelsFirst, mapShape, toChannelsFirst } from '../../test/reference/layout.js';
import { normalizedKd } from '../../test/reference/normalized-kd.js';
import { pool, poolGradient } from '../../test/reference/pool.js';
import { relation } from '../../test/reference/relation.js';
import { present } from '../../tools/present.js';
import type { Features, Workload } from '../cases.js';
import { work } from '../floor.js';
import type { Inputs } from '../inputs.js';
import type { Contender, Outputs } from './index.js';

/** Loss and gradients in float64. */
export function computeReference({ operation, sizes, layout }: Workload, inputs: Inputs): Outputs {
  const { n, m, K } = sizes;
  const wide = (name: string) => Float64Array.from(inputs[name].data);
  const logits = (loss: number, gradient: Float64Array): Outputs => ({
    value: loss,
    gradients: { 'student.logits': gradient },
  });
  switch (operation) {
    case 'gld': {
      const side = (name: string) => ({
        features: inputs[`${name}.features`],
        weight: inputs[`${name}.weight`],
        bias: inputs[`${name}.bias`],
        layout,
      });
      const given = { teacher: side('teacher'), student: side('student'), labels: inputs.labels.data };
      const { loss, gradients } = gld(given, { grid: present(sizes.grid) });
      const named = Object.entries(gradients).map(([name, tensor]) => [`student.${name}`, tensor.data]);
      return { value: loss, gradients: Object.fromEntries(named) };
    }
    case 'pool': {
      const map = mapShape(inputs['student.features'].shape, layout);
      const grid = [[present(sizes.grid), present(sizes.grid)]];
      const value = pool(toChannelsFirst(inputs['student.features'].data, map, layout), map, grid);
      const gradient = poolGradient(inputs.upstream.data, map, grid);
      return { value, gradients: { 'student.features': fromChannelsFirst(gradient, map, layout) } };
    }
    case 'classifier': {
      const shape = { count: m, channels: (sizes as Features).C, classes: K };
      const [pooled, weight] = [inputs.pooled.data, inputs['student.weight'].data];
      const d = classifyGradient(inputs.upstream.data, pooled, weight, shape);
      return {
        value: classify(pooled, weight, inputs['student.bias'].data, shape),
        gradients: { pooled: d.pooled, 'student.weight': d.weight, 'student.bias': d.bias },
      };
    }
    case 'cross_entropy': {
      const { loss, gradient } = crossEntropy(wide('student.logits'), oneHot(inputs.labels.data, K), K);
      return logits(loss, gradient);
    }
    case 'normalized_kd': {
      const settings = { samples: n, classes: K, normalization: { kind: 'std' } } as const;
      const { loss, gradient } = normalizedKd(wide('teacher.logits'), wide('student.logits'), settings);
      return logits(loss, gradient);
    }
    case 'relation': {
      const settings = { classes: K, metric: 'sqeuclidean', reduction: 'matrix' } as const;
      const { loss, gradient } = relation(wide('teacher.logits'), wide('student.logits'), settings);
      return logits(loss, gradient);
    }
  }
}

/** Flops up to which it takes no more than a second or two. */
const limit = 2e8;

/** It follows the definitions, so that the relation term's cost is that of the pairwise method. */
export function isSmall({ operation, sizes }: Workload): boolean {
  return work({ operation, sizes, mode: 'gradients' }, 'float64', 'pairwise').flops <= limit;
}

export const typescript: Contender = {
  name: 'typescript',
  versions: {},
  // It has no forward-only mode, and one thread.
  entries(on, threads) {
    if (on.mode === 'forward' || threads > 1 || on.group === 'calls' || !isSmall(on)) return [];
    return [
      {
        prepare: async ({ inputs }) => ({
          result: async () => computeReference(on, inputs),
          async time(calls) {
            const begin = performance.now();
            for (let call = 0; call < calls; call++) computeReference(on, inputs);
            return (performance.now() - begin) / 1000 / calls;
          },
        }),
      },
    ];
  },
  close: async () => undefined,
};
