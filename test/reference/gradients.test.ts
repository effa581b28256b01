/** The reference itself: its gradients against finite differences, stage by stage and for every option. */
import t from 'tap';
import { classify, classifyGradient } from './classifier.js';
import { crossEntropy, oneHot, smoothed } from './cross-entropy.js';
import { gld } from './gld.js';
import { countCells } from './grid.js';
import { layoutOf } from './layout.js';
import { normalizedKd } from './normalized-kd.js';
import { pool, poolGradient } from './pool.js';
import { relation } from './relation.js';
import { dot } from './rows.js';
import type { GridOption, Inputs, Metric, Normalization, Options, Reduction } from './types.js';
import { combinations } from '../support/combinations.js';
import { arrayError } from '../support/compare.js';
import { derivative, numericGradient } from '../support/finite-differences.js';
import { problem, tensorsOf, type ProblemSpec, type SideSpec } from '../support/problems.js';
import { Random } from '../support/random.js';
import { unusual } from '../support/options.js';

const normalizations: Normalization[] = [
  { kind: 'std' },
  { kind: 'std', unbiased: false, temperature: 2 },
  { kind: 'temperature', temperature: 4 },
];
const metrics: Metric[] = ['sqeuclidean', 'euclidean'];
const reductions: Reduction[] = ['matrix', 'row', { rows: 12.5 }];
const tolerance = 1e-9;

t.test('pool: the gradient is the transpose of a linear map', async (t) => {
  const random = new Random(11);
  const cases: [size: number[], levels: number[][]][] = [
    [[4, 4], [[2, 2]]],
    [[5, 7], [[2, 3]]],
    [[3, 4], [[3, 1]]],
    [[1, 6], [[1, 4]]],
    [[7], [[3]]],
    [[9], [[1], [2], [4]]],
    [[3, 4, 5], [[2, 3, 2]]],
    [
      [5, 4],
      [
        [1, 1],
        [2, 2],
        [3, 4],
      ],
    ],
  ];
  for (const [size, levels] of cases) {
    const shape = { samples: 2, channels: 3, size };
    const positions = size.reduce((product, extent) => product * extent, 1);
    const features = random.normals(2 * 3 * positions);
    const upstream = random.normals(2 * 3 * (1 + countCells(levels)));
    const mask = Uint8Array.from({ length: 2 * positions }, () => random.integer(2));
    for (const counted of [undefined, mask]) {
      const loss = (x: Float64Array): number => dot(pool(x, shape, levels, counted), upstream);
      const error = arrayError(poolGradient(upstream, shape, levels, counted), numericGradient(loss, features));
      t.ok(
        error < tolerance,
        `${size.join('x')} map, levels ${levels.join('; ')}${counted ? ', masked' : ''}: ${error}`,
      );
    }
  }
});

t.test('classifier: gradients', async (t) => {
  const random = new Random(12);
  const shape = { count: 4, channels: 3, classes: 5 };
  const pooled = random.normals(12);
  const weight = random.normals(15);
  const bias = random.normals(5);
  const upstream = random.normals(20);
  const got = classifyGradient(upstream, pooled, weight, shape);
  const expected = {
    pooled: numericGradient((x) => dot(classify(x, weight, bias, shape), upstream), pooled),
    weight: numericGradient((x) => dot(classify(pooled, x, bias, shape), upstream), weight),
    bias: numericGradient((x) => dot(classify(pooled, weight, x, shape), upstream), bias),
  };
  for (const name of ['pooled', 'weight', 'bias'] as const) {
    const error = arrayError(got[name], expected[name]);
    t.ok(error < tolerance, `${name}: ${error}`);
  }
});

t.test('cross_entropy: gradient with hard labels, and with soft ones that need not sum to 1', async (t) => {
  const random = new Random(13);
  const logits = random.normals(3 * 4, 3);
  const hard = oneHot([2, 0, 3], 4);
  for (const targets of [hard, random.normals(12).map(Math.abs), smoothed(hard, 4, 0.2), oneHot([2, 0, 3], 4, 0)]) {
    for (const weights of [undefined, [0.5, 2, 0]]) {
      const { gradient } = crossEntropy(logits, targets, 4, weights);
      const error = arrayError(
        gradient,
        numericGradient((x) => crossEntropy(x, targets, 4, weights).loss, logits),
      );
      t.ok(error < tolerance, `${error}`);
    }
  }
});

t.test('normalized_kd: gradient', async (t) => {
  const random = new Random(14);
  const teacher = random.normals(4 * 6, 3);
  const student = random.normals(4 * 6, 3);
  const compensated: Normalization[] = [
    { kind: 'std', compensated: true },
    { kind: 'std', compensated: true, unbiased: false, temperature: 0.5 },
  ];
  for (const normalization of [...normalizations, ...compensated]) {
    for (const weights of [undefined, [1, 0, 2.5, 0.3]]) {
      const of = (x: Float64Array): ReturnType<typeof normalizedKd> =>
        normalizedKd(teacher, x, { samples: 2, classes: 6, normalization, held: student, ...(weights && { weights }) });
      const error = arrayError(
        of(student).gradient,
        numericGradient((x) => of(x).loss, student),
      );
      t.ok(error < tolerance, `${JSON.stringify(normalization)}, weights ${weights}: ${error}`);
    }
  }
});

