// Every wrong call gets a structured error before any work starts, through every entry point.
import {
  classify, crossEntropy, GldLoss, gldLoss, gldLossAsync, normalizedKd, pool, relation, type GldError,
} from 'gld-loss';
import t from 'tap';
import { right, tensor, wrongCalls, type WrongCall } from './wrong_calls.js';

type Loose = (inputs: any, options?: any) => any;
type Asserts = Pick<typeof t, 'match' | 'equal' | 'fail'>;
type Expected = Pick<WrongCall, 'type' | 'code' | 'argument' | 'message'>;

function check(t: Asserts, by: string, error: unknown, { type, code, argument, message }: Expected): void {
  if (!(error instanceof type)) return void t.fail(`${by}: expected a ${type.name}, got ${String(error)}`);
  const { expected, received, ...got } = error as unknown as GldError;
  t.match(got, { code, argument }, `${by}: code and argument`);
  t.equal(error.message, `${argument}: expected ${expected}, got ${received}`, `${by}: the message has all parts`);
  if (typeof message === 'string') t.equal(error.message, message, `${by}: message`);
  else t.match(error.message, message, `${by}: message`);
}

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'nothing';
}

/** The error that a promise rejects with; a call that throws instead of rejecting fails its test. */
async function rejected(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(() => 'nothing', (error: unknown) => error);
}

/** The options of a GldLoss and those of its calls. */
function split(options: unknown): [instance: unknown, call: unknown] {
  if (typeof options !== 'object' || options === null || !('out' in options)) return [options, undefined];
  const { out, ...instance } = options;
  return [instance, { out }];
}

t.test('the right call that the wrong ones were made from', async (t) => {
  const { loss } = gldLoss(right());
  t.ok(Number.isFinite(loss));
});

for (const { name, options, ...row } of wrongCalls) {
  t.test(name, async (t) => {
    const inputs = 'inputs' in row ? row.inputs : right();
    check(t, 'gldLoss', thrown(() => (gldLoss as Loose)(inputs, options)), row);
    check(t, 'gldLossAsync', await rejected(() => (gldLossAsync as Loose)(inputs, options)), row);
    const [instance, call] = split(options);
    const make = (): { compute: Loose; computeAsync: Loose } => new (GldLoss as any)(instance);
    check(t, 'GldLoss.compute', thrown(() => make().compute(inputs, call)), row);
    check(t, 'GldLoss.computeAsync', await rejected(async () => make().computeAsync(inputs, call)), row);
  });
}

t.test('what only asynchronous calls take', async (t) => {
  const expected = { type: TypeError, code: 'ERR_GLD_ARG_TYPE', argument: 'signal', message: /an AbortSignal, got an object$/ } as const;
  const signal = new AbortController();
  check(t, 'gldLossAsync', await rejected(() => (gldLossAsync as Loose)(right(), { signal })), expected);
  check(t, 'computeAsync', await rejected(() => new GldLoss().computeAsync(right(), { signal } as any)), expected);
  const unknown = { type: RangeError, code: 'ERR_GLD_OPTION', argument: 'signal', message: /got an unknown name$/ } as const;
  check(t, 'gldLoss', thrown(() => (gldLoss as Loose)(right(), { signal: signal.signal })), unknown);
  check(t, 'compute', thrown(() => new GldLoss().compute(right(), { signal: signal.signal } as any)), unknown);
});

t.test('GldLoss: buffers belong to a call, options to the object', async (t) => {
  const out = { bias: new Float32Array(10) };
  const stray = (argument: string): Expected => ({ type: RangeError, code: 'ERR_GLD_OPTION', argument, message: /unknown name/ });
  check(t, 'constructor', thrown(() => new GldLoss({ out } as any)), stray('out'));
  check(t, 'compute', thrown(() => new GldLoss().compute(right(), { alpha: 1 } as any)), stray('alpha'));
});

t.test('GldLoss: use after dispose', async (t) => {
  const expected = {
    type: TypeError, code: 'ERR_GLD_DISPOSED', argument: 'GldLoss',
    message: 'GldLoss: expected an object in use, got one that was disposed',
  } as const;
  const loss = new GldLoss();
  loss.compute(right());
  loss.dispose();
  loss.dispose();
  loss[Symbol.dispose]();
  check(t, 'compute', thrown(() => loss.compute(right())), expected);
  check(t, 'computeAsync', await rejected(() => loss.computeAsync(right())), expected);
});

const rows = (n: number, classes: number): { logits: object } => ({ logits: tensor(n, classes) });
const map = tensor(2, 3, 4, 5);
const range = RangeError;
const type = TypeError;

