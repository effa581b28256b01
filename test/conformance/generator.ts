/**
 * Random calls of the whole loss: every choice that a caller has, and how a choice of each makes a call. Conformance takes
 * rows that have every two values together (cover.ts), fuzzing draws them one by one.
 */
import type { GridOption, Inputs } from '../reference/types.js';
import { layoutOf } from '../reference/layout.js';
import { reductionRows } from '../reference/relation.js';
import { cells, problem, type FeatureSpec, type MaskKind, type SideSpec } from '../support/problems.js';
import { placements } from '../support/tensors.js';
import { present } from '../../tools/present.js';
import type { GradientName, Setting } from './call.js';
import type { Drawn } from './cover.js';
import type { Target } from './target.js';

type Kind = 'features' | 'logits' | 'logitMap';

/** Grids by what is special about them, for maps of any number of axes of at least three positions. */
const grids: Record<'one' | 'even' | 'uneven' | 'pyramid', (axes: number) => GridOption> = {
  one: () => 1,
  even: () => 2,
  uneven: (axes) => (axes === 1 ? 3 : [3, 2, 1].slice(0, axes)),
  pyramid: (axes) => ({ pyramid: [1, [2, 3, 2].slice(0, axes), 2] }),
};

/** What there is to choose from on such a target. */
export function choices({ precisions, dtypes, memories, wide, halfGradients }: Choosing) {
  const kinds: readonly Kind[] = wide ? ['features', 'logits', 'logitMap'] : ['features', 'logits'];
  const maps: readonly (readonly number[])[] = [[4, 4], [6, 8], [5, 7], [3, 3], ...(wide ? [[23], [4, 3, 6]] : [])];
  const masks: readonly (MaskKind | undefined)[] = wide ? [undefined, 'scattered', 'padded'] : [undefined];
  const grid: readonly (keyof typeof grids)[] = ['one', 'even', 'uneven', ...(wide ? (['pyramid'] as const) : [])];
  return {
    student: kinds,
    teacher: kinds,
    channelsLast: [false, true],
    weightLayout: ['KC', 'CK'],
    bias: [true, false],
    map: maps,
    mask: masks,
    teacherMask: masks,
    // Where gradients are zero in theory there is nothing to compare: one or two samples, two classes, one channel.
    // hostile.ts has those.
    samples: wide ? [3, 5, 8, 21] : [3, 5, 8],
    classes: [3, 5, 33],
    channels: [2, 17, 64],
    grid,
    labels: ['hard', 'soft', 'none'],
    ignore: wide ? [false, true] : [false],
    labelSmoothing: [0, 0.1],
    sampleWeights: wide ? [false, true] : [false],
    normalization: [
      { kind: 'std' },
      { kind: 'std', unbiased: false },
      { kind: 'std', temperature: 2 },
      { kind: 'std', compensated: true, temperature: 0.5 },
      { kind: 'temperature', temperature: 4 },
    ],
    method: [{}, { method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }],
    reduction: ['matrix', 'row', { rows: 320 }],
    weights: [{}, { alpha: 0.2, localWeight: 0.4 }, { alpha: 1, beta: 0 }, { alpha: 0, localWeight: 0 }],
    threads: [1, 2],
    studentType: dtypes,
    teacherType: dtypes,
    placement: placements,
    teacherMemory: memories,
    studentMemory: memories,
    labelMemory: memories,
    precision: precisions,
    gradientDtype: halfGradients ? (['float32', 'student'] as const) : (['float32'] as const),
    gradients: ['all', 'none', 'first', 'last'],
    out: ['none', ...memories] as const,
    classWeights: wide ? [false, true] : [false],
    way: ['sync', 'async', 'object', 'object async'],
  } as const;
}

type Choosing = Pick<Target, 'precisions' | 'dtypes' | 'memories' | 'wide' | 'halfGradients'>;
export type Row = Drawn<ReturnType<typeof choices>>;

