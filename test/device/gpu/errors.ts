/** What goes wrong on a GPU: wrong tensors, CUDA's errors, full memory; and that everything works afterwards. */
import { CudaTensor, GldLoss, gldLoss, gldLossAsync, type AnyInputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { small } from '../../support/async-inputs.js';
import { collect, counts, failing, move, pointer, skipUnlessEmulated } from './support.js';

type Parts = Record<string, never>;

/** The inputs with one tensor of the student replaced. */
function withStudent(name: string, tensor: unknown): AnyInputs {
  const inputs = move(small(), 'tensor');
  return { ...inputs, student: { ...(inputs.student as unknown as Parts), [name]: tensor } } as unknown as AnyInputs;
}

t.test('wrong tensors', async (t) => {
  const bias = pointer(small().student.bias as never);
  const { ptr } = bias;
  const rows: [string, unknown, string, string, RegExp][] = [
    [
      'no address',
      { ...bias, ptr: undefined },
      'ARG_TYPE',
      'student.bias.ptr',
      /an address as a bigint.* got undefined$/,
    ],
    ['an address of 0', { ...bias, ptr: 0n }, 'ARG_TYPE', 'student.bias.ptr', /got 0n$/],
    ['a negative address', { ...bias, ptr: -4n }, 'ARG_TYPE', 'student.bias.ptr', /got -4n$/],
    ['an address beyond 64 bits', { ...bias, ptr: 1n << 64n }, 'ARG_TYPE', 'student.bias.ptr', /less than 2\^64/],
    ['an address that is a number', { ...bias, ptr: Number(ptr) }, 'ARG_TYPE', 'student.bias.ptr', /as a bigint/],
    ['an address on another device', { ...bias, device: 'cpu' }, 'ARG_TYPE', 'student.bias.device', /'cuda'/],
    [
      'no type',
      { ...bias, dtype: undefined },
      'DTYPE',
      'student.bias.dtype',
      /float32, float16, bfloat16, int32, got undefined$/,
    ],
    ['float64', { ...bias, dtype: 'float64' }, 'DTYPE', 'student.bias.dtype', /got 'float64'$/],
    ['integers', { ...bias, dtype: 'int32' }, 'DTYPE', 'student.bias', /got int32$/],
    ['no shape', { ...bias, shape: undefined }, 'ARG_TYPE', 'student.bias.shape', /an array of sizes \[K\]/],
    ['another shape', { ...bias, shape: [9] }, 'SHAPE', 'student.bias', /shape \[10\]/],
    [
      'no GPU of that number',
      { ...bias, deviceId: 99 },
      'DEVICE',
      'student.bias',
      /got one on cuda:99, which is not there/,
    ],
    ['no number', { ...bias, deviceId: 'cuda:0' }, 'ARG_TYPE', 'student.bias.deviceId', /from 0/],
    ['strides of another rank', { ...bias, strides: [1, 1] }, 'STRIDE', 'student.bias.strides', /1 integers/],
    ['memory of nobody', { ...bias, ptr: 4096n }, 'DEVICE', 'student.bias', /40 bytes of one allocation on cuda:0/],
    ['memory that ends', { ...bias, offset: 5 }, 'DEVICE', 'student.bias', /40 bytes of one allocation/],
    ['strides that reach before it', { ...bias, strides: [-100] }, 'DEVICE', 'student.bias', /of one allocation/],
    [
      'strides that reach before all memory',
      { ...bias, strides: [-(2 ** 50)] },
      'OVERFLOW',
      'student.bias',
      /within 64 bits/,
    ],
    [
      'strides that reach beyond all memory',
      { ...bias, strides: [2 ** 53 - 1] },
      'DEVICE',
      'student.bias',
      /of one allocation/,
    ],
    ...[new Float32Array(10), null, 7].map((memory): (typeof rows)[number] => [
      'memory of something else',
      { ...bias, [Symbol.for('gld-loss.DeviceMemory')]: memory },
      'ARG_TYPE',
      'student.bias',
      /on a GPU/,
    ]),
    [
      'an address between elements',
      { ...bias, ptr: ptr + 2n },
      'DEVICE',
      'student.bias',
      /a multiple of the element size/,
    ],
  ];
  for (const [name, tensor, code, argument, message] of rows) {
    const expected = { code: `ERR_GLD_${code}`, argument, message };
    t.throws(() => gldLoss(withStudent('bias', tensor)), expected, name);
    await t.rejects(gldLossAsync(withStudent('bias', tensor)), expected, `${name}, async`);
  }
  t.ok(Number.isFinite(gldLoss(withStudent('bias', bias)).loss), 'the right one');
});

t.test('wrong labels', async (t) => {
  const inputs = move(small(), 'tensor');
  const refuse = (labels: unknown, code: string, message: RegExp) =>
    t.throws(() => gldLoss({ ...inputs, labels } as AnyInputs), { code, argument: 'labels', message });
  refuse(CudaTensor.empty([6]), 'ERR_GLD_DTYPE', /int32 elements for labels \[n\] or \[n, 1\] on a GPU.* got float32$/);
  refuse(CudaTensor.empty([5], { dtype: 'int32' }), 'ERR_GLD_SHAPE', /6 labels/);
  refuse(CudaTensor.empty([6, 10], { dtype: 'int32' }), 'ERR_GLD_DTYPE', /got int32$/);
});

t.test('wrong outs', async (t) => {
  const inputs = move(small(), 'tensor');
  const student = inputs.student as unknown as Record<string, CudaTensor>;
  const own = CudaTensor.empty([10, 12]);
  const rows: [string, object, string, string][] = [
    ['another shape', { weight: CudaTensor.empty([12, 10]) }, 'SHAPE', 'out.weight'],
    ['another rank', { weight: CudaTensor.empty([120]) }, 'RANK', 'out.weight'],
    ['another type', { weight: CudaTensor.empty([10, 12], { dtype: 'float16' }) }, 'DTYPE', 'out.weight'],
    ['an input', { weight: student.weight }, 'OVERLAP', 'out.weight'],
    [
      'part of an input',
      { bias: { ...pointer({ data: new Float32Array(10), shape: [10] }), ptr: student.weight.ptr } },
      'OVERLAP',
      'out.bias',
    ],
    [
      'the same twice',
      { weight: own, bias: { device: 'cuda', ptr: own.ptr, shape: [10], dtype: 'float32' } },
      'OVERLAP',
      'out.bias',
    ],
    [
      'strided',
      { weight: { ...pointer({ data: new Float32Array(120), shape: [120] }), shape: [10, 12], strides: [1, 10] } },
      'STRIDE',
      'out.weight',
    ],
    ['memory of nobody', { bias: { device: 'cuda', ptr: 4096n, shape: [10], dtype: 'float32' } }, 'DEVICE', 'out.bias'],
    ['a number', { weight: 7 }, 'ARG_TYPE', 'out.weight'],
    ['a tensor in CPU memory', { weight: { data: new Float32Array(120), shape: [10, 12] } }, 'ARG_TYPE', 'out.weight'],
    ['an array of another length', { weight: new Float32Array(119) }, 'SHORT', 'out.weight'],
    ['of no gradient', { logits: CudaTensor.empty([6, 5, 10]) }, 'OPTION', 'out.logits'],
  ];
  for (const [name, out, code, argument] of rows) {
    t.throws(() => gldLoss(inputs, { out } as never), { code: `ERR_GLD_${code}`, argument }, name);
    await t.rejects(gldLossAsync(inputs, { out } as never), { code: `ERR_GLD_${code}`, argument }, `${name}, async`);
  }
});

t.test("CUDA's errors have their name and the call, and the next call works", skipUnlessEmulated, async (t) => {
  const inputs = move(small(), 'tensor');
  const expected = gldLoss(inputs, { gradients: false });
  const kept = new GldLoss({ gradients: false });
  kept.compute(inputs);
  const ways = {
    gldLoss: async () => gldLoss(inputs, { gradients: false }),
    gldLossAsync: () => gldLossAsync(inputs, { gradients: false }),
    compute: async () => kept.compute(inputs),
    computeAsync: () => kept.computeAsync(inputs),
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const call of ['cudaMemsetAsync', 'cudaEventSynchronize'] as const) {
      await failing(call, 'illegal address', 1, () =>
        t.rejects(
          way(),
          {
            name: 'Error',
            code: 'ERR_GLD_CUDA',
            argument: 'device',
            expected: 'cuda:0 to compute',
            message: new RegExp(`cudaErrorIllegalAddress: an illegal memory access was encountered in ${call}$`),
          },
          `${name}, ${call}`,
        ),
      );
      t.equal((await way()).loss, expected.loss, 'the next one');
    }
  }
  await failing('cudaMemcpy', 'illegal address', 1, async () =>
    t.throws(() => CudaTensor.empty([4]).toHost(), { code: 'ERR_GLD_CUDA' }, 'copying'),
  );
  kept.dispose();
});