/** [what is wrong, the call, the error]. */
const stages: [string, () => unknown, Expected][] = [
  ['pool: nothing', () => (pool as Loose)(undefined),
    { type, code: 'ERR_GLD_ARG_TYPE', argument: 'inputs', message: 'inputs: expected { features, layout? }, got undefined' }],
  ['pool: a tensor instead of inputs', () => (pool as Loose)(map),
    { type: range, code: 'ERR_GLD_OPTION', argument: 'data', message: /one of features, layout/ }],
  ['pool: rank', () => (pool as Loose)({ features: tensor(3, 4) }),
    { type: range, code: 'ERR_GLD_RANK', argument: 'features', message: /\[n, C, H, W\], got rank 2: \[3, 4\]$/ }],
  ['pool: grid', () => (pool as Loose)({ features: map }, { grid: 5 }),
    { type: range, code: 'ERR_GLD_GRID', argument: 'grid', message: "grid: expected at most [4, 5], the size of features' map, got [5, 5]" }],
  ['pool: upstream', () => (pool as Loose)({ features: map }, { upstream: tensor(2, 4, 3) }),
    { type: range, code: 'ERR_GLD_SHAPE', argument: 'upstream',
      message: 'upstream: expected shape [2, 5, 3], as pooled has, got [2, 4, 3]' }],
  ['pool: rank of upstream', () => (pool as Loose)({ features: map }, { upstream: tensor(10, 3) }),
    { type: range, code: 'ERR_GLD_RANK', argument: 'upstream', message: /\[2, 5, 3\], as pooled has, got rank 2/ }],
  ['pool: option', () => (pool as Loose)({ features: map }, { gird: 2 }),
    { type: range, code: 'ERR_GLD_OPTION', argument: 'gird', message: /did you mean grid\?/ }],
  ['classify: weight', () => (classify as Loose)({ pooled: tensor(6, 3), weight: tensor(4, 5) }),
    { type: range, code: 'ERR_GLD_SHAPE', argument: 'weight',
      message: "weight: expected shape [4, 3] to match pooled's 3 channels, got [4, 5]" }],
  ['classify: bias', () => (classify as Loose)({ pooled: tensor(6, 3), weight: tensor(4, 3), bias: tensor(3) }),
    { type: range, code: 'ERR_GLD_SHAPE', argument: 'bias', message: "bias: expected shape [4] to match weight's 4 classes, got [3]" }],
  ['classify: upstream', () => (classify as Loose)({ pooled: tensor(6, 3), weight: tensor(4, 3) }, { upstream: tensor(6, 3) }),
    { type: range, code: 'ERR_GLD_SHAPE', argument: 'upstream', message: 'upstream: expected shape [6, 4], as the logits have, got [6, 3]' }],
  ['classify: rank', () => (classify as Loose)({ pooled: tensor(6), weight: tensor(4, 3) }),
    { type: range, code: 'ERR_GLD_RANK', argument: 'pooled', message: /\[n, C\] or \[n, R, C\], got rank 1: \[6\]$/ }],
  ['crossEntropy: label', () => (crossEntropy as Loose)({ ...rows(2, 3), labels: [0, 3] }),
    { type: range, code: 'ERR_GLD_LABEL', argument: 'labels[1]', message: 'labels[1]: expected an integer in [0, 3), got 3' }],
  ['crossEntropy: no labels', () => (crossEntropy as Loose)(rows(2, 3)),
    { type, code: 'ERR_GLD_ARG_TYPE', argument: 'labels',
      message: 'labels: expected class indices [n] or soft labels [n, K], got undefined' }],
  ['crossEntropy: rank', () => (crossEntropy as Loose)({ logits: tensor(2, 5, 3), labels: [0, 1] }),
    { type: range, code: 'ERR_GLD_RANK', argument: 'logits', message: 'logits: expected shape [n, K], got rank 3: [2, 5, 3]' }],
  ['crossEntropy: one class', () => (crossEntropy as Loose)({ ...rows(2, 1), labels: [0, 0] }),
    { type: range, code: 'ERR_GLD_CLASSES', argument: 'logits', message: /at least 2 classes, got 1 in shape \[2, 1\]$/ }],
  ['normalizedKd: classes', () => (normalizedKd as Loose)({ teacher: tensor(2, 3), student: tensor(2, 4) }),
    { type: range, code: 'ERR_GLD_CLASSES', argument: 'teacher', message: 'teacher: expected 4 classes, as student has, got 3' }],
  ['normalizedKd: shapes', () => (normalizedKd as Loose)({ teacher: tensor(2, 1, 3), student: tensor(2, 3) }),
    { type: range, code: 'ERR_GLD_SHAPE', argument: 'teacher', message: 'teacher: expected shape [2, 3], as student has, got [2, 1, 3]' }],
  ['normalizedKd: gradients', () => (normalizedKd as Loose)({ teacher: tensor(2, 3), student: tensor(2, 3) }, { gradients: ['logits'] }),
    { type, code: 'ERR_GLD_ARG_TYPE', argument: 'gradients', message: /true or false, got an array of length 1$/ }],
  ['relation: method', () => (relation as Loose)({ teacher: tensor(2, 3), student: tensor(2, 3) }, { method: 'moments', metric: 'euclidean' }),
    { type: range, code: 'ERR_GLD_OPTION', argument: 'method', message: /metric 'euclidean', got 'moments'$/ }],
  ['relation: nothing', () => (relation as Loose)({ teacher: tensor(2, 3) }),
    { type, code: 'ERR_GLD_ARG_TYPE', argument: 'student', message: 'student: expected a tensor { data, shape }, got undefined' }],
];

for (const [name, call, expected] of stages) {
  t.test(name, async (t) => check(t, name, thrown(call), expected));
}

t.test('a getter that throws keeps its own error', async (t) => {
  const error = new Error('disposed');
  const features = Object.defineProperty({ shape: [4, 6, 8, 8] }, 'data', { get() { throw error; } });
  t.equal(thrown(() => (gldLoss as Loose)({ ...right(), student: { ...right().student, features } })), error);
});

t.test('a call inside a call, from a getter, disturbs neither', async (t) => {
  const expected = gldLoss(right());
  let inner;
  const inputs = right();
  const { data } = inputs.student.weight;
  Object.defineProperty(inputs.student.weight, 'data', { get: () => ((inner = gldLoss(right(), { alpha: 1 })), data) });
  t.same(gldLoss(inputs), expected);
  t.not((inner as any).loss, expected.loss);
});
