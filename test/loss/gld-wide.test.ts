/**
 * The whole loss against the reference: maps of one to three axes, pyramids, masks, maps of logits, sample weights,
 * smoothed and ignored labels, in random combinations; and against finite differences of itself.
 */
import { gldLoss, type Inputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { countCells, levelsOf } from '../reference/grid.js';
import { layoutOf } from '../reference/layout.js';
import { reductionRows } from '../reference/relation.js';
import type { GridOption } from '../reference/types.js';
import { checkGld } from '../support/check.js';
import { combinations, draw } from '../support/combinations.js';
import { Errors } from '../support/errors.js';
import { derivative } from '../support/finite-differences.js';
import { axesOf, cells, problem, tensorsOf, type MaskKind, type SideSpec } from '../support/problems.js';
import { Random } from '../support/random.js';
import { dtypes, encodeInputs, placements } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-14, gradient: 3e-14 } };

/** Maps of a student and of a teacher, and grids for both. */
const maps: { sizes: number[]; other: number[]; grids: GridOption[] }[] = [
  { sizes: [23], other: [9], grids: [4, [1, 2, 5]] },
  { sizes: [6, 8], other: [5, 7], grids: [2, [1, 2, 4], { pyramid: [[3, 2], 1, [2, 5]] }] },
  { sizes: [7, 7], other: [4, 4], grids: [[3, 2], { pyramid: [1, 2, 3] }] },
  { sizes: [4, 4, 6], other: [2, 3, 5], grids: [2, [2, 3, 4], { pyramid: [1, [2, 1, 3]] }] },
];

const choices = {
  samples: [1, 3, 8, 21],
  classes: [5, 10, 33],
  kind: ['features', 'logitMap'] as const,
  teacherKind: ['features', 'logitMap', 'logits'] as const,
  channelsLast: [false, true],
  teacherLast: [false, true],
  mask: [undefined, 'scattered', 'padded'] as const,
  teacherMask: [undefined, undefined, 'scattered', 'padded'] as const,
  sampleWeights: [false, true],
  labels: ['hard', 'soft', 'none'] as const,
  labelSmoothing: [0, 0.1],
  ignore: [false, true],
  normalization: [{ kind: 'std' }, { kind: 'temperature', temperature: 4 }] as const,
  method: [{}, { method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }] as const,
  reduction: ['matrix', 'row', { rows: 320 }] as const,
  threads: [1, 2],
  placement: placements,
  dtype: dtypes,
};

type Kind = (typeof choices.teacherKind)[number];

function sideOf(kind: Kind, sizes: number[], last: boolean, mask?: MaskKind): SideSpec {
  if (kind === 'logits') return 'logits';
  const layout = layoutOf(sizes.length, last);
  const masked = mask && { mask };
  return kind === 'features' ? { channels: 19, map: sizes, layout, ...masked } : { logitMap: sizes, layout, ...masked };
}

for (const { sizes, other, grids } of maps) {
  for (const grid of grids) {
    t.test(`${sizes.join('x')} map, grid ${JSON.stringify(grid)}: options in random combinations`, async (t) => {
      const random = new Random(sizes[0] * 10 + sizes.length);
      const errors = new Errors();
      for (let seed = 0; seed < 30; seed++) {
        const { samples, classes, labels, sampleWeights, dtype, placement, reduction, ...drawn } = draw(
          choices,
          random,
        );
        // Of one sample, a mask may leave rows over the same positions only: their distances are nothing but rounding.
        const [mask, teacherMask] = samples > 1 ? [drawn.mask, drawn.teacherMask] : [];
        const student = sideOf(drawn.kind, sizes, drawn.channelsLast, mask);
        const teacher = sideOf(drawn.teacherKind, other, drawn.teacherLast, teacherMask);
        const { labelSmoothing, normalization, threads } = drawn;
        // Of such rows among others, a root has no slope to compare.
        const levels = levelsOf(grid, axesOf(teacher, student)).map((level) => countCells([level]));
        const coincide = levels.includes(1) || mask === 'padded' || teacherMask === 'padded';
        const method = coincide && 'metric' in drawn.method ? {} : drawn.method;
        const inputs = problem({ samples, classes, grid, teacher, student, labels, sampleWeights, seed });
        const rows = samples * (1 + cells(grid, axesOf(teacher, student)));
        const beta = (500 / 320) * reductionRows(reduction, rows);
        const ignored = drawn.ignore &&
          labels === 'hard' && { ignoreIndex: Array.from(inputs.labels as Int32Array)[0] };
        const relation = { ...method, reduction };
        const options = { grid, beta, labelSmoothing, normalization, threads, relation, ...ignored };
        const got = checkGld(inputs, options, dtype, placement);
        const computed = dtype === 'float64' ? 'float64' : 'float32';
        const limits = tolerance[computed];
        const problemOf = { seed, samples, classes, teacher, student, labels, sampleWeights };
        const what = `${dtype} ${placement} ${JSON.stringify({ ...problemOf, ...options })}`;
        errors.add(`loss ${computed}`, got.loss, limits.loss, what);
        errors.add(`relation ${computed}`, got.relation, limits.loss, what);
        errors.add(`gradient ${computed}`, got.gradient, limits.gradient, what);
      }
      errors.check(t);
    });
  }
}

t.test('gradients against finite differences of the loss itself', async (t) => {
  const random = new Random(1);
  const cases = combinations({
    student: [
      { channels: 3, map: [5], mask: 'padded' },
      { logitMap: [3, 4], layout: 'NHWC', mask: 'scattered' },
      { logitMap: [2, 3, 2] },
    ] as SideSpec[],
    grid: [2, { pyramid: [1, 2] }] as GridOption[],
    relation: [{ method: 'pairwise' }, { method: 'moments' }] as const,
    sampleWeights: [false, true],
  });
  for (const { student, grid, relation, sampleWeights } of cases) {
    const axes = axesOf('logits', student);
    const teacher: SideSpec = { channels: 2, map: [3, 2, 4].slice(-axes), mask: 'padded' };
    const inputs = problem({ samples: 3, classes: 4, grid, teacher, student, sampleWeights });
    const options = { grid, relation, labelSmoothing: 0.1, beta: 20 };
    const { given } = encodeInputs(inputs, 'float64');
    const { gradients } = gldLoss(given, options);
    for (const [name, { data, shape }] of tensorsOf(inputs.student)) {
      const gradient = Float64Array.from(present(gradients?.[name]).data);
      const direction = random.normals(data.length);
      const loss = (x: Float64Array): number => {
        const changed = { ...given, student: { ...given.student, [name]: { data: x, shape } } } as Inputs;
        return gldLoss(changed, { ...options, gradients: false }).loss;
      };
      const expected = derivative(loss, Float64Array.from(data), direction, 1e-4);
      const got = gradient.reduce((sum, value, at) => sum + value * direction[at], 0);
      const size = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const error = Math.abs(got - expected) / (size * Math.sqrt(data.length) || 1);
      t.ok(error < 5e-11, `${JSON.stringify({ student, grid, relation, sampleWeights })}, ${name}: ${error}`);
    }
  }
});
