/** Each stage alone, with its gradients, from host and device memory. */
import { classify, crossEntropy, normalizedKd, pool, relation, type TensorLike } from 'gld-loss';
import { classify as classifyReference, classifyGradient } from '../../../test/reference/classifier.js';
import { crossEntropy as crossEntropyReference, oneHot, smoothed } from '../../../test/reference/cross-entropy.js';
import { fromChannelsFirst, fromKC, mapShape, toChannelsFirst, toKC } from '../../../test/reference/layout.js';
import { normalizedKd as normalizedKdReference } from '../../../test/reference/normalized-kd.js';
import { pool as poolReference, poolGradient } from '../../../test/reference/pool.js';
import { reductionRows, relation as relationReference } from '../../../test/reference/relation.js';
import { arrayError, lossError } from '../../../test/support/compare.js';
import { Random } from '../../../test/support/random.js';
import { encode } from '../../../test/support/tensors.js';
import { present } from '../../../tools/present.js';
import type { Precision } from '../record.js';
import { holdOnHost, type Elements, type ElementType, type Held, type Target } from '../target.js';
import { numbersOf, release, type Memory } from './call.js';
import type { Check } from './index.js';
import type { Judge } from './judge.js';
import { usual } from './limits.js';

type Floats = Exclude<ElementType, 'int32'>;

/** Random tensors in watched memory; everything a stage is given comes from here. */
class Bench {
  private readonly random = new Random(77);
  private readonly held: Held[] = [];

  constructor(
    private readonly target: Target,
    private readonly judge: Judge,
    private readonly where: string,
  ) {}

  tensor(shape: number[], dtype: Floats, memory: Memory, scale = 1): { given: TensorLike; exact: Float64Array } {
    const data = this.random.normals(
      shape.reduce((a, b) => a * b),
      scale,
    );
    const { tensor, exact } = encode({ data, shape }, dtype);
    return { given: this.hold(tensor.data as Elements, shape, dtype, memory), exact: exact.data as Float64Array };
  }

  labels(count: number, classes: number, memory: Memory): { given: TensorLike; exact: Int32Array } {
    const exact = Int32Array.from({ length: count }, () => this.random.integer(classes));
    return { given: this.hold(exact, [count], 'int32', memory), exact };
  }

  private hold(elements: Elements, shape: number[], dtype: ElementType, memory: Memory): TensorLike {
    const held =
      memory === 'device' ? this.target.hold(elements, { shape, dtype }) : holdOnHost(elements, { shape, dtype });
    this.held.push(held);
    return held.tensor as TensorLike;
  }

  close(): void {
    for (const held of this.held.splice(0)) {
      const damage = held.damage();
      this.judge.ok(damage === undefined, `${this.where}: ${damage}`);
      held.dispose();
    }
  }
}

/** The numbers of a result, which is done with. */
function numbers(tensor: object): ArrayLike<number> {
  const data = numbersOf(tensor);
  release(tensor);
  return data;
}

const memories: Memory[] = ['host', 'device'];

/** Runs `stage` for both memories and every element type, on random tensors. */
function stageCheck(
  name: string,
  stage: (bench: Bench, judge: Judge, target: Target, dtype: Floats, memory: Memory, where: string) => void,
): Check {
  return {
    group: 'stages',
    name,
    quick: true,
    run: async (judge, target) => {
      for (const dtype of target.dtypes) {
        for (const memory of memories) {
          const where = `${dtype}, ${memory}`;
          const bench = new Bench(target, judge, where);
          stage(bench, judge, target, dtype, memory, where);
          bench.close();
        }
      }
    },
  };
}

const poolStage = stageCheck('pool', (bench, judge, target, dtype, memory, where) => {
  for (const layout of ['NCHW', 'NHWC'] as const) {
    for (const [grid, height, width] of [
      [2, 8, 8],
      [2, 7, 7],
      [[3, 2], 5, 9],
      [1, 1, 1],
      [4, 4, 6],
    ] as const) {
      const [rows, cols] = typeof grid === 'number' ? [grid, grid] : grid;
      const shape = layout === 'NCHW' ? [3, 33, height, width] : [3, height, width, 33];
      const map = mapShape(shape, layout);
      const cells = [[rows, cols]];
      const features = bench.tensor(shape, dtype, memory);
      const upstream = bench.tensor([3, 1 + rows * cols, 33], 'float32', memory);
      const got = pool({ features: features.given, layout }, { grid, upstream: upstream.given, device: target.device });
      const what = `${where}, ${layout}, ${height}x${width}, grid ${String(grid)}`;
      judge.add(
        'pooled',
        arrayError(numbers(got.pooled), poolReference(toChannelsFirst(features.exact, map, layout), map, cells)),
        1e-6,
        what,
      );
      const expected = fromChannelsFirst(poolGradient(upstream.exact, map, cells), map, layout);
      judge.add('gradient', arrayError(numbers(present(got.gradients).features), expected), 1e-6, what);
    }
  }
});

