/** What must come out the same in two ways: weights and repeated samples, masks and their absence, maps of another rank. */
import { gldLoss, gldLossAsync, GldLoss, type GldOptions, type GldResult, type Inputs } from 'gld-loss';
import t, { type Test } from 'tap';
import { present } from '../../tools/present.js';
import type * as reference from '../reference/types.js';
import { arrayError, lossError } from '../support/compare.js';
import { problem, tensorsOf, withTensor, type ProblemSpec } from '../support/problems.js';
import { select, sumCopies, withAxis } from '../support/samples.js';
import { encodeInputs } from '../support/tensors.js';
import { smoothing, unusual } from '../support/options.js';

const termNames = ['task', 'global', 'local', 'relation'] as const;
const relations = [{ method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }] as const;

type Loss = Pick<GldResult, 'loss' | 'terms'> & { gradients?: { [name: string]: { data: ArrayLike<number> } } };

function same(t: Test, what: string, got: Loss, expected: Loss, limit = 3e-13): void {
  const worst = Math.max(
    lossError(got.loss, expected.loss),
    ...termNames.map((name) => lossError(got.terms[name], expected.terms[name])),
    ...Object.entries(expected.gradients ?? {}).map(([name, { data }]) =>
      arrayError(got.gradients?.[name]?.data ?? [], data),
    ),
  );
  t.ok(worst < limit, `${what}: ${worst}`);
}

const loss = (inputs: reference.Inputs, options: GldOptions = {}) =>
  gldLoss(encodeInputs(inputs, 'float64').given, options);

/** A result whose gradients have another name, or are what a function makes of them. */
function withMap(result: GldResult, change: (map: reference.Dense) => reference.Dense): Loss {
  const { features, logitMap, logits, ...others } = result.gradients ?? {};
  const maps = Object.entries({ features, logitMap, logits }).filter(([, tensor]) => tensor !== undefined);
  const changed = maps.map(([name, tensor]) => [name, change(present(tensor))]);
  return { ...result, gradients: { ...others, ...Object.fromEntries(changed) } };
}

const specs: { [name: string]: ProblemSpec } = {
  features: { samples: 5, classes: 6, teacher: { logitMap: [3, 3] }, student: { channels: 4, map: [4, 3] } },
  'masked features': {
    samples: 5,
    classes: 6,
    teacher: { channels: 3, map: [3, 3], mask: 'padded' },
    student: { channels: 4, map: [4, 3], mask: 'scattered' },
  },
  'a map of logits': {
    samples: 5,
    classes: 6,
    grid: [1, 2, 3],
    teacher: { logitMap: [7], mask: 'padded' },
    student: { logitMap: [6] },
  },
  logits: { samples: 5, classes: 6 },
  'soft labels': { samples: 5, classes: 6, labels: 'soft', student: { logitMap: [4, 4] } },
};

for (const [name, spec] of Object.entries(specs)) {
  t.test(`${name}: a sample of integer weight is a sample repeated, one of weight 0 is absent`, async (t) => {
    const once = problem(spec);
    const counts = [2, 0, 1, 3, 1];
    const copies = select(
      once,
      counts.flatMap((count, i) => new Array<number>(count).fill(i)),
    );
    for (const relation of relations) {
      for (const reduction of ['matrix', 'row', { rows: 320 }] as const) {
        const options = {
          relation: { ...relation, reduction },
          ...unusual,
          ...(spec.grid && { grid: spec.grid }),
        };
        const weighted = loss({ ...once, sampleWeights: counts }, options);
        const repeated = withMap(loss(copies, options), (map) => sumCopies(map, counts));
        same(t, JSON.stringify(options), weighted, repeated);
      }
    }
  });
}

t.test('weights of one, and a mask that counts everything, change nothing', async (t) => {
  const inputs = problem(specs.features);
  const ones = { data: new Uint8Array(5 * 12).fill(1), shape: [5, 4, 3] };
  for (const relation of relations) {
    const expected = loss(inputs, { relation });
    same(t, 'weights', loss({ ...inputs, sampleWeights: [1, 1, 1, 1, 1] }, { relation }), expected);
    for (const reduction of ['row', { rows: 320 }] as const) {
      const others = loss({ ...inputs, sampleWeights: [3, 3, 3, 3, 3] }, { relation: { ...relation, reduction } });
      same(t, 'a common factor', others, loss(inputs, { relation: { ...relation, reduction } }));
    }
    const student = { ...inputs.student, mask: ones } as reference.Side;
    same(t, 'a mask', loss({ ...inputs, student }, { relation }), expected);
  }
});

