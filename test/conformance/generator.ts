/**
 * Random calls of the whole loss: every choice that a caller has, and how a choice of each makes a call. Conformance takes
 * rows that have every two values together (cover.ts), fuzzing draws them one by one.
 */
import type { GridOption, Inputs } from '../reference/types.js';
import { layoutOf } from '../reference/layout.js';
import { reductionRows } from '../reference/relation.js';
import { plainOptions } from '../support/options.js';
import { cells, problem, type FeatureSpec, type MaskKind, type SideSpec } from '../support/problems.js';
import { placements } from '../support/tensors.js';
import { present } from '../../tools/present.js';
import type { GradientName, Setting } from './call.js';
import type { Drawn } from './cover.js';
import type { Target } from './target.js';

type Kind = 'features' | 'logits' | 'logitMap';

/** Grids by what is special about them, for maps of such a size: as many cells as it has positions for. */
const grids: Record<'one' | 'even' | 'uneven' | 'pyramid', (size: readonly number[]) => GridOption> = {
  one: () => 1,
  even: (size) => Math.min(2, ...size),
  uneven: (size) => (size.length === 1 ? Math.min(3, size[0]) : within([3, 2, 1], size)),
  pyramid: (size) => ({ pyramid: [1, within([2, 3, 2], size), Math.min(2, ...size)] }),
};

const within = (cells: readonly number[], size: readonly number[]) =>
  size.map((extent, axis) => Math.min(cells[axis], extent));

/**
 * What there is to choose from on such a target; with `extremes` also sizes and masks at which gradients are zero in theory:
 * there is nothing to compare with (hostile.ts has inputs of the kind that there is), but something to call.
 */
export function choices(
  { precisions, dtypes, memories, wide, halfGradients }: Choosing,
  { extremes = false }: { extremes?: boolean } = {},
) {
  const beyond = <T>(...values: T[]): T[] => (extremes ? values : []);
  const kinds: readonly Kind[] = wide ? ['features', 'logits', 'logitMap'] : ['features', 'logits'];
  const maps: readonly (readonly number[])[] = [
    [4, 4],
    [6, 8],
    [5, 7],
    [3, 3],
    ...(wide ? [[23], [4, 3, 6]] : []),
    ...beyond([1], [1, 1], [2, 1, 3]),
  ];
  const masks: readonly (MaskKind | undefined)[] = wide
    ? [undefined, 'scattered', 'padded', ...beyond('empty' as const, 'full' as const)]
    : [undefined];
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
    samples: [3, 5, 8, 21, ...beyond(1, 2, 40)],
    classes: [3, 5, 33, ...beyond(2, 150)],
    channels: [2, 17, 64, ...beyond(1, 70)],
    grid,
    labels: ['hard', 'soft', 'none'],
    ignore: wide ? [false, true] : [false],
    sampleWeights: wide ? [false, true] : [false],
    classWeights: wide ? [false, true] : [false],
    ...plainOptions,
    method: [{}, { method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }],
    reduction: ['matrix', 'row', { rows: 320 }],
    weights: [{}, { alpha: 0.2, localWeight: 0.4 }, { alpha: 1, beta: 0 }, { alpha: 0, localWeight: 0 }],
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
function sidesOf(row: Row, comparable: boolean): { student: SideSpec; teacher: SideSpec } {
  const { map, channels, channelsLast, weightLayout, bias, samples } = row;
  // Of few samples, corners of their own leave too few positions: the gradients are rounding then.
  const masked = (mask: MaskKind | undefined) => (comparable && samples < 8 && mask === 'padded' ? 'scattered' : mask);
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

/** The options that stand for themselves. */
function plain(row: Row): Pick<Row, keyof typeof plainOptions> {
  const names = Object.keys(plainOptions) as (keyof typeof plainOptions)[];
  return Object.fromEntries(names.map((name) => [name, row[name]])) as Pick<Row, keyof typeof plainOptions>;
}

/** The call of a row; unless it need not be `comparable`, without what leaves gradients that are nothing but rounding. */
export function settingOf(row: Row, seed: number, { comparable = true }: { comparable?: boolean } = {}): Setting {
  const { samples, classes, labels, reduction, classWeights } = row;
  const { student, teacher } = sidesOf(row, comparable);
  const onMap = student !== 'logits' || teacher !== 'logits';
  // The teacher's map has the axes the other way round.
  const size = onMap ? row.map.map((extent, axis) => Math.min(extent, present(row.map.at(-1 - axis)))) : [3, 3];
  const grid = grids[row.grid](size);
  const sampleWeights = row.sampleWeights && !(comparable && tooFewLeft(row));
  const inputs = problem({ samples, classes, grid, labels, sampleWeights, classWeights, seed, student, teacher });
  // As strong as the released recipe's: its 500 belong to the mean over the matrix of 320 rows.
  const beta = (500 / 320) * reductionRows(reduction, samples * (1 + cells(grid, size.length)));
  const method = comparable && coincide(row) && 'metric' in row.method ? {} : row.method;
  const relation = { ...method, reduction };
  return {
    inputs,
    options: { ...plain(row), grid, beta, ...row.weights, relation, ...ignored(row, inputs) },
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
