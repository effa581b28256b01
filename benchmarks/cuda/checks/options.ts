/** Every option of the loss, every two of their values together. */
import { reductionRows } from '../../../test/reference/relation.js';
import { cells, problem, type FeatureSpec } from '../../../test/support/problems.js';
import type { Target } from '../target.js';
import { compare, type GradientName, type Setting } from './call.js';
import { coverPairs, type Drawn } from './cover.js';
import type { Check } from './index.js';
import type { Judge } from './judge.js';
import { usual } from './limits.js';

const kinds = ['features', 'logits'] as const;
const memories = ['host', 'device'] as const;

export function choices({ precisions, dtypes, halfGradients }: Target) {
  return {
    student: kinds,
    teacher: kinds,
    layout: ['NCHW', 'NHWC'],
    weightLayout: ['KC', 'CK'],
    bias: [true, false],
    map: [
      [4, 4],
      [6, 8],
      [5, 7],
      [3, 3],
    ],
    // Where gradients are zero in theory there is nothing to compare: one or two samples, two classes, one channel.
    // hostile.ts has those.
    samples: [3, 5, 8],
    classes: [3, 5, 33],
    channels: [2, 17, 64],
    grid: [1, 2, [1, 3], [3, 2]],
    labels: ['hard', 'soft', 'none'],
    labelSmoothing: [0, 0.1],
    normalization: [{ kind: 'std' }, { kind: 'std', unbiased: false }, { kind: 'temperature', temperature: 4 }],
    method: [{}, { method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }],
    reduction: ['matrix', 'row', { rows: 320 }],
    weights: [{}, { alpha: 0.2, localWeight: 0.4 }, { alpha: 1, beta: 0 }, { alpha: 0, localWeight: 0 }],
    studentType: dtypes,
    teacherType: dtypes,
    placement: ['dense', 'offset', 'strided', 'backwards'],
    teacherMemory: memories,
    studentMemory: memories,
    labelMemory: memories,
    precision: precisions,
    gradientDtype: halfGradients ? (['float32', 'student'] as const) : (['float32'] as const),
    gradients: ['all', 'none', 'first', 'last'],
    out: ['none', 'host', 'device'],
    way: ['sync', 'async', 'object', 'object async'],
  } as const;
}

type Row = Drawn<ReturnType<typeof choices>>;

/** The names that are asked for; buffers can be lent for those alone. */
function wanted({ gradients, student, bias }: Row): NonNullable<Setting['gradients']> {
  if (gradients === 'all') return true;
  if (gradients === 'none') return false;
  const names: GradientName[] =
    student === 'logits' ? ['logits'] : ['features', 'weight', ...(bias ? ['bias' as const] : [])];
  return [gradients === 'first' ? names[0]! : names.at(-1)!];
}

export function settingOf(row: Row, seed: number): Setting {
  const { grid, map, channels, layout, weightLayout, bias, samples, classes, labels, reduction } = row;
  const { labelSmoothing, normalization } = row;
  const student: FeatureSpec = { channels, map, layout, weightLayout, bias };
  // The other network is of another kind in everything.
  const teacher: FeatureSpec = {
    channels: channels + 2,
    map: [map[1], map[0]],
    bias: !bias,
    layout: layout === 'NCHW' ? 'NHWC' : 'NCHW',
    weightLayout: weightLayout === 'KC' ? 'CK' : 'KC',
  };
  const inputs = problem({
    samples,
    classes,
    grid,
    labels,
    seed,
    student: row.student === 'features' ? student : 'logits',
    teacher: row.teacher === 'features' ? teacher : 'logits',
  });
  // As strong as the released recipe's: its 500 belong to the mean over the matrix of 320 rows.
  const beta = (500 / 320) * reductionRows(reduction, samples * (1 + cells(grid)));
  return {
    inputs,
    options: { grid, beta, labelSmoothing, normalization, ...row.weights, relation: { ...row.method, reduction } },
    dtype: { teacher: row.teacherType, student: row.studentType },
    placement: row.placement,
    memory: { teacher: row.teacherMemory, student: row.studentMemory, labels: row.labelMemory },
    precision: row.precision,
    gradientDtype: row.gradientDtype,
    gradients: wanted(row),
    out: row.out,
    way: row.way,
  };
}

/** One comparison, judged. */
export async function judgeCall(
  judge: Judge,
  target: Target,
  setting: Setting,
  where: string,
  limits = usual[setting.precision ?? 'float32'],
): Promise<void> {
  const { precision = 'float32' } = setting;
  try {
    const { loss, relation, gradient, storage, answer } = await compare(target, setting);
    judge.add(`loss, ${precision}`, loss, limits.loss, where);
    judge.add(`relation, ${precision}`, relation, limits.relation, where);
    judge.add(`gradient, ${precision}`, gradient, limits.gradient + storage, where);
    for (const damage of answer.damages) judge.ok(false, `${damage}; ${where}`);
  } catch (error) {
    judge.ok(false, `${(error as Error).message}; ${where}`);
  }
}

/** Arrays of combinations; each covers every pair, together most triples. */
const fullSeeds = 6;

export const optionChecks: Check[] = Array.from({ length: fullSeeds }, (_, seed) => ({
  group: 'options',
  name: `every two options together, ${seed + 1} of ${fullSeeds}`,
  quick: seed === 0,
  async run(judge, target) {
    for (const [at, row] of coverPairs(choices(target), seed).entries()) {
      await judgeCall(judge, target, settingOf(row, 100 * seed + at), JSON.stringify(row));
    }
  },
}));
