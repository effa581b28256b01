/** Which engine a call runs on: the option device, and where its tensors are. */
import {
  crossEntropy,
  CudaTensor,
  deviceInfo,
  gldLoss,
  GldLoss,
  gldLossAsync,
  normalizedKd,
  pool,
  relation,
  type AnyInputs,
  type GldOptions,
} from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { small } from '../../support/async-inputs.js';
import { problem, type ProblemSpec } from '../../support/problems.js';
import { encodeInputs } from '../../support/tensors.js';
import { counts, devices, move, moved, skipUnlessEmulated } from './support.js';

const float64 = encodeInputs(problem({ samples: 4, classes: 6 }), 'float64').given;

const small4: ProblemSpec = { samples: 4, classes: 6, student: { channels: 3, map: [4, 4] } };

/** The GPU that a call ran on, or 'cpu'. */
function ranOn(inputs: AnyInputs, options?: GldOptions): string {
  const before = Array.from({ length: devices }, (_, i) => present(counts(i)).works);
  gldLoss(inputs, options as never);
  const gpu = before.findIndex((works, i) => present(counts(i)).works > works);
  return gpu < 0 ? 'cpu' : `cuda:${gpu}`;
}

t.test('the rules', skipUnlessEmulated, async (t) => {
  const host = small();
  const [first, second] = [move(host, 'tensor', 0), move(host, 'pointer', 1)];
  const labelled = {
    ...host,
    labels: moved({ data: Int32Array.from(host.labels as number[]), shape: [6] }, 'tensor', 1),
  } as AnyInputs;
  t.equal(ranOn(host), 'cpu');
  t.equal(ranOn(host, { device: 'cpu' }), 'cpu');
  t.equal(ranOn(host, { device: 'cuda' }), 'cuda:0');
  t.equal(ranOn(host, { device: 'cuda:0' }), 'cuda:0');
  t.equal(ranOn(host, { device: 'cuda:1' }), 'cuda:1');
  t.equal(ranOn(host, { device: 'auto' }), 'cuda:0');
  t.equal(ranOn(float64, { device: 'auto' }), 'cpu', 'float64 is for the CPU');
  t.equal(ranOn(first), 'cuda:0');
  t.equal(ranOn(second), 'cuda:1');
  t.equal(ranOn(second, { device: 'cuda' }), 'cuda:1', "'cuda' is the GPU that tensors are on");
  t.equal(ranOn(second, { device: 'auto' }), 'cuda:1');
  t.equal(ranOn(second, { device: 'cuda:1' }), 'cuda:1');
  t.equal(ranOn(labelled), 'cuda:1', 'labels alone decide too');
  t.equal(ranOn({ ...host, teacher: second.teacher }), 'cuda:1', 'so does the teacher');
});

