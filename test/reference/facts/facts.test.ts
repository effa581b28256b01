/** Facts that follow from the definitions, on the reference. */
import t from 'tap';
import { present } from '../../../tools/present.js';
import { classify } from '../classifier.js';
import { oneHot, smoothed } from '../cross-entropy.js';
import { gld } from '../gld.js';
import { normalizedKd } from '../normalized-kd.js';
import { pool } from '../pool.js';
import { relation } from '../relation.js';
import { dot, rows } from '../rows.js';
import type { LogitMapSide, Metric, Normalization, Options, Result, Side } from '../types.js';
import { arrayError, lossError } from '../../support/compare.js';
import { problem } from '../../support/problems.js';
import { Random } from '../../support/random.js';
import { select, sumCopies, withAxis } from '../../support/samples.js';
import { smoothing, unusual } from '../../support/options.js';

const normalizations: Normalization[] = [
  { kind: 'std' },
  { kind: 'std', unbiased: false },
  { kind: 'temperature', temperature: 4 },
];
const metrics: Metric[] = ['sqeuclidean', 'euclidean'];

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
      t.ok(
        Math.abs(
          dot(
            row,
            z.map((value) => value - mean),
          ),
        ) < 1e-15,
        'orthogonal to z − μ',
      );
    }
    const moved = normalizedKd(
      teacher,
      student.map((value) => 2.5 * value - 40),
      options,
    );
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
  for (const [zt, zs] of [
    [varied, constant],
    [constant, varied],
  ]) {
    const { loss, gradient } = normalizedKd(zt, zs, { ...options, normalization: { kind: 'std', compensated: true } });
    t.same([loss, ...gradient], [0, 0, 0, 0], 'but compensated neither side does');
  }

  const random = new Random(18);
  const two = { samples: 6, classes: 2, normalization: { kind: 'std' } } as const;
  const { gradient } = normalizedKd(random.normals(12), random.normals(12), two);
  t.ok(gradient.every((value) => Math.abs(value) < 1e-15));
});

