/** The whole loss on a GPU against the float64 reference: every option, wherever the tensors are. */
import {
  CudaTensor,
  gldLoss,
  gldLossAsync,
  GldLoss,
  type AnyGradient,
  type AnyInputs,
  type GldLossOptions,
  type GldResult,
} from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { gld } from '../../reference/gld.js';
import type { Options, Result } from '../../reference/types.js';
import { boundOf } from '../../support/check.js';
import { draw } from '../../support/combinations.js';
import { arrayError, largest, lossError, relationError } from '../../support/compare.js';
import { Errors } from '../../support/errors.js';
import { problem, type ProblemSpec, type SideSpec } from '../../support/problems.js';
import { Random } from '../../support/random.js';
import { encodeInputs, placements } from '../../support/tensors.js';
import { homes, move, moved, valuesOf, type Home } from './support.js';

const names = ['features', 'weight', 'bias', 'logits'] as const;
/** Of gradients. Wider than in test/loss/gld.test.ts: few rows in few classes are in it here, which float32 has fewer digits of. */
const tolerance = { float32: 1e-4, float16: 1e-3, bfloat16: 8e-3 };
const lossTolerance = 1e-5;

function check(errors: Errors, what: string, got: GldResult<AnyGradient>, expected: Result, m: number): void {
  const { terms, gradients: exact } = expected;
  errors.add('loss', lossError(got.loss, expected.loss), lossTolerance, what);
  for (const name of ['task', 'global', 'local'] as const)
    errors.add(name, lossError(got.terms[name], terms[name]), lossTolerance, what);
  errors.add('relation', relationError(got.terms.relation, terms.relation, m), lossTolerance, what);
  for (const name of names) {
    const gradient = got.gradients?.[name];
    const limit = tolerance[(gradient?.dtype ?? 'float32') as 'float32'];
    const scale =
      name === 'bias' && largest(exact.bias?.data ?? []) < 1e-9 * largest(exact.weight?.data ?? [])
        ? largest(exact.weight?.data ?? [])
        : 0;
    errors.add(
      `gradient ${gradient?.dtype}`,
      arrayError(valuesOf(gradient), exact[name]?.data ?? [], scale),
      limit,
      what,
    );
  }
}

const choices = {
  samples: [1, 3, 21],
  classes: [5, 33],
  grid: [1, 2, [1, 3], [3, 2]] as NonNullable<ProblemSpec['grid']>[],
  teacher: [
    'logits',
    { channels: 24, map: [8, 8] },
    { channels: 17, map: [5, 7], layout: 'NHWC', weightLayout: 'CK', bias: false },
  ] as SideSpec[],
  student: [
    'logits',
    { channels: 19, map: [6, 8] },
    { channels: 8, map: [6, 6], layout: 'NHWC', weightLayout: 'CK' },
  ] as SideSpec[],
  labels: ['hard', 'soft', 'none'] as const,
  normalization: [
    { kind: 'std' },
    { kind: 'std', unbiased: false },
    { kind: 'std', compensated: true, temperature: 2 },
    { kind: 'temperature', temperature: 4 },
  ] as const,
  relation: [
    {},
    { method: 'pairwise' },
    { method: 'moments' },
    { metric: 'euclidean' },
    { reduction: 'row' },
    { reduction: { rows: 320 } },
  ] as const,
  weights: [{}, { alpha: 0.2, localWeight: 0.4 }, { alpha: 1, beta: 0 }, { alpha: 0, localWeight: 0 }],
  placement: placements,
  teacherType: ['float32', 'float16', 'bfloat16'] as const,
  studentType: ['float32', 'float16', 'bfloat16'] as const,
  gradientDtype: ['float32', 'student'] as const,
};

for (const home of homes) {
  t.test(`options in random combinations, tensors: ${home}`, async (t) => {
    const random = new Random(homes.indexOf(home));
    const errors = new Errors();
    const kept = new GldLoss();
    for (let seed = 0; seed < 60; seed += 1) {
      const { samples, classes, grid, teacher, student, labels, placement, ...types } = draw(choices, random);
      const { teacherType, studentType, ...drawn } = types;
      const { normalization, relation, weights, gradientDtype } = drawn;
      const inputs = problem({ seed, samples, classes, grid, teacher, student, labels });
      const { given, exact } = encodeInputs(inputs, { teacher: teacherType, student: studentType }, placement);
      const options = { grid, normalization, relation, ...weights };
      const expected = gld(exact, options as GldLossOptions as Options);
      const placed = move(given, home);
      const settings = { ...options, gradientDtype, device: 'cuda' as const };
      const got = seed % 2 === 0 ? gldLoss(placed, settings) : await gldLossAsync(placed, settings);
      const m = boundOf(expected, options as Options);
      check(
        errors,
        JSON.stringify({ seed, samples, classes, placement, teacherType, studentType, ...drawn }),
        got,
        expected,
        m,
      );
      if (home === 'tensor') t.ok(Object.values(got.gradients ?? {}).every((each) => each instanceof CudaTensor));
      if (home === 'host') t.notOk(Object.values(got.gradients ?? {}).some((each) => each instanceof CudaTensor));
    }
    kept.dispose();
    errors.check(t);
  });
}

const small = problem({
  samples: 4,
  classes: 6,
  teacher: { channels: 5, map: [4, 4] },
  student: { channels: 7, map: [5, 6], layout: 'NHWC', weightLayout: 'CK' },
});
const { given: hostInputs, exact } = encodeInputs(small, 'float32');
const expected = gld(exact);