t.test('memory that is full: what waits for calls is freed, and one more attempt', skipUnlessEmulated, async (t) => {
  const inputs = move(small(), 'tensor');
  const { loss } = gldLoss(inputs, { gradients: false });
  const idle = present(counts()).streams;
  t.ok(idle > 0, 'a stream waits for its next call');
  await failing('cudaMemsetAsync', 'memory', 1, () =>
    t.equal(gldLoss(inputs, { gradients: false }).loss, loss, 'the second attempt'),
  );
  t.ok(present(counts()).streams <= idle);
  for (const call of ['cudaMemsetAsync', 'cudaMalloc'] as const) {
    await Promise.all(Array.from({ length: 3 }, () => gldLossAsync(inputs, { gradients: false })));
    const expected = {
      name: 'RangeError',
      code: 'ERR_GLD_MEMORY',
      argument: 'inputs',
      expected: 'sizes that fit the memory of cuda:0',
      message: new RegExp(`cudaErrorMemoryAllocation: out of memory in ${call}$`),
    };
    // A failure closes the streams that wait, so that the next call opens one.
    if (call === 'cudaMalloc')
      await failing('cudaMemsetAsync', 'illegal address', 9, () =>
        t.throws(() => gldLoss(inputs, { gradients: false })),
      );
    await failing(call, 'memory', 9, async () => {
      const kept = new GldLoss({ gradients: false });
      t.throws(() => kept.compute(inputs), expected, call);
      await t.rejects(kept.computeAsync(inputs), expected, `${call}, async`);
    });
    t.equal(gldLoss(inputs).loss, loss, 'the engine is usable');
  }
  await collect();
  const { blocks } = present(counts());
  await failing('cudaMemsetAsync', 'memory', 9, () => t.throws(() => gldLoss(inputs), { code: 'ERR_GLD_MEMORY' }));
  t.ok(present(counts()).blocks <= blocks, 'what was made for the gradients is freed');
});

t.test('more memory than there is', async (t) => {
  t.throws(() => CudaTensor.empty([2 ** 26, 2 ** 26]), { code: 'ERR_GLD_MEMORY' });
  t.throws(() => CudaTensor.empty([2 ** 22, 2 ** 22]), {
    name: 'RangeError',
    code: 'ERR_GLD_MEMORY',
    message: /cuda:0/,
  });
  t.equal(CudaTensor.empty([4]).shape.length, 1, 'the engine is usable');
});
