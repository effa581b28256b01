/** Which engine a call runs on: the option device, and where its tensors are. */
import { CudaTensor, deviceInfo, gldLoss, GldLoss, type AnyInputs, type GldOptions } from 'gld-loss';
import t from 'tap';
import { small } from '../async_inputs.js';
import { problem } from '../support/problems.js';
import { encodeInputs } from '../support/tensors.js';
import { counts, devices, isStandIn, move, moved } from './support.js';

const float64 = encodeInputs(problem({ samples: 4, classes: 6 }), 'float64').given;

/** The GPU that a call ran on, or 'cpu'. */
function ranOn(inputs: AnyInputs, options?: GldOptions): string {
  const before = Array.from({ length: devices }, (_, i) => counts(i)!.submits);
  gldLoss(inputs, options as never);
  const gpu = before.findIndex((submits, i) => counts(i)!.submits > submits);
  return gpu < 0 ? 'cpu' : `cuda:${gpu}`;
}

t.test('the rules', isStandIn ? {} : { skip: 'needs the stand-in, which counts calls' }, async (t) => {
  const host = small();
  const [first, second] = [move(host, 'tensor', 0), move(host, 'pointer', 1)];
  const labelled = { ...host, labels: moved({ data: Int32Array.from(host.labels as number[]), shape: [6] }, 'tensor', 1) } as AnyInputs;
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
  const refuse = (name: string, inputs: AnyInputs, options: GldOptions, code: string, argument: string, message: RegExp): void => {
    t.throws(() => gldLoss(inputs, options as never), { code: `ERR_GLD_${code}`, argument, message }, name);
    t.throws(() => {
      const kept = new GldLoss(options);
      kept.compute(inputs);
    }, { code: `ERR_GLD_${code}`, argument, message }, `${name}, GldLoss`);
  };
  refuse('a tensor on a GPU for the CPU', first, { device: 'cpu' }, 'DEVICE', 'teacher.features',
    /^teacher.features: expected a tensor in CPU memory for device 'cpu', got one on cuda:0$/);
  refuse('no such GPU', host, { device: 'cuda:99' }, 'DEVICE', 'device', /got 'cuda:99', which is not there \(the (last|only) one is cuda:/);
  refuse('no such device', host, { device: 'gpu' as never }, 'OPTION', 'device', /'cpu', 'cuda', 'auto', or the name of one GPU/);
  refuse('not quite a name', host, { device: 'cuda:01' as never }, 'OPTION', 'device', /got 'cuda:01'$/);
  refuse('a number', host, { device: 1 as never }, 'ARG_TYPE', 'device', /got 1$/);
  refuse('float64', float64, { device: 'cuda' }, 'DTYPE', 'teacher.logits',
    /^teacher.logits: expected float32, float16 or bfloat16 elements on cuda:0, got float64, for the CPU only$/);
  refuse('tf32 on the CPU', host, { precision: 'tf32' }, 'OPTION', 'precision', /expected 'float32' on the CPU/);
  refuse('a precision that there is not', host, { precision: 'fp8' as never }, 'OPTION', 'precision', /got 'fp8'$/);
  if (devices > 1) {
    refuse('tensors on two GPUs', { ...first, student: move(host, 'tensor', 1).student }, {}, 'DEVICE', 'student.features',
      /expected a tensor on cuda:0, where teacher.features is, got one on cuda:1$/);
    refuse('tensors on another GPU', first, { device: 'cuda:1' }, 'DEVICE', 'teacher.features', /on cuda:1, as the option device says/);
  }
  const out = { weight: CudaTensor.empty([10, 12]) } as never;
  t.throws(() => gldLoss(host, { out }), { code: 'ERR_GLD_DEVICE', argument: 'out.weight', message: /a Float32Array, as the CPU computes it/ });
});

t.test("gradients of 16 bits", async (t) => {
  const halves = encodeInputs(problem({ samples: 4, classes: 6 }), 'bfloat16').given;
  t.throws(() => gldLoss(halves, { gradientDtype: 'student' }), {
    code: 'ERR_GLD_OPTION', argument: 'gradientDtype', message: /expected 'float32' on the CPU for student.logits, which is bfloat16/,
  });
  const { gradients } = gldLoss(halves, { gradientDtype: 'student', device: 'cuda' });
  t.equal(gradients?.logits?.dtype, 'bfloat16');
  t.type(gradients?.logits?.data, Uint16Array);
  const out = { logits: new Uint16Array(4 * 5 * 6) };
  t.equal(gldLoss(halves, { gradientDtype: 'student', device: 'cuda', out }).gradients?.logits?.data, out.logits);
  t.same(out.logits, gradients?.logits?.data);
  t.throws(() => gldLoss(halves, { gradientDtype: 'student', device: 'cuda', out: { logits: new Float32Array(120) } } as never),
    { code: 'ERR_GLD_DTYPE', argument: 'out.logits' });
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
  if (isStandIn) t.match({ driver, runtime }, { driver: '13.2', runtime: '13.0' });
});