t.test('the same bits whichever way', async (t) => {
  const kept = new GldLoss({ device: 'cuda' });
  const first = gldLoss(hostInputs, { device: 'cuda' });
  const bits = (result: GldResult<AnyGradient>) => [
    result.loss,
    ...names.slice(0, 3).map((name) => Array.from(valuesOf(present(result.gradients)[name])) as unknown),
  ];
  for (const home of homes) {
    const inputs = move(hostInputs, home);
    t.same(bits(gldLoss(inputs, { device: 'cuda' })), bits(first), home);
    t.same(bits(await gldLossAsync(inputs, { device: 'cuda' })), bits(first), `${home}, async`);
    for (let i = 0; i < 3; i += 1) t.same(bits(kept.compute(inputs)), bits(first), `${home}, one GldLoss`);
    t.same(bits(await kept.computeAsync(inputs)), bits(first), `${home}, one GldLoss, async`);
  }
  kept.dispose();
});

t.test('each gradient is where its tensor is, in its layout', async (t) => {
  const student = hostInputs.student as unknown as Record<string, never>;
  const mixed = {
    ...hostInputs,
    student: { ...student, weight: moved(student.weight, 'tensor') },
  } as unknown as AnyInputs;
  const { gradients } = gldLoss(mixed);
  t.match(gradients?.features, { shape: [4, 5, 6, 7], dtype: 'float32' });
  t.type((present(gradients).features as { data: unknown }).data, Float32Array);
  t.type(gradients?.weight, CudaTensor);
  t.match(gradients?.weight, { shape: [7, 6], dtype: 'float32', device: 'cuda', deviceId: 0 });
});

t.test('which gradients', async (t) => {
  const inputs = move(hostInputs, 'tensor');
  t.same(Object.keys(gldLoss(inputs, { gradients: ['weight'] }).gradients ?? {}), ['weight']);
  t.equal(gldLoss(inputs, { gradients: false }).gradients, undefined);
  t.throws(() => gldLoss(inputs, { gradients: ['logits'] }), { code: 'ERR_GLD_OPTION', argument: 'gradients' });
});

t.test('out: arrays, tensors and addresses, of inputs anywhere', async (t) => {
  const shapes = { features: [4, 5, 6, 7], weight: [7, 6], bias: [6] };
  const size = (shape: number[]) => shape.reduce((a, b) => a * b);
  const kinds = {
    arrays: (shape: number[]) => new Float32Array(size(shape)).fill(NaN),
    tensors: (shape: number[]) => CudaTensor.empty(Int32Array.from(shape)),
    addresses: (shape: number[]) => moved({ data: new Float32Array(size(shape)).fill(NaN), shape }, 'pointer'),
  };
  const kept = new GldLoss({ device: 'cuda' });
  for (const home of ['host', 'tensor'] as Home[]) {
    for (const [kind, make] of Object.entries(kinds)) {
      for (const way of ['gldLoss', 'gldLossAsync', 'compute', 'compute again', 'computeAsync']) {
        const out = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, make(shape)])) as never;
        const inputs = move(hostInputs, home);
        const settings = { device: 'cuda' as const, out };
        const { gradients } = await (way === 'gldLoss'
          ? gldLoss(inputs, settings)
          : way === 'gldLossAsync'
            ? gldLossAsync(inputs, settings)
            : way === 'computeAsync'
              ? kept.computeAsync(inputs, { out })
              : kept.compute(inputs, { out }));
        for (const name of ['features', 'weight', 'bias'] as const) {
          const what = `${home}, ${kind}, ${way}, ${name}`;
          const [got, lent] = [gradients?.[name], out[name] as any];
          t.ok(arrayError(valuesOf(got), present(expected.gradients[name]).data) < 1e-5, what);
          if (kind === 'arrays') t.equal((got as { data: unknown }).data, lent);
          if (kind === 'tensors') t.equal(got, lent);
          if (kind === 'addresses') t.equal((got as CudaTensor).ptr, lent.ptr);
        }
      }
    }
  }
  kept.dispose();
});

t.test('labels on the GPU are checked there', async (t) => {
  const labels = CudaTensor.from({ data: Int32Array.of(0, 1, 6, 2), shape: [4] });
  const wrong = { ...hostInputs, labels } as AnyInputs;
  t.throws(() => gldLoss(wrong), { code: 'ERR_GLD_LABEL', argument: 'labels' });
  await t.rejects(gldLossAsync(wrong), { code: 'ERR_GLD_LABEL' });
  labels.write({ data: Int32Array.of(0, 1, 5, 2), shape: [4] });
  t.equal(gldLoss(wrong).loss, gldLoss({ ...hostInputs, labels: [0, 1, 5, 2] }, { device: 'cuda' }).loss);
});

t.test('precision', async (t) => {
  for (const [precision, limit] of [
    ['float32', 1e-6],
    ['tf32', 1e-2],
    ['bf16', 1e-1],
  ] as const) {
    const { loss } = gldLoss(hostInputs, { device: 'cuda', precision });
    t.ok(lossError(loss, expected.loss) < limit, `${precision}: ${lossError(loss, expected.loss)}`);
  }
});

t.test('NaN and infinity lead to NaN or infinity, as on the CPU', async (t) => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const { given } = encodeInputs(small, 'float32');
    (given.student as unknown as { features: { data: Float32Array } }).features.data[3] = value;
    const [here, there] = [gldLoss(given), gldLoss(move(given, 'tensor'))];
    t.notOk(Number.isFinite(there.loss), `${value}`);
    t.equal(Number.isFinite(there.terms.relation), Number.isFinite(here.terms.relation));
  }
});
