/** The reference itself: its gradients against finite differences, and the facts that follow from the definitions. */
import t from 'tap';
import { classify, classifyGradient } from './reference/classifier.js';
import { crossEntropy, oneHot } from './reference/cross_entropy.js';
import { gld } from './reference/gld.js';
import { normalizedKd } from './reference/normalized_kd.js';
import { pool, poolGradient } from './reference/pool.js';
import { relation } from './reference/relation.js';
import { dot, rows } from './reference/rows.js';
import type {
  Dense, FeatureSide, Inputs, LogitSide, Metric, Normalization, Options, Reduction, Side,
} from './reference/types.js';
import { combinations } from './support/combinations.js';
import { arrayError } from './support/compare.js';
import { derivative, numericGradient } from './support/finite_differences.js';
import { problem, type ProblemSpec, type SideSpec } from './support/problems.js';
import { Random } from './support/random.js';

const normalizations: Normalization[] = [
  { kind: 'std' },
  { kind: 'std', unbiased: false },
  { kind: 'temperature', temperature: 4 },
];
const metrics: Metric[] = ['sqeuclidean', 'euclidean'];
const reductions: Reduction[] = ['matrix', 'row'];
const tolerance = 1e-9;

t.test('pool: the gradient is the transpose of a linear map', async (t) => {
  const random = new Random(11);
  for (const [height, width, gridRows, gridCols] of [
    [4, 4, 2, 2],
    [5, 7, 2, 3],
    [3, 4, 3, 1],
    [1, 6, 1, 4],
  ]) {
    const shape = { samples: 2, channels: 3, height, width };
    const grid = { rows: gridRows, cols: gridCols };
    const features = random.normals(2 * 3 * height * width);
    const upstream = random.normals(2 * 3 * (1 + gridRows * gridCols));
    const loss = (x: Float64Array): number => dot(pool(x, shape, grid), upstream);
    const error = arrayError(poolGradient(upstream, shape, grid), numericGradient(loss, features));
    t.ok(error < tolerance, `${height}x${width} map, ${gridRows}x${gridCols} grid: ${error}`);
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
  for (const targets of [oneHot([2, 0, 3], 4), random.normals(12).map(Math.abs)]) {
    const { gradient } = crossEntropy(logits, targets, 4);
    const error = arrayError(gradient, numericGradient((x) => crossEntropy(x, targets, 4).loss, logits));
    t.ok(error < tolerance, `${error}`);
  }
});

t.test('normalized_kd: gradient', async (t) => {
  const random = new Random(14);
  const teacher = random.normals(4 * 6, 3);
  const student = random.normals(4 * 6, 3);
  for (const normalization of normalizations) {
    const of = (x: Float64Array): ReturnType<typeof normalizedKd> =>
      normalizedKd(teacher, x, { samples: 2, classes: 6, normalization });
    const error = arrayError(of(student).gradient, numericGradient((x) => of(x).loss, student));
    t.ok(error < tolerance, `${JSON.stringify(normalization)}: ${error}`);
  }
});

t.test('relation: gradient', async (t) => {
  const random = new Random(15);
  const teacher = random.normals(7 * 4, 3);
  const student = random.normals(7 * 4, 3);
  for (const metric of metrics) {
    for (const reduction of reductions) {
      const of = (x: Float64Array): ReturnType<typeof relation> =>
        relation(teacher, x, { classes: 4, metric, reduction });
      const error = arrayError(of(student).gradient, numericGradient((x) => of(x).loss, student));
      t.ok(error < tolerance, `${metric}, ${reduction}: ${error}`);
    }
  }
});

/** The arrays of the student that gradients are taken of. */
function parameters(student: Side): [name: 'features' | 'weight' | 'bias' | 'logits', tensor: Dense][] {
  const { features, weight, bias, logits }: Partial<FeatureSide & LogitSide> = student;
  const all = Object.entries({ features, weight, bias, logits });
  return all.filter(([, tensor]) => tensor !== undefined) as ReturnType<typeof parameters>;
}

/** The gradients along one random direction of each parameter, |got − expected| over the product of the lengths. */
function gldGradientError(inputs: Inputs, options: Options, random: Random): number {
  const { gradients } = gld(inputs, options);
  let worst = 0;
  for (const [name, { data, shape }] of parameters(inputs.student)) {
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
      reduction: reductions,
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
  for (const [name, { data, shape }] of parameters(inputs.student)) {
    const loss = (x: Float64Array): number =>
      gld({ ...inputs, student: { ...inputs.student, [name]: { data: x, shape } } }).loss;
    const error = arrayError(gradients[name]?.data ?? [], numericGradient(loss, Float64Array.from(data)));
    t.ok(error < tolerance, `${name}: ${error}`);
  }
});

t.test('L_ND does not see offset and scale of a row: its gradient is orthogonal to 1 and to z − μ', async (t) => {
  const random = new Random(17);
  const teacher = random.normals(5 * 8, 3);
  const student = random.normals(5 * 8, 3);
  for (const unbiased of [true, false]) {
    const options = { samples: 5, classes: 8, normalization: { kind: 'std', unbiased } } as const;
    const { loss, gradient } = normalizedKd(teacher, student, options);
    for (const [r, row] of rows(gradient, 8).entries()) {
      const z = rows(student, 8)[r];
      const mean = z.reduce((sum, value) => sum + value, 0) / 8;
      t.ok(Math.abs(dot(row, new Float64Array(8).fill(1))) < 1e-15, 'orthogonal to 1');
      t.ok(Math.abs(dot(row, z.map((value) => value - mean))) < 1e-15, 'orthogonal to z − μ');
    }
    const moved = normalizedKd(teacher, student.map((value) => 2.5 * value - 40), options);
    t.ok(Math.abs(moved.loss - loss) < 1e-13);
  }
});

t.test('L_ND: a row with σ = 0 is uniform and has gradient 0; with K = 2 every gradient is 0', async (t) => {
  const options = { samples: 1, classes: 3, normalization: { kind: 'std' } } as const;
  const constant = Float64Array.of(0.1, 0.1, 0.1);
  const varied = Float64Array.of(1, 2, 4);
  const student = normalizedKd(varied, constant, options);
  t.same([...student.gradient], [0, 0, 0]);
  t.ok(student.loss > 0 && student.loss < Math.log(3));
  t.equal(normalizedKd(constant, constant, options).loss, 0);
  const teacher = normalizedKd(constant, varied, options);
  t.ok(teacher.loss > 0 && teacher.gradient.some((value) => value !== 0), 'a constant teacher row still teaches');

  const random = new Random(18);
  const two = { samples: 6, classes: 2, normalization: { kind: 'std' } } as const;
  const { gradient } = normalizedKd(random.normals(12), random.normals(12), two);
  t.ok(gradient.every((value) => Math.abs(value) < 1e-15));
});

t.test('L_relation: common offset, positive scale and rotation do not change it; it is at most 2/m', async (t) => {
  const random = new Random(19);
  const m = 9;
  const teacher = random.normals(m * 2, 3);
  const student = random.normals(m * 2, 3);
  for (const metric of metrics) {
    const options = { classes: 2, metric, reduction: 'matrix' } as const;
    const { loss, gradient } = relation(teacher, student, options);
    t.ok(loss > 0 && loss <= 2 / m);
    const same = (changed: Float64Array, what: string): void => {
      const error = Math.abs(relation(teacher, changed, options).loss - loss);
      t.ok(error < 1e-14, `${metric}, ${what}: ${error}`);
    };
    same(student.map((value, at) => value + (at % 2 === 0 ? 1000 : -7)), 'offset');
    same(student.map((value) => 3 * value), 'scale');
    const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
    same(Float64Array.from(rows(student, 2).flatMap(([x, y]) => [cos * x - sin * y, sin * x + cos * y])), 'rotation');
    t.ok(Math.abs(dot(gradient, new Float64Array(m * 2).fill(1))) < 1e-15, 'the gradient moves no common offset');

    const row = relation(teacher, student, { ...options, reduction: 'row' });
    t.ok(Math.abs(row.loss - m * loss) < 1e-14, 'reduction row is m times as large');
    t.ok(arrayError(row.gradient, gradient.map((value) => m * value)) < 1e-14);
    t.ok(relation(teacher, teacher.map((value) => 2 * value), options).loss < 1e-30, 'zero for an equal student');
  }
});

t.test('L_relation: rows without any distance stay zero', async (t) => {
  const random = new Random(20);
  const m = 6;
  const varied = random.normals(m * 3);
  const equal = new Float64Array(m * 3).fill(0.3);
  for (const metric of metrics) {
    const options = { classes: 3, metric, reduction: 'matrix' } as const;
    const student = relation(varied, equal, options);
    t.ok(Math.abs(student.loss - 1 / m) < 1e-15, 'one side without relations: half of the bound');
    t.ok(student.gradient.every((value) => value === 0));
    t.equal(relation(equal, equal, options).loss, 0);
    const pair = relation(varied, Float64Array.from([...varied.subarray(0, 9), ...varied.subarray(0, 9)]), options);
    t.ok(pair.gradient.every(Number.isFinite), 'pairs of equal rows have a gradient');
  }
});

t.test('a grid that divides the map: the global logits are the mean of the local ones', async (t) => {
  const random = new Random(21);
  const map = { samples: 2, channels: 3, height: 6, width: 4 };
  const pooled = pool(random.normals(2 * 3 * 24), map, { rows: 3, cols: 2 });
  const logits = classify(pooled, random.normals(15), random.normals(5), { count: 14, channels: 3, classes: 5 });
  for (const sample of rows(logits, 7 * 5)) {
    const [global, ...local] = rows(sample, 5);
    for (let k = 0; k < 5; k++) {
      const mean = local.reduce((sum, row) => sum + row[k], 0) / 6;
      t.ok(Math.abs(global[k] - mean) < 1e-14);
    }
  }
});

t.test('gld: logits of 1e30 stay finite', async (t) => {
  const random = new Random(22);
  const huge = (): Side => ({ logits: { data: random.normals(2 * 5 * 4, 1e30), shape: [2, 5, 4] } });
  for (const normalization of normalizations) {
    for (const metric of metrics) {
      const inputs = { teacher: huge(), student: huge(), labels: [1, 3] };
      const { loss, gradients } = gld(inputs, { normalization, relation: { metric } });
      t.ok(Number.isFinite(loss) && Array.from(gradients.logits?.data ?? [NaN]).every(Number.isFinite));
    }
  }
});