t.test('L_ND, compensated: the gradient has the size of the teacher, and ignores that of the student', async (t) => {
  const random = new Random(18);
  const [teacher, student] = [random.normals(5 * 8, 3), random.normals(5 * 8, 3)];
  const times = (by: number, z: Float64Array) => z.map((value) => by * value);
  const of = (zt: Float64Array, zs: Float64Array, temperature = 1) => {
    const normalization = { kind: 'std', compensated: true, temperature } as const;
    return normalizedKd(zt, zs, { samples: 5, classes: 8, normalization });
  };
  for (const temperature of [1, 4]) {
    const { loss, gradient } = of(teacher, student, temperature);
    const plain = normalizedKd(teacher, student, {
      samples: 5,
      classes: 8,
      normalization: { kind: 'std', temperature },
    });
    const small = of(teacher, times(0.01, student), temperature);
    t.ok(arrayError(small.gradient, gradient) < 1e-13 && Math.abs(small.loss / loss - 0.01) < 1e-13);
    const large = of(times(100, teacher), student, temperature);
    t.ok(arrayError(large.gradient, times(100, gradient)) < 1e-13 && Math.abs(large.loss / loss - 100) < 1e-11);
    for (const [r, z] of rows(student, 8).entries()) {
      const [got, expected] = [gradient, plain.gradient].map((each) => rows(each, 8)[r]);
      const sigma = (row: Float64Array) => {
        const mean = row.reduce((sum, value) => sum + value, 0) / 8;
        return Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 7);
      };
      const factor = sigma(rows(teacher, 8)[r]) * sigma(z);
      t.ok(arrayError(got, times(factor, expected)) < 1e-13, 'what is differentiated has a constant factor');
    }
  }
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
    same(
      student.map((value, at) => value + (at % 2 === 0 ? 1000 : -7)),
      'offset',
    );
    same(
      student.map((value) => 3 * value),
      'scale',
    );
    const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
    same(Float64Array.from(rows(student, 2).flatMap(([x, y]) => [cos * x - sin * y, sin * x + cos * y])), 'rotation');
    t.ok(Math.abs(dot(gradient, new Float64Array(m * 2).fill(1))) < 1e-15, 'the gradient moves no common offset');

    const row = relation(teacher, student, { ...options, reduction: 'row' });
    t.ok(Math.abs(row.loss - m * loss) < 1e-14, 'reduction row is m times as large');
    for (const rows of [1, m, 320]) {
      const of = relation(teacher, student, { ...options, reduction: { rows } }).loss;
      t.ok(Math.abs(of - row.loss / rows) < 1e-14, `reduction by ${rows} rows is a ${rows}th of that`);
    }
    t.ok(
      arrayError(
        row.gradient,
        gradient.map((value) => m * value),
      ) < 1e-14,
    );
    t.ok(
      relation(
        teacher,
        teacher.map((value) => 2 * value),
        options,
      ).loss < 1e-30,
      'zero for an equal student',
    );
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
  const map = { samples: 2, channels: 3, size: [6, 4] };
  const pooled = pool(random.normals(2 * 3 * 24), map, [[3, 2]]);
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

/** What the definitions say of sample weights, masks and the rest, each as two ways to the same numbers. */
function same(t: { ok(value: boolean, message: string): unknown }, what: string, got: Result, expected: Result): void {
  const terms = ['task', 'global', 'local', 'relation'] as const;
  const worst = Math.max(
    lossError(got.loss, expected.loss),
    ...terms.map((name) => lossError(got.terms[name], expected.terms[name])),
    ...Object.entries(expected.gradients).map(([name, { data }]) =>
      arrayError(got.gradients[name as 'features']?.data ?? [], data),
    ),
  );
  t.ok(worst < 1e-12, `${what}: ${worst}`);
}

t.test('a sample of integer weight is a sample repeated, one of weight 0 is absent', async (t) => {
  for (const metric of metrics) {
    for (const reduction of ['matrix', 'row', { rows: 320 }] as const) {
      const once = problem({
        samples: 4,
        classes: 5,
        teacher: { logitMap: [3, 3] },
        student: { channels: 3, map: [4, 3] },
      });
      const counts = [2, 0, 1, 3];
      const options: Options = { relation: { metric, reduction } };
      const weighted = gld({ ...once, sampleWeights: counts }, options);
      const repeated = gld(
        select(
          once,
          counts.flatMap((count, i) => new Array<number>(count).fill(i)),
        ),
        options,
      );
      const { features, ...others } = repeated.gradients;
      const summed = sumCopies(present(features), counts);
      same(t, `${metric}, ${JSON.stringify(reduction)}`, weighted, {
        ...repeated,
        gradients: { ...others, features: summed },
      });
    }
  }
});

t.test('a pyramid of one level is a grid; a mask of ones is none; axes of size 1 change nothing', async (t) => {
  const sides = { teacher: { channels: 2, map: [3, 5] }, student: { channels: 3, map: [4, 3] } };
  const map = problem({ samples: 3, classes: 4, ...sides });
  same(t, 'one level', gld(map, { grid: { pyramid: [[2, 3]] } }), gld(map, { grid: [2, 3] }));
  const ones = { data: new Uint8Array(36).fill(7), shape: [3, 4, 3] };
  same(t, 'a mask', gld({ ...map, student: { ...map.student, mask: ones } as Side }), gld(map));
  const line = problem({
    samples: 3,
    classes: 4,
    grid: 3,
    teacher: { logitMap: [8] },
    student: { channels: 3, map: [7] },
  });
  const flat = gld(withAxis(line), { grid: [1, 3] });
  const gradients = { ...flat.gradients, features: { data: present(flat.gradients.features).data, shape: [3, 3, 7] } };
  same(t, 'one axis', gld(line, { grid: 3 }), { ...flat, gradients });
  const deep = gld(withAxis(map), { grid: [1, 2, 2] });
  same(t, 'three axes', deep, gld(map, { grid: 2 }));
});

t.test('what a mask leaves out may be anything; smoothed labels are soft ones; any label may be ignored', async (t) => {
  const student = { logitMap: [4, 4], mask: 'padded' } as const;
  const inputs = problem({ samples: 4, classes: 3, teacher: { logitMap: [3, 4] }, student });
  const { logitMap, mask } = inputs.student as LogitMapSide;
  const positions = 16;
  const poisoned = Float64Array.from(logitMap.data, (value, at) =>
    present(mask).data[Math.floor(at / (3 * positions)) * positions + (at % positions)] ? value : NaN,
  );
  same(
    t,
    'NaN',
    gld({ ...inputs, student: { logitMap: { ...logitMap, data: poisoned }, mask: present(mask) } }),
    gld(inputs),
  );

  const labels = inputs.labels as ArrayLike<number>;
  const soft = { data: smoothed(oneHot(labels, 3), 3, smoothing), shape: [4, 3] };
  same(t, 'smoothing', gld(inputs, unusual), gld({ ...inputs, labels: soft }));
  const [first] = Array.from(labels);
  const others = Array.from(labels, (label) => (label === first ? -100 : label));
  same(t, 'ignored', gld(inputs, { ignoreIndex: first }), gld({ ...inputs, labels: others }, { ignoreIndex: -100 }));
  const none = gld({ ...inputs, labels: [7, 7, 7, 7] }, { ignoreIndex: 7 });
  t.equal(none.terms.task, 0, 'nothing is labelled');
});