t.test('a pyramid of one level is a grid; a list is per axis or a pyramid, as the map has axes', async (t) => {
  const inputs = problem(specs.features);
  const expected = loss(inputs, { grid: [2, 3] });
  t.same(loss(inputs, { grid: { pyramid: [[2, 3]] } }), expected);
  t.same(loss(inputs, { grid: [1, 2, 3] }), loss(inputs, { grid: { pyramid: [1, [2, 2], 3] } }));
  t.same(loss(inputs, { grid: [2] }), loss(inputs, { grid: 2 }));
  const volume = problem({
    samples: 3,
    classes: 4,
    student: { logitMap: [3, 4, 5] },
    teacher: { logitMap: [4, 4, 4] },
  });
  t.same(loss(volume, { grid: [1, 2, 3] }), loss(volume, { grid: { pyramid: [[1, 2, 3]] } }));
});

t.test('axes of size 1 change nothing', async (t) => {
  const size = { samples: 4, classes: 5 };
  const lines = { teacher: { logitMap: [8], mask: 'padded' }, student: { channels: 3, map: [7] } } as const;
  const line = problem({ ...size, ...lines, grid: 3 });
  same(t, 'one axis', loss(line, { grid: 3 }), loss(withAxis(line), { grid: [1, 3] }));
  const maps = { teacher: { channels: 3, map: [3, 4] }, student: { logitMap: [5, 6], mask: 'scattered' } } as const;
  const map = problem({ ...size, ...maps });
  same(t, 'three axes', loss(map, { grid: 2 }), loss(withAxis(map), { grid: [1, 2, 2] }));
});

t.test('a map of logits is features under a classifier that changes nothing', async (t) => {
  const student = { logitMap: [5, 5], mask: 'padded' } as const;
  const inputs = problem({ samples: 4, classes: 3, teacher: { logitMap: [3, 4] }, student });
  const { logitMap: features, ...rest } = inputs.student as reference.LogitMapSide;
  const weight = { data: [1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3] };
  const classified = loss({ ...inputs, student: { features, weight, ...rest } });
  const { features: map } = present(classified.gradients);
  same(t, 'the same', loss(inputs), { ...classified, gradients: { logitMap: present(map) } });
});

t.test('what a mask leaves out may be NaN, on either side', async (t) => {
  const spec: ProblemSpec = {
    samples: 5,
    classes: 4,
    teacher: { logitMap: [3, 5], mask: 'scattered' },
    student: { channels: 3, map: [4, 4], layout: 'NHWC', mask: 'padded' },
  };
  const inputs = problem(spec);
  const poison = (side: reference.Side): reference.Side => {
    const name = 'logitMap' in side ? 'logitMap' : 'features';
    const { mask, layout } = side as reference.LogitMapSide;
    const { data, shape } = (side as unknown as { [name: string]: reference.Dense })[name];
    const positions = present(mask).data.length / shape[0];
    const channels = data.length / present(mask).data.length;
    const where = (at: number): number =>
      layout === 'NHWC'
        ? Math.floor(at / channels)
        : Math.floor(at / (channels * positions)) * positions + (at % positions);
    const poisoned = Float64Array.from(data, (value, at) => (present(mask).data[where(at)] ? value : NaN));
    return { ...side, [name]: { data: poisoned, shape } } as reference.Side;
  };
  const poisoned = { ...inputs, teacher: poison(inputs.teacher), student: poison(inputs.student) };
  const expected = loss(inputs);
  t.ok(Number.isFinite(expected.loss));
  t.same(loss(poisoned), expected);
  for (const { data } of Object.values(present(loss(poisoned).gradients))) t.ok(data.every(Number.isFinite));
});