t.test('what does not go together', async (t) => {
  const host = small();
  const first = move(host, 'tensor');
  const refuse = (
    name: string,
    inputs: AnyInputs,
    options: GldOptions,
    code: string,
    argument: string,
    message: RegExp,
  ): void => {
    t.throws(() => gldLoss(inputs, options as never), { code: `ERR_GLD_${code}`, argument, message }, name);
    t.throws(
      () => {
        const kept = new GldLoss(options);
        kept.compute(inputs);
      },
      { code: `ERR_GLD_${code}`, argument, message },
      `${name}, GldLoss`,
    );
  };
  refuse(
    'a tensor on a GPU for the CPU',
    first,
    { device: 'cpu' },
    'DEVICE',
    'teacher.features',
    /^teacher.features: expected a tensor in CPU memory for device 'cpu', got one on cuda:0$/,
  );
  refuse(
    'no such GPU',
    host,
    { device: 'cuda:99' },
    'DEVICE',
    'device',
    /got 'cuda:99', which is not there \(the (last|only) one is cuda:/,
  );
  refuse(
    'no such device',
    host,
    { device: 'gpu' as never },
    'OPTION',
    'device',
    /'cpu', 'cuda', 'auto', or the name of one GPU/,
  );
  refuse('not quite a name', host, { device: 'cuda:01' as never }, 'OPTION', 'device', /got 'cuda:01'$/);
  refuse('a number', host, { device: 1 as never }, 'ARG_TYPE', 'device', /got 1$/);
  refuse(
    'float64',
    float64,
    { device: 'cuda' },
    'DTYPE',
    'teacher.logits',
    /^teacher.logits: expected float32, float16 or bfloat16 elements on cuda:0, got float64, for the CPU only$/,
  );
  refuse('tf32 on the CPU', host, { precision: 'tf32' }, 'OPTION', 'precision', /expected 'float32' on the CPU/);
  refuse('a precision that there is not', host, { precision: 'fp8' as never }, 'OPTION', 'precision', /got 'fp8'$/);
  if (devices > 1) {
    refuse(
      'tensors on two GPUs',
      { ...first, student: move(host, 'tensor', 1).student },
      {},
      'DEVICE',
      'student.features',
      /expected a tensor on cuda:0, where teacher.features is, got one on cuda:1$/,
    );
    refuse(
      'tensors on another GPU',
      first,
      { device: 'cuda:1' },
      'DEVICE',
      'teacher.features',
      /on cuda:1, as the option device says/,
    );
  }
  const out = { weight: CudaTensor.empty([10, 12]) } as never;
  t.throws(() => gldLoss(host, { out }), {
    code: 'ERR_GLD_DEVICE',
    argument: 'out.weight',
    message: /a Float32Array, as the CPU computes it/,
  });
});

t.test('gradients of 16 bits', async (t) => {
  const halves = encodeInputs(problem({ samples: 4, classes: 6 }), 'bfloat16').given;
  t.throws(() => gldLoss(halves, { gradientDtype: 'student' }), {
    code: 'ERR_GLD_OPTION',
    argument: 'gradientDtype',
    message: /expected 'float32' on the CPU for student.logits, which is bfloat16/,
  });
  const { gradients } = gldLoss(halves, { gradientDtype: 'student', device: 'cuda' });
  t.equal(gradients?.logits?.dtype, 'bfloat16');
  t.type(gradients?.logits?.data, Uint16Array);
  const out = { logits: new Uint16Array(4 * 5 * 6) };
  t.equal(gldLoss(halves, { gradientDtype: 'student', device: 'cuda', out }).gradients?.logits?.data, out.logits);
  t.same(out.logits, gradients?.logits?.data);
  t.throws(
    () =>
      gldLoss(halves, { gradientDtype: 'student', device: 'cuda', out: { logits: new Float32Array(120) } } as never),
    { code: 'ERR_GLD_DTYPE', argument: 'out.logits' },
  );
  t.equal(gldLoss(small(), { gradientDtype: 'student' }).gradients?.weight?.dtype, 'float32', 'no matter for float32');
  t.equal(gldLoss(float64, { gradientDtype: 'student' }).gradients?.logits?.dtype, 'float64');
});

t.test('auto with a precision takes what there is', async (t) => {
  t.ok(Number.isFinite(gldLoss(float64, { device: 'auto', precision: 'bf16' }).loss));
});

t.test('deviceInfo', async (t) => {
  const { available, reason, driver, runtime, devices } = deviceInfo().cuda;
  t.equal(available, true);
  t.equal(reason, undefined);
  t.match(driver, /^\d+\.\d+$/);
  t.match(runtime, /^\d+\.\d+$/);
  for (const { name, computeCapability, memory, freeMemory } of devices) {
    t.match(name, /./);
    t.match(computeCapability, /^\d+\.\d+$/);
    t.ok(memory > 0 && freeMemory > 0 && freeMemory <= memory);
  }
  if (counts()) t.match({ driver, runtime }, { driver: '13.2', runtime: '13.0' });
});

/** What the CPU alone does: inputs, options, and the argument by which a GPU refuses them. */
const onlyOnCpu: [what: string, inputs: ProblemSpec, options: GldOptions, argument: string, message: RegExp][] = [
  [
    'weights',
    { ...small4, sampleWeights: true },
    {},
    'sampleWeights',
    /expected none on cuda:0, unlike on the CPU, got some$/,
  ],
  [
    'a mask',
    { ...small4, student: { channels: 3, map: [4, 4], mask: 'padded' } },
    {},
    'student.mask',
    /none on cuda:0/,
  ],
  [
    "a teacher's mask",
    { ...small4, teacher: { channels: 3, map: [4, 4], mask: 'padded' } },
    {},
    'teacher.mask',
    /none on cuda:0/,
  ],
  ['a pyramid', small4, { grid: { pyramid: [1, 2] } }, 'grid', /one level on cuda:0, unlike on the CPU, got several$/],
  [
    'a volume',
    { ...small4, student: { channels: 3, map: [2, 2, 2] } },
    {},
    'student.features',
    /one or two axes on cuda:0/,
  ],
  [
    'a map of logits',
    { ...small4, student: { logitMap: [4, 4] } },
    {},
    'student.logitMap',
    /features or logits on cuda:0/,
  ],
  ['labels to ignore', small4, { ignoreIndex: 0 }, 'ignoreIndex', /none on cuda:0/],
];

t.test('what only the CPU does is refused by name before any work, and left to the CPU by auto', async (t) => {
  for (const [what, spec, options, argument, message] of onlyOnCpu) {
    const { grid } = options;
    const { given } = encodeInputs(problem({ ...spec, ...(grid !== undefined && { grid }) }), 'float32');
    const expected = { code: 'ERR_GLD_DEVICE', argument, message };
    const before = counts(0)?.works;
    t.throws(() => gldLoss(given, { ...options, device: 'cuda' }), expected, what);
    await t.rejects(gldLossAsync(given, { ...options, device: 'cuda' }), expected, `${what}, asynchronously`);
    t.throws(() => new GldLoss({ ...options, device: 'cuda' }).compute(given), expected, `${what}, GldLoss`);
    t.same(gldLoss(given, { ...options, device: 'auto' }), gldLoss(given, options), `${what}, auto`);
    t.equal(counts(0)?.works, before, `${what}: nothing was done on the GPU`);
  }
});

t.test('the same of the stages', async (t) => {
  const map = { data: new Float32Array(2 * 3 * 8).fill(1), shape: [2, 3, 2, 2, 2] };
  const plane = { data: map.data, shape: [2, 3, 2, 4] };
  const mask = { data: new Uint8Array(16), shape: [2, 2, 4] };
  const logits = { data: Float32Array.from({ length: 6 }, Math.sin), shape: [2, 3] };
  const pair = { teacher: logits, student: logits, weights: [1, 2] };
  const device = 'cuda' as const;
  const refuse = (what: string, call: () => unknown, argument: string): unknown =>
    t.throws(call, { code: 'ERR_GLD_DEVICE', argument }, what);
  refuse('a volume', () => pool({ features: map }, { device }), 'features');
  refuse('a mask', () => pool({ features: plane, mask }, { device }), 'mask');
  refuse('a pyramid', () => pool({ features: plane }, { device, grid: { pyramid: [1, 2] } }), 'grid');
  refuse('weights', () => crossEntropy({ logits, labels: [0, 1], sampleWeights: [1, 2] }, { device }), 'sampleWeights');
  const classWeights = new Float32Array(logits.shape[1]).fill(2);
  refuse('of classes', () => crossEntropy({ logits, labels: [0, 1], classWeights }, { device }), 'classWeights');
  refuse('labels to ignore', () => crossEntropy({ logits, labels: [0, 1] }, { device, ignoreIndex: 1 }), 'ignoreIndex');
  refuse('weights of rows', () => normalizedKd(pair, { device }), 'weights');
  refuse('weights of rows', () => relation(pair, { device }), 'weights');
});