const classifierStage = stageCheck('classifier', (bench, judge, target, dtype, memory, where) => {
  for (const precision of target.precisions) {
    for (const weightLayout of ['KC', 'CK'] as const) {
      for (const [count, channels, classes] of [
        [1, 1, 2],
        [15, 65, 33],
        [130, 31, 129],
      ] as const) {
        const weightShape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
        const pooled = bench.tensor([count, channels], dtype, memory);
        const weight = bench.tensor(weightShape, dtype, memory, 1 / Math.sqrt(channels));
        const bias = bench.tensor([classes], dtype, memory);
        const upstream = bench.tensor([count, classes], 'float32', memory);
        const got = classify(
          { pooled: pooled.given, weight: weight.given, bias: bias.given, weightLayout },
          {
            upstream: upstream.given,
            device: target.device,
            ...precisionOption(precision),
          },
        );
        const shape = { count, channels, classes };
        const kc = toKC({ data: weight.exact, shape: weightShape }, weightLayout);
        const expected = classifyGradient(upstream.exact, pooled.exact, kc, shape);
        const what = `${where}, ${weightLayout}, m ${count}, C ${channels}, K ${classes}`;
        const limit = usual[precision].gradient;
        const add = (one: string, tensor: object, reference: Float64Array) =>
          judge.add(`${one}, ${precision}`, arrayError(numbers(tensor), reference), limit, what);
        add('logits', got.logits, classifyReference(pooled.exact, kc, bias.exact, shape));
        add('pooled', present(got.gradients).pooled, expected.pooled);
        add('weight', present(got.gradients).weight, fromKC(expected.weight, weightShape, weightLayout));
        add('bias', present(got.gradients?.bias), expected.bias);
      }
    }
  }
});

const precisionOption = (precision: Precision) => (precision === 'float32' ? {} : { precision });

const crossEntropyStage = stageCheck('cross_entropy', (bench, judge, target, dtype, memory, where) => {
  for (const [n, classes] of [
    [1, 2],
    [7, 33],
    [65, 1000],
  ] as const) {
    const logits = bench.tensor([n, classes], dtype, memory, 3);
    const hard = bench.labels(n, classes, memory);
    const soft = bench.tensor([n, classes], dtype, memory);
    const what = `${where}, n ${n}, K ${classes}`;
    for (const [labels, targets, labelSmoothing] of [
      [hard.given, oneHot(hard.exact, classes), 0],
      [hard.given, oneHot(hard.exact, classes), 0.1],
      [soft.given, soft.exact, 0],
      [soft.given, soft.exact, 0.1],
    ] as const) {
      const got = crossEntropy({ logits: logits.given, labels }, { device: target.device, labelSmoothing });
      const expected = crossEntropyReference(logits.exact, smoothed(targets, classes, labelSmoothing), classes);
      judge.add('loss', lossError(got.loss, expected.loss), 1e-6, what);
      judge.add('gradient', arrayError(numbers(present(got.gradients).logits), expected.gradient), 1e-5, what);
    }
  }
});

const normalizedKdStage = stageCheck('normalized_kd', (bench, judge, target, dtype, memory, where) => {
  for (const [n, rows, classes] of [
    [1, 1, 2],
    [5, 5, 33],
    [3, 17, 1000],
  ] as const) {
    const teacher = bench.tensor([n, rows, classes], dtype, memory, 3);
    const student = bench.tensor([n, rows, classes], dtype, memory, 3);
    for (const normalization of [
      { kind: 'std' },
      { kind: 'std', unbiased: false },
      { kind: 'temperature', temperature: 4 },
    ] as const) {
      const got = normalizedKd(
        { teacher: teacher.given, student: student.given },
        { normalization, device: target.device },
      );
      const expected = normalizedKdReference(teacher.exact, student.exact, { samples: n, classes, normalization });
      const what = `${where}, n ${n}, R ${rows}, K ${classes}, ${JSON.stringify(normalization)}`;
      judge.add('loss', lossError(got.loss, expected.loss), 1e-6, what);
      // Two classes: y is ±1 and its slope all rounding.
      if (classes > 2)
        judge.add('gradient', arrayError(numbers(present(got.gradients).logits), expected.gradient), 1e-5, what);
      else numbers(present(got.gradients).logits);
    }
  }
});

const relationStage = stageCheck('relation', (bench, judge, target, dtype, memory, where) => {
  for (const [m, classes] of [
    [1, 2],
    [33, 7],
    [129, 65],
    [150, 20],
  ] as const) {
    const teacher = bench.tensor([m, classes], dtype, memory, 3);
    const student = bench.tensor([m, classes], dtype, memory, 3);
    for (const metric of ['sqeuclidean', 'euclidean'] as const) {
      for (const reduction of ['matrix', 'row', { rows: 7.5 }] as const) {
        const expected = relationReference(teacher.exact, student.exact, { classes, metric, reduction });
        const bound = 2 / reductionRows(reduction, m);
        const methods = metric === 'euclidean' ? (['pairwise'] as const) : (['pairwise', 'moments'] as const);
        for (const method of methods) {
          for (const precision of target.precisions) {
            const options = { method, metric, reduction, device: target.device, ...precisionOption(precision) };
            const got = relation({ teacher: teacher.given, student: student.given }, options);
            const what = `${where}, m ${m}, K ${classes}, ${method}, ${metric}, ${JSON.stringify(reduction)}`;
            const limits = usual[precision];
            judge.add(`loss, ${precision}`, lossError(got.loss / bound, expected.loss / bound), limits.relation, what);
            judge.add(
              `gradient, ${precision}`,
              arrayError(numbers(present(got.gradients).logits), expected.gradient),
              limits.gradient,
              what,
            );
          }
        }
      }
    }
  }
});

export const stageChecks: Check[] = [poolStage, classifierStage, crossEntropyStage, normalizedKdStage, relationStage];