const gradientNames: Record<Kind, readonly GradientName[]> = {
  features: ['features', 'weight', 'bias'],
  logits: ['logits'],
  logitMap: ['logitMap'],
};

/** The names that are asked for; buffers can be lent for those alone. */
function wanted({ gradients, student, bias }: Row): NonNullable<Setting['gradients']> {
  if (gradients === 'all') return true;
  if (gradients === 'none') return false;
  const names = gradientNames[student].filter((name) => name !== 'bias' || bias);
  return [gradients === 'first' ? names[0] : present(names.at(-1))];
}

/** What the network of a side looks like, and which of its outputs are given. */
interface Network extends Required<Omit<FeatureSpec, 'mask' | 'layout'>> {
  kind: Kind;
  channelsLast: boolean;
  mask: MaskKind | undefined;
}

function sideOf({ kind, channelsLast, mask, ...network }: Network): SideSpec {
  if (kind === 'logits') return 'logits';
  const of = { layout: layoutOf(network.map.length, channelsLast), ...(mask && { mask }) };
  return kind === 'logitMap' ? { logitMap: network.map, ...of } : { ...network, ...of };
}

/** Two networks that differ in everything. */
function sidesOf(row: Row): { student: SideSpec; teacher: SideSpec } {
  const { map, channels, channelsLast, weightLayout, bias, samples } = row;
  // Of few samples, corners of their own leave too few positions: the gradients are rounding then.
  const masked = (mask: MaskKind | undefined) => (samples < 8 && mask === 'padded' ? 'scattered' : mask);
  return {
    student: sideOf({ kind: row.student, map, channels, channelsLast, weightLayout, bias, mask: masked(row.mask) }),
    teacher: sideOf({
      kind: row.teacher,
      map: map.toReversed(),
      channels: channels + 2,
      channelsLast: !channelsLast,
      weightLayout: weightLayout === 'KC' ? 'CK' : 'KC',
      bias: !bias,
      mask: masked(row.teacherMask),
    }),
  };
}

/** Whether rows of a sample may be means over the same positions: their distance is rounding, and a root has no slope. */
function coincide({ grid, mask, teacherMask, student, teacher }: Row): boolean {
  const masked = (kind: Kind, of: MaskKind | undefined) => kind !== 'logits' && of !== undefined;
  const maps = student !== 'logits' || teacher !== 'logits';
  return (maps && (grid === 'one' || grid === 'pyramid')) || masked(student, mask) || masked(teacher, teacherMask);
}

/** Masks and weights together leave out whole samples: of few, no two may be left, and no gradients but rounding. */
const tooFewLeft = ({ samples, mask, teacherMask }: Row) => samples < 8 && (mask ?? teacherMask) !== undefined;

/** Of a row: the first label, in all of which a sample stands that is then without one. */
function ignored(row: Row, { labels }: Inputs): { ignoreIndex?: number } {
  if (!row.ignore || row.labels !== 'hard') return {};
  return { ignoreIndex: (labels as ArrayLike<number>)[0] };
}

export function settingOf(row: Row, seed: number): Setting {
  const { samples, classes, labels, reduction, labelSmoothing, normalization, threads, classWeights } = row;
  const { student, teacher } = sidesOf(row);
  const axes = student === 'logits' && teacher === 'logits' ? 2 : row.map.length;
  const grid = grids[row.grid](axes);
  const sampleWeights = row.sampleWeights && !tooFewLeft(row);
  const inputs = problem({ samples, classes, grid, labels, sampleWeights, classWeights, seed, student, teacher });
  // As strong as the released recipe's: its 500 belong to the mean over the matrix of 320 rows.
  const beta = (500 / 320) * reductionRows(reduction, samples * (1 + cells(grid, axes)));
  const method = coincide(row) && 'metric' in row.method ? {} : row.method;
  const relation = { ...method, reduction };
  return {
    inputs,
    options: { grid, beta, labelSmoothing, normalization, threads, ...row.weights, relation, ...ignored(row, inputs) },
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