t.test('what a sample of weight 0 holds may be anything', async (t) => {
  const sampleWeights = [0, 1, 2, 0, 1];
  const absent = (at: number, length: number): boolean => sampleWeights[Math.floor((at * 5) / length)] === 0;
  for (const [name, spec] of Object.entries(specs)) {
    const inputs = problem(spec);
    for (const value of [NaN, Infinity, 1e30]) {
      const poison = (side: reference.Side): reference.Side => {
        const [[name, { data }]] = tensorsOf(side);
        return withTensor(side, name, (element, at) => (absent(at, data.length) ? value : element));
      };
      const poisoned = { ...inputs, teacher: poison(inputs.teacher), student: poison(inputs.student), sampleWeights };
      for (const relation of relations) {
        const expected = loss({ ...inputs, sampleWeights }, { relation, grid: spec.grid });
        const what = `${value} in ${name}, ${JSON.stringify(relation)}`;
        t.same(loss(poisoned, { relation, grid: spec.grid }), expected, what);
      }
    }
  }
});

t.test('a common factor of the weights, however large, changes no bit of means over rows', async (t) => {
  const inputs = problem(specs.features);
  for (const dtype of ['float32', 'float64'] as const) {
    const { given } = encodeInputs(inputs, dtype);
    for (const relation of relations) {
      const of = (factor: number) => {
        const sampleWeights = [1, 0.5, 2, 0, 3].map((weight) => factor * weight);
        return gldLoss({ ...given, sampleWeights }, { relation: { ...relation, reduction: 'row' } });
      };
      for (const power of [-1000, -100, 100, 1000]) t.same(of(2 ** power), of(1), `${dtype}, 2^${power}`);
    }
  }
});

t.test('a sample that a mask leaves nothing of is an absent one', async (t) => {
  const inputs = problem({
    samples: 4,
    classes: 4,
    teacher: { channels: 2, map: [3, 3] },
    student: { logitMap: [4, 4] },
  });
  const mask = { data: Uint8Array.from({ length: 64 }, (_, at) => Number(at < 16 || at >= 32)), shape: [4, 4, 4] };
  const masked = loss({ ...inputs, student: { ...inputs.student, mask } as reference.Side });
  same(
    t,
    'absent',
    masked,
    withMap(loss(select(inputs, [0, 2, 3])), (map) => sumCopies(map, [1, 0, 1, 1])),
  );
  const none = { data: new Uint8Array(64), shape: [4, 4, 4] };
  const nothing = loss({ ...inputs, student: { ...inputs.student, mask: none } as reference.Side });
  t.same(nothing.terms, { task: 0, global: 0, local: 0, relation: 0 });
  t.ok(present(nothing.gradients?.logitMap).data.every((value) => value === 0));
});

t.test('smoothed hard labels are soft labels; an ignored index may be that of a class', async (t) => {
  const inputs = problem({ ...specs.features, labels: 'hard' });
  const labels = Array.from(inputs.labels as ArrayLike<number>);
  const row = (label: number): number[] =>
    Array.from({ length: 6 }, (_, k) => (k === label ? 1 - smoothing : 0) + smoothing / 6);
  const smoothed = { data: labels.flatMap(row), shape: [5, 6] };
  same(t, 'smoothing', loss(inputs, unusual), loss({ ...inputs, labels: smoothed }));
  const other = labels.map((label) => (label === labels[0] ? -100 : label));
  t.same(loss(inputs, { ignoreIndex: labels[0] }), loss({ ...inputs, labels: other }, { ignoreIndex: -100 }));
  t.equal(loss({ ...inputs, labels: [9, 9, 9, 9, 9] }, { ignoreIndex: 9 }).terms.task, 0);
});

const all: ProblemSpec = {
  samples: 37,
  classes: 11,
  grid: [1, 2, 4],
  sampleWeights: true,
  teacher: { channels: 21, map: [9, 5], mask: 'padded' },
  student: { logitMap: [8, 7], mask: 'scattered' },
};

