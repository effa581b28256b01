/** Classes that a logit of −∞ excludes: finite wherever the mathematics is, infinite or NaN where it says so. */
import { crossEntropy, gldLoss, normalizedKd, relation, type TensorLike } from 'gld-loss';
import t from 'tap';
import * as ce from '../reference/cross-entropy.js';
import { gld } from '../reference/gld.js';
import * as kd from '../reference/normalized-kd.js';
import { allFinite, arrayError, lossError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { checkExcluded, exclude, excludeAs, excludedProblems, finiteOptions } from '../support/excluded.js';
import { Random } from '../support/random.js';
import { dtypes, encode, encodeInputs, placements } from '../support/tensors.js';
import { present } from '../../tools/present.js';
import { smoothing, unusual } from '../support/options.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-13, gradient: 1e-12 } };
const temperature = { kind: 'temperature', temperature: 4 } as const;

const rowsOf = (...rows: number[][]): TensorLike => ({
  data: Float32Array.from(rows.flat()),
  shape: [rows.length, rows[0].length],
});
const zeroWhereExcluded = (gradient: ArrayLike<number>, logits: ArrayLike<number>) =>
  Array.from(logits).every((value, at) => value !== -Infinity || gradient[at] === 0);

t.test("PyTorch's values, which are of float32", async (t) => {
  const logits = rowsOf([0, 1, -Infinity, 3], [1, -Infinity, 0, 2]);
  const { loss, gradients } = crossEntropy({ logits, labels: [0, 3] });
  t.ok(Math.abs(loss / 1.7887259 - 1) < 1e-6, `cross-entropy ${loss}`);
  t.equal(present(gradients?.logits).data[2], 0);
  t.equal(present(gradients?.logits).data[5], 0);
  const sides = { teacher: rowsOf([1, 2, -Infinity, 0]), student: rowsOf([0, 1, 2, 3]) };
  const divergence = normalizedKd(sides, { normalization: temperature });
  t.ok(Math.abs(divergence.loss / 6.8224516 - 1) < 1e-6, `KD ${divergence.loss}`);
});

for (const [n, classes] of [
  [1, 2],
  [9, 5],
  [33, 10],
  [20, 100],
  [7, 1000],
]) {
  t.test(`stages: ${n} rows of ${classes} classes`, async (t) => {
    const errors = new Errors();
    const random = new Random(classes);
    const shape = [n, classes];
    const other = random.normals(n * classes, 3);
    const excluding = exclude(random.normals(n * classes, 3), classes, random);
    if (n === 1) excluding[1] = -Infinity;
    const hard = new Int32Array(n);
    const soft = Float64Array.from(excluding, (value) => (value === -Infinity ? 0 : random.uniform()));
    for (const dtype of dtypes) {
      for (const placement of placements) {
        const computed = dtype === 'float64' ? 'float64' : 'float32';
        const limits = tolerance[computed];
        const what = `${dtype} ${placement}`;
        const [plain, less, same] = [other, excluding, excludeAs(other, excluding)].map((data) =>
          encode({ data, shape }, dtype, placement),
        );
        const exact = ({ exact }: typeof plain) => Float64Array.from(exact.data);

        const distribution = encode({ data: soft, shape }, dtype, placement);
        for (const labels of [hard, distribution.tensor]) {
          const targets = labels === hard ? ce.oneHot(hard, classes) : exact(distribution);
          const expected = ce.crossEntropy(exact(less), targets, classes);
          const { loss, gradients } = crossEntropy({ logits: less.tensor, labels });
          const gradient = present(gradients?.logits).data;
          errors.add(`cross-entropy ${computed}`, lossError(loss, expected.loss), limits.loss, what);
          errors.add(`its gradient ${computed}`, arrayError(gradient, expected.gradient), limits.gradient, what);
          if (!zeroWhereExcluded(gradient, excluding)) t.fail(`${what}: cross-entropy's gradient is 0 there`);
        }

        for (const [teacher, student] of [
          [less, plain],
          [less, same],
        ]) {
          const options = { samples: n, classes, normalization: temperature };
          const expected = kd.normalizedKd(exact(teacher), exact(student), options);
          const pair = { teacher: teacher.tensor, student: student.tensor };
          const { loss, gradients } = normalizedKd(pair, { normalization: temperature });
          const gradient = present(gradients?.logits).data;
          errors.add(`KD ${computed}`, lossError(loss, expected.loss), limits.loss, what);
          const scale = n === 1 ? 1 : 0; // of a single class that is left, the gradient is 0
          errors.add(`its gradient ${computed}`, arrayError(gradient, expected.gradient, scale), limits.gradient, what);
          if (!zeroWhereExcluded(gradient, exact(student))) t.fail(`${what}: KD's gradient is 0 there`);
        }
      }
    }
    errors.check(t);
  });
}

t.test('the whole loss by temperature, without the relation', async (t) => {
  const errors = new Errors();
  for (const [name, inputs] of excludedProblems) {
    for (const dtype of dtypes) {
      const computed = dtype === 'float64' ? 'float64' : 'float32';
      const { given, exact } = encodeInputs(inputs, dtype);
      const { loss, terms, gradients = {} } = gldLoss(given, finiteOptions);
      const arrays = Object.fromEntries(Object.entries(gradients).map(([key, { data }]) => [key, data]));
      const what = `${name}, ${dtype}`;
      checkExcluded(
        { loss, terms, gradients: arrays },
        gld(exact, finiteOptions),
        inputs.student,
        tolerance[computed],
        {
          add: (quantity, error, limit) => errors.add(`${quantity} ${computed}`, error, limit, what),
          ok: (holds, why) => (holds ? undefined : t.fail(`${what}: ${why}`)),
        },
      );
    }
  }
  errors.check(t);
});

for (const dtype of ['float32', 'float64'] as const) {
  const tensor = (...rows: number[][]) =>
    encode({ data: Float64Array.from(rows.flat()), shape: [rows.length, rows[0].length] }, dtype).tensor;
  const near = (got: ArrayLike<number>, expected: number[]) => arrayError(got, expected) < 1e-6;

  t.test(`${dtype}: infinite where a class that is wanted is excluded, with the gradient's limit`, async (t) => {
    const logits = tensor([0, 0, -Infinity]);
    for (const [what, call] of Object.entries({
      'a label': () => crossEntropy({ logits, labels: [2] }),
      'a soft label': () => crossEntropy({ logits, labels: tensor([0, 0, 1]) }),
    })) {
      const { loss, gradients } = call();
      t.equal(loss, Infinity, what);
      t.ok(near(present(gradients?.logits).data, [0.5, 0.5, -1]), what);
    }
    const smoothed = crossEntropy({ logits, labels: [0] }, unusual);
    t.equal(smoothed.loss, Infinity, 'smoothing makes every class a target');
    t.ok(
      near(present(smoothed.gradients?.logits).data, [smoothing / 1.5 - 0.5, 0.5 - smoothing / 3, -smoothing / 3]),
      'smoothing',
    );

    const teacher = tensor([0, 0, 0, -Infinity]);
    const alone = normalizedKd(
      { teacher, student: tensor([0, 0, -Infinity, -Infinity]) },
      { normalization: temperature },
    );
    t.equal(alone.loss, Infinity, 'a class that the student alone excludes');
    t.ok(
      near(present(alone.gradients?.logits).data, [4 / 6, 4 / 6, -4 / 3, 0]),
      `${present(alone.gradients?.logits).data}`,
    );
    const tiny = normalizedKd(
      { teacher: tensor([0, -1e6, 0]), student: tensor([0, -Infinity, 0]) },
      { normalization: temperature },
    );
    t.equal(tiny.loss, Infinity, 'however improbable it is to the teacher');
  });

  t.test(`${dtype}: NaN where the mathematics has no value`, async (t) => {
    const plain = tensor([0, 1, 2, 3]);
    const excluding = tensor([0, -Infinity, 2, 3]);
    const nothing = tensor([-Infinity, -Infinity, -Infinity, -Infinity]);
    for (const bad of [NaN, Infinity]) {
      const both = tensor([0, -Infinity, bad, 3]);
      t.ok(Number.isNaN(crossEntropy({ logits: both, labels: [0] }).loss), `cross-entropy, ${bad} beside it`);
      for (const [teacher, student] of [
        [both, plain],
        [excluding, both],
        [both, excluding],
      ]) {
        t.ok(
          Number.isNaN(normalizedKd({ teacher, student }, { normalization: temperature }).loss),
          `KD, ${bad} beside it`,
        );
      }
    }
    t.ok(Number.isNaN(crossEntropy({ logits: nothing, labels: [0] }).loss), 'cross-entropy, no class left');
    for (const [teacher, student] of [
      [nothing, plain],
      [plain, nothing],
      [nothing, nothing],
    ]) {
      t.ok(Number.isNaN(normalizedKd({ teacher, student }, { normalization: temperature }).loss), 'KD, no class left');
    }
    for (const [teacher, student] of [
      [excluding, plain],
      [plain, excluding],
      [excluding, excluding],
    ]) {
      t.ok(Number.isNaN(normalizedKd({ teacher, student }).loss), 'std');
      t.ok(Number.isNaN(relation({ teacher, student }).loss), 'the relation');
      const logits = ({ data }: TensorLike) => ({ logits: { data, shape: [1, 1, 4] } });
      const inputs = { teacher: logits(teacher), student: logits(student), labels: [0] };
      t.ok(Number.isNaN(gldLoss(inputs, { normalization: temperature }).loss), 'the whole loss with the relation');
      const byStd = gldLoss(inputs, { alpha: 0, beta: 0, localWeight: 0 });
      t.ok(allFinite([byStd.loss, ...present(byStd.gradients?.logits).data]), 'terms without a weight do not reach it');
    }
  });
}