t.test('relation: gradient', async (t) => {
  const random = new Random(15);
  const teacher = random.normals(7 * 4, 3);
  const student = random.normals(7 * 4, 3);
  for (const metric of metrics) {
    for (const reduction of reductions) {
      for (const weights of [undefined, [1, 0, 2.5, 0.3, 1, 2, 4]]) {
        const of = (x: Float64Array): ReturnType<typeof relation> =>
          relation(teacher, x, { classes: 4, metric, reduction, ...(weights && { weights }) });
        const error = arrayError(
          of(student).gradient,
          numericGradient((x) => of(x).loss, student),
        );
        t.ok(error < tolerance, `${metric}, ${JSON.stringify(reduction)}, weights ${weights}: ${error}`);
      }
    }
  }
});

/** The gradients along one random direction of each parameter, |got − expected| over the product of the lengths. */
function gldGradientError(inputs: Inputs, options: Options, random: Random): number {
  const { gradients } = gld(inputs, options);
  let worst = 0;
  for (const [name, { data, shape }] of tensorsOf(inputs.student)) {
    const gradient = gradients[name]?.data as Float64Array;
    const direction = random.normals(data.length);
    const length = Math.sqrt(dot(direction, direction));
    const loss = (x: Float64Array): number =>
      gld({ ...inputs, student: { ...inputs.student, [name]: { data: x, shape } } }, options).loss;
    const unit = direction.map((value) => value / length);
    const expected = derivative(loss, Float64Array.from(data), unit, 1e-4);
    worst = Math.max(worst, Math.abs(dot(gradient, unit) - expected) / Math.sqrt(dot(gradient, gradient)));
  }
  return worst;
}

t.test('gld: gradients for every combination of the options', async (t) => {
  const random = new Random(16);
  const students: SideSpec[] = ['logits'];
  for (const layout of ['NCHW', 'NHWC'] as const) {
    for (const weightLayout of ['KC', 'CK'] as const) {
      for (const bias of [true, false]) students.push({ channels: 2, map: [3, 4], layout, weightLayout, bias });
    }
  }
  const teachers: SideSpec[] = ['logits', { channels: 3, map: [5, 3], layout: 'NHWC' }];
  const grids: NonNullable<ProblemSpec['grid']>[] = [2, [1, 3], [3, 2]];
  for (const student of students) {
    const choices = combinations({
      teacher: teachers,
      grid: grids,
      labels: ['hard', 'soft', 'none'] as const,
      normalization: normalizations,
      metric: metrics,
      reduction: ['matrix', { rows: 12.5 }] as Reduction[],
    });
    let [worst, where] = [0, ''];
    for (const [seed, { teacher, grid, labels, normalization, metric, reduction }] of choices.entries()) {
      const inputs = problem({ samples: 2, classes: 3, grid, teacher, student, labels, seed });
      const localWeight = seed % 2 === 0 ? 1 : 0.3;
      const options = { grid, normalization, localWeight, relation: { metric, reduction } };
      const error = gldGradientError(inputs, options, random);
      if (!(error <= worst)) [worst, where] = [error, JSON.stringify({ teacher, labels, ...options })];
    }
    // What the rounding of a loss of some hundreds, over the step, leaves of the bias's small gradient.
    t.ok(worst < 1e-7, `student ${JSON.stringify(student)}: ${worst} at ${where}`);
  }
});

t.test('gld: gradients by every axis, with the defaults', async (t) => {
  const student = { channels: 3, map: [3, 4] } as const;
  const inputs = problem({ samples: 2, classes: 4, teacher: { channels: 2, map: [4, 4] }, student });
  const { gradients } = gld(inputs);
  for (const [name, { data, shape }] of tensorsOf(inputs.student)) {
    const loss = (x: Float64Array): number =>
      gld({ ...inputs, student: { ...inputs.student, [name]: { data: x, shape } } }).loss;
    const error = arrayError(gradients[name]?.data ?? [], numericGradient(loss, Float64Array.from(data)));
    t.ok(error < tolerance, `${name}: ${error}`);
  }
});

t.test('gld: gradients on maps of any rank, with pyramids, masks, maps of logits, weights, smoothing', async (t) => {
  const random = new Random(17);
  const shapes: [map: number[], other: number[], grid: GridOption][] = [
    [[7], [5], 3],
    [[6], [9], [1, 2, 3]],
    [[4, 5], [3, 4], { pyramid: [1, [3, 2]] }],
    [
      [3, 4, 2],
      [2, 3, 3],
      [2, 3, 2],
    ],
    [
      [3, 2, 2],
      [2, 2, 4],
      [1, 2],
    ],
  ];
  for (const [map, other, grid] of shapes) {
    for (const channelsLast of [false, true]) {
      const layout = layoutOf(map.length, channelsLast);
      const choices = combinations({
        student: [
          { logitMap: map, layout, mask: 'scattered' },
          { channels: 2, map, layout, mask: 'padded' },
          'logits',
        ] as SideSpec[],
        teacher: [{ channels: 3, map: other, mask: 'padded' }, { logitMap: other }] as SideSpec[],
        labels: ['hard', 'soft'] as const,
        metric: metrics,
      });
      let [worst, where] = [0, ''];
      for (const [seed, { student, teacher, labels, metric }] of choices.entries()) {
        const weights = { sampleWeights: seed % 3 > 0, classWeights: seed % 2 > 0 };
        const spec = { samples: 3, classes: 3, grid, teacher, student, labels, ...weights, seed };
        const options: Options = { ...unusual, grid, relation: { metric }, beta: 5 };
        if (labels === 'hard') options.ignoreIndex = 1;
        const error = gldGradientError(problem(spec), options, random);
        if (!(error <= worst)) [worst, where] = [error, JSON.stringify(spec)];
      }
      t.ok(worst < 1e-7, `${layout}, ${map.join('x')} map: ${worst} at ${where}`);
    }
  }
});