t.test('the same bits whatever the threads, with a kept workspace, and asynchronously', async (t) => {
  for (const dtype of ['float32', 'float64'] as const) {
    const { given } = encodeInputs(problem(all), dtype);
    for (const relation of relations) {
      const options = { ...unusual, grid: [1, 2, 4], relation, ignoreIndex: 3 };
      const expected = gldLoss(given, { ...options, threads: 1 });
      for (const threads of [2, 3, 8]) t.same(gldLoss(given, { ...options, threads }), expected, `${threads} threads`);
      const kept = new GldLoss(options);
      for (let i = 0; i < 2; i++) t.same(kept.compute(given), expected, 'kept');
      t.same(await kept.computeAsync(given), expected, 'asynchronously');
      kept.dispose();
    }
  }
});

t.test('asynchronous calls read masks and weights before they return', async (t) => {
  for (const placement of ['dense', 'strided', 'backwards'] as const) {
    const { given } = encodeInputs(problem(all), 'float32', placement);
    const options = { grid: [1, 2, 4] };
    const expected = gldLoss(given, options);
    const promise = gldLossAsync(given, options);
    const { mask } = given.student as { mask: { data: Uint8Array } };
    mask.data.fill(0);
    const weights = given.sampleWeights as Float32Array | { data: Float32Array };
    ('data' in weights ? weights.data : weights).fill(NaN);
    t.same(await promise, expected, placement);
  }
});

t.test('weights of the terms for one call', async (t) => {
  const { given } = encodeInputs(problem(specs.features), 'float32');
  const kept = new GldLoss({ alpha: 0.2, beta: 3 });
  const weights = { alpha: 0.9, beta: 40, localWeight: 0.5 };
  t.same(kept.compute(given, weights), gldLoss(given, weights));
  t.same(kept.compute(given, { beta: 7 }), gldLoss(given, { alpha: 0.2, beta: 7 }), 'some of them');
  t.same(await kept.computeAsync(given, weights), gldLoss(given, weights), 'asynchronously');
  t.same(kept.compute(given), gldLoss(given, { alpha: 0.2, beta: 3 }), 'the next call has the own ones');
  t.throws(() => kept.compute(given, { alpha: 1.5 }), { code: 'ERR_GLD_OPTION', argument: 'alpha' });
  t.throws(() => kept.compute(given, { beta: -1 }), { code: 'ERR_GLD_OPTION', argument: 'beta' });
  t.throws(() => kept.compute(given, { gama: 1 } as never), { code: 'ERR_GLD_OPTION', argument: 'gama' });
  await t.rejects(kept.computeAsync(given, { localWeight: NaN }), { code: 'ERR_GLD_OPTION', argument: 'localWeight' });
  const big = new GldLoss({ alpha: 1.5 });
  t.throws(() => big.compute(given), { code: 'ERR_GLD_OPTION', argument: 'alpha' });
  t.same(big.compute(given, weights), gldLoss(given, weights), 'only what is in force counts');
  const { labels: _, ...unlabelled } = given as Inputs & { labels: unknown };
  t.equal(big.compute(unlabelled).terms.task, undefined);
});

t.test('buffers for the gradient of a map of logits', async (t) => {
  const { given } = encodeInputs(problem(all), 'float32');
  const options = { grid: [1, 2, 4] };
  const expected = gldLoss(given, options);
  const logitMap = new Float32Array(37 * 11 * 56);
  const got = gldLoss(given, { ...options, out: { logitMap } });
  t.equal(got.gradients?.logitMap?.data, logitMap);
  t.same(got, expected);
  t.same(gldLoss(given, { ...options, gradients: ['logitMap'] }), expected);
  const kept = new GldLoss(options);
  t.same(kept.compute(given, { out: { logitMap } }), expected);
  t.throws(() => kept.compute(given, { out: { features: logitMap } }), {
    code: 'ERR_GLD_OPTION',
    argument: 'out.features',
  });
  const short = { out: { logitMap: logitMap.subarray(1) } };
  t.throws(() => kept.compute(given, short), { code: 'ERR_GLD_SHORT', argument: 'out.logitMap' });
  t.throws(() => gldLoss(given, { ...options, gradients: ['features'] }), {
    code: 'ERR_GLD_OPTION',
    argument: 'gradients',
  });
  const features = encodeInputs(problem({ ...all, student: { channels: 11, map: [8, 7] } }), 'float32').given;
  const other = kept.compute(features, { out: {} });
  t.same(Object.keys(present(other.gradients)), ['features', 'weight', 'bias'], 'after that, of features');
});
