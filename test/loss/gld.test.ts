/** The whole loss against the reference where test/conformance does not go: at the recipe's size, of mixed types, without rows. */
import { gldLoss } from 'gld-loss';
import t from 'tap';
import { gld } from '../reference/gld.js';
import type { Inputs } from '../reference/types.js';
import { checkGld } from '../support/check.js';
import { arrayError, lossError } from '../support/compare.js';
import { cells, problem } from '../support/problems.js';
import { Random } from '../support/random.js';
import { encode, encodeInputs } from '../support/tensors.js';

const tolerance = { float32: { loss: 1e-6, gradient: 1e-5 }, float64: { loss: 1e-12, gradient: 1e-10 } };

t.test('the released recipe: n 64, 256x8x8, K 100, with every default', async (t) => {
  const side = { channels: 256, map: [8, 8] } as const;
  const inputs = problem({ samples: 64, classes: 100, teacher: side, student: side });
  const got = checkGld(inputs, {});
  t.ok(got.loss < 1e-6, `loss ${got.loss}`);
  t.ok(got.gradient < 1e-5, `gradient ${got.gradient}`);
  const { loss, terms } = got.result;
  t.ok(lossError(loss, 0.3 * (terms.task ?? NaN) + 0.7 * terms.global + terms.local + 500 * terms.relation) < 1e-14);
});

const small = problem({
  samples: 4,
  classes: 6,
  teacher: { channels: 5, map: [4, 4] },
  student: { channels: 7, map: [5, 6], layout: 'NHWC' },
});

t.test("mixed element types: float64 anywhere computes in float64, each gradient has its tensor's type", async (t) => {
  for (const teacher of ['float64', 'float32', 'float16', 'bfloat16'] as const) {
    for (const student of ['float64', 'float32', 'float16', 'bfloat16'] as const) {
      const got = checkGld(small, {}, { teacher, student });
      const computed = teacher === 'float64' || student === 'float64' ? 'float64' : 'float32';
      const stored = student === 'float64' ? 'float64' : 'float32';
      t.ok(got.loss < tolerance[computed].loss, `${teacher}, ${student}: loss ${got.loss}`);
      const limit = stored === 'float64' ? 1e-10 : computed === 'float64' ? 1e-7 : 1e-5;
      t.ok(got.gradient < limit, `${teacher}, ${student}: gradient ${got.gradient}`);
      t.equal(got.result.gradients?.features?.dtype, stored);
    }
  }
  const { given, exact } = encodeInputs(small, 'float32');
  const bias = encode({ data: [1, 2, 3, 4, 5, 6], shape: [6] }, 'float64');
  const student = { ...given.student, bias: bias.tensor };
  const expected = gld({ ...exact, student: { ...exact.student, bias: bias.exact } } as Inputs);
  const got = gldLoss({ ...given, student });
  t.ok(lossError(got.loss, expected.loss) < 1e-12, 'one float64 tensor is enough');
  t.match(got.gradients, { features: { dtype: 'float32' }, bias: { dtype: 'float64' } });
});

t.test('strides of zero: one weight row for all classes is no row at all', async (t) => {
  const inputs = problem({ samples: 3, classes: 4, teacher: 'logits', student: 'logits', labels: 'none' });
  const { given } = encodeInputs(inputs, 'float32');
  const student = { logits: { data: Float32Array.of(2), shape: [3, 5, 4], strides: [0, 0, 0] } };
  const { loss, gradients, terms } = gldLoss({ ...given, student });
  t.ok(Number.isFinite(loss));
  t.ok(lossError(terms.relation, 1 / 15) < 1e-6);
  t.ok(gradients?.logits?.data.every((value) => value === 0));
});

t.test('logits on both sides need no grid; a single row per sample has no local term', async (t) => {
  for (const [rows, grid] of [
    [1, undefined],
    [4, undefined],
    [7, [2, 3]],
    [7, undefined],
  ] as const) {
    const random = new Random(rows);
    const shape = [6, rows, 5];
    const logits = (): Inputs['student'] => ({ logits: { data: random.normals(6 * rows * 5, 3), shape } });
    const inputs = { teacher: logits(), student: logits(), labels: [0, 1, 2, 3, 4, 0] };
    const { given, exact } = encodeInputs(inputs, 'float32');
    const got = gldLoss(given, grid ? { grid } : {});
    const expected = gld(exact);
    t.ok(lossError(got.loss, expected.loss) < 1e-6);
    t.ok(arrayError(got.gradients?.logits?.data ?? [], expected.gradients.logits?.data ?? []) < 1e-5);
    if (rows === 1) t.equal(got.terms.local, 0);
  }
});

t.test('a term with weight 0 is reported and adds nothing', async (t) => {
  const { given } = encodeInputs(small, 'float32');
  const { terms } = gldLoss(given);
  const none = { alpha: 0, beta: 0, localWeight: 0 };
  for (const [weights, term] of [
    [none, 'task'],
    [{ ...none, alpha: 1 }, 'global'],
    [{ ...none, alpha: 0, localWeight: 1 }, 'local'],
    [{ ...none, alpha: 0, beta: 1 }, 'relation'],
  ] as const) {
    const inputs = term === 'local' || term === 'relation' ? { ...given, labels: undefined } : given;
    const got = gldLoss(inputs, weights);
    t.equal(got.loss, terms[term], term);
    t.ok(lossError(got.terms.relation, terms.relation) < 1e-12);
  }
  const nothing = gldLoss({ ...given, labels: undefined }, none);
  t.equal(nothing.loss, 0);
  for (const { data } of Object.values(nothing.gradients ?? {})) t.ok(data.every((value) => value === 0));
});

t.test('a grid that divides the map: the global rows are the mean of the local ones', async (t) => {
  const side = { channels: 9, map: [6, 4] } as const;
  for (const grid of [2, [3, 2], [6, 4], [1, 1], [3, 4]] as const) {
    const inputs = problem({ samples: 5, classes: 7, grid, teacher: side, student: side });
    const got = checkGld(inputs, { grid });
    t.ok(got.loss < 1e-6, `${cells(grid)} cells: loss ${got.loss}`);
    t.ok(got.gradient < 1e-5, `${cells(grid)} cells: gradient ${got.gradient}`);
  }
});
