/** What the contenders' results are held against: our own CPU engine in float64, which the tests hold against TypeScript. */
import { gldLoss, classify, crossEntropy, normalizedKd, pool, relation, type TensorLike } from 'gld-loss';
import type { Outputs } from '../../contenders/index.js';
import type { Data } from '../../data.js';

export async function referenceOf(data: Data): Promise<{ outputs: Outputs; by: string }> {
  const { operation, layout, sizes } = data.workload;
  const t: Record<string, TensorLike> = {};
  for (const name of Object.keys(data.inputs)) t[name] = data.tensor(name, 'float64');
  const by = 'gld-loss float64 on the CPU';
  const device = 'cpu' as const;
  const side = (name: string) => ({
    features: t[`${name}.features`]!,
    weight: t[`${name}.weight`]!,
    bias: t[`${name}.bias`]!,
    layout,
  });
  const logits = { teacher: t['teacher.logits']!, student: t['student.logits']! };
  switch (operation) {
    case 'gld': {
      const { loss, gradients } = gldLoss(
        { teacher: side('teacher'), student: side('student'), labels: t['labels']! },
        { grid: sizes.grid!, device },
      );
      const named = Object.entries(gradients!).map(([name, { data: values }]) => [`student.${name}`, values]);
      return { by, outputs: { value: loss, gradients: Object.fromEntries(named) as Outputs['gradients'] } };
    }
    case 'pool': {
      const { pooled, gradients } = pool(
        { features: t['student.features']!, layout },
        { grid: sizes.grid!, upstream: t['upstream'], device },
      );
      return { by, outputs: { value: pooled.data, gradients: { 'student.features': gradients!.features.data } } };
    }
    case 'classifier': {
      const { logits: z, gradients } = classify(
        { pooled: t['pooled']!, weight: t['student.weight']!, bias: t['student.bias'] },
        { upstream: t['upstream'], device },
      );
      const { pooled, weight, bias } = gradients!;
      return {
        by,
        outputs: {
          value: z.data,
          gradients: { pooled: pooled.data, 'student.weight': weight.data, 'student.bias': bias!.data },
        },
      };
    }
    case 'cross_entropy': {
      const { loss, gradients } = crossEntropy({ logits: t['student.logits']!, labels: t['labels']! }, { device });
      return { by, outputs: { value: loss, gradients: { 'student.logits': gradients!.logits.data } } };
    }
    case 'normalized_kd':
    case 'relation': {
      const { loss, gradients } =
        operation === 'relation' ? relation(logits, { device }) : normalizedKd(logits, { device });
      return { by, outputs: { value: loss, gradients: { 'student.logits': gradients!.logits.data } } };
    }
  }
}
