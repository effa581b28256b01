/** CudaTensor: what goes in comes out, whose memory it is, and when that goes. */
import { setImmediate as turn } from 'node:timers/promises';
import { CudaTensor, deviceInfo, gldLoss, gldLossAsync, type AnyInputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { small } from '../../support/async-inputs.js';
import { Random } from '../../support/random.js';
import { dtypes, encode, placements } from '../../support/tensors.js';
import {
  collect,
  counts,
  devices,
  delayed,
  move,
  pointer,
  skipUnlessEmulated,
  skipUnlessStandIn,
  valuesOf,
} from './support.js';

t.test('there and back', async (t) => {
  const random = new Random(81);
  for (const dtype of dtypes.filter((name) => name !== 'float64')) {
    for (const shape of [[7], [3, 5], [2, 3, 4, 5], [1, 1], [2, 1, 3]]) {
      for (const placement of placements) {
        const { tensor, exact } = encode(
          { data: random.normals(shape.reduce((a, b) => a * b)), shape },
          dtype,
          placement,
        );
        const there = CudaTensor.from(tensor);
        t.match(
          there,
          { device: 'cuda', deviceId: 0, dtype, shape, disposed: false },
          `${dtype} ${shape} ${placement}`,
        );
        const back = there.toHost();
        t.same(back.shape, shape);
        t.equal(back.dtype, dtype);
        t.same(Array.from(valuesOf(back)), Array.from(exact.data));
        there.dispose();
      }
    }
  }
  const labels = CudaTensor.from({ data: Int32Array.of(3, 1, 2), shape: [3] });
  t.same(labels.toHost(), { data: Int32Array.of(3, 1, 2), shape: [3], dtype: 'int32' });
  const { Float16Array } = globalThis as { Float16Array?: { of(...values: number[]): Uint16Array } };
  if (Float16Array !== undefined) {
    const halves = CudaTensor.from({ data: Float16Array.of(1.5, -2), shape: [2] });
    t.same(halves.toHost(), { data: Uint16Array.of(0x3e00, 0xc000), shape: [2], dtype: 'float16' });
  }
});

t.test('empty, write, and the shape that it keeps', async (t) => {
  const shape = [2, 3];
  const there = CudaTensor.empty(shape, { dtype: 'int32' });
  shape[0] = 9;
  t.same(there.shape, [2, 3]);
  t.throws(() => (there.shape as number[]).push(1), TypeError);
  there.write({ data: Int32Array.of(9, 6, 3, 8, 5, 2, 7, 4, 1), shape: [2, 3], strides: [1, 3], offset: 1 });
  t.same([...there.toHost().data], [6, 5, 4, 3, 2, 1]);
  t.throws(() => there.write({ data: new Int32Array(6), shape: [3, 2] }), {
    code: 'ERR_GLD_SHAPE',
    argument: 'tensor',
  });
  t.throws(() => there.write({ data: new Float32Array(6), shape: [2, 3] }), {
    code: 'ERR_GLD_DTYPE',
    argument: 'tensor',
  });
});

t.test('wrong arguments', async (t) => {
  const make = CudaTensor as unknown as {
    from(...of: unknown[]): unknown;
    empty(...of: unknown[]): unknown;
    at(of: unknown): unknown;
  };
  const single = { data: new Float32Array(4), shape: [4] };
  const there = CudaTensor.from(single);
  const rows: [string, () => unknown, string, string][] = [
    ['float64', () => make.from({ data: new Float64Array(4), shape: [4] }), 'ERR_GLD_DTYPE', 'tensor'],
    [
      'a Uint16Array without a dtype',
      () => make.from({ data: new Uint16Array(4), shape: [4] }),
      'ERR_GLD_DTYPE',
      'tensor',
    ],
    ['labels of 64 bits', () => make.from({ data: new BigInt64Array(4), shape: [4] }), 'ERR_GLD_DTYPE', 'tensor'],
    ['no tensor', () => make.from(7), 'ERR_GLD_ARG_TYPE', 'tensor'],
    ['a tensor that is there already', () => make.from(there), 'ERR_GLD_DEVICE', 'tensor'],
    ['no GPU of that number', () => make.from(single, { device: 'cuda:99' }), 'ERR_GLD_DEVICE', 'device'],
    ['no name of a GPU', () => make.from(single, { device: 'gpu' }), 'ERR_GLD_OPTION', 'device'],
    ['the CPU', () => make.from(single, { device: 'cpu' }), 'ERR_GLD_OPTION', 'device'],
    ['a misspelt option', () => make.from(single, { devise: 'cuda' }), 'ERR_GLD_OPTION', 'devise'],
    ['no shape', () => make.empty(), 'ERR_GLD_ARG_TYPE', 'shape'],
    ['a shape of nothing', () => make.empty([3, 0]), 'ERR_GLD_SHAPE', 'shape'],
    ['float64 elements', () => make.empty([3], { dtype: 'float64' }), 'ERR_GLD_DTYPE', 'dtype'],
    ['a size that cannot be counted', () => make.empty([2 ** 40, 2 ** 40]), 'ERR_GLD_OVERFLOW', 'shape'],
    [
      'an address without a type',
      () => make.at({ device: 'cuda', ptr: there.ptr, shape: [4] }),
      'ERR_GLD_DTYPE',
      'tensor.dtype',
    ],
    [
      'an address that is no bigint',
      () => make.at({ device: 'cuda', ptr: 4096, shape: [4], dtype: 'float32' }),
      'ERR_GLD_ARG_TYPE',
      'tensor.ptr',
    ],
    [
      'an address of nothing',
      () => make.at({ device: 'cuda', ptr: 4096n, shape: [4], dtype: 'float32' }),
      'ERR_GLD_DEVICE',
      'tensor',
    ],
    [
      'an address of less',
      () => make.at({ device: 'cuda', ptr: there.ptr, shape: [1 << 20], dtype: 'float32' }),
      'ERR_GLD_DEVICE',
      'tensor',
    ],
    [
      'an address between elements',
      () => make.at({ device: 'cuda', ptr: there.ptr + 1n, shape: [1], dtype: 'float32' }),
      'ERR_GLD_DEVICE',
      'tensor',
    ],
    ['a tensor in CPU memory', () => make.at(single), 'ERR_GLD_DEVICE', 'tensor'],
    [
      'a strided tensor at an address',
      () => make.at({ device: 'cuda', ptr: there.ptr, shape: [2], strides: [2], dtype: 'float32' }),
      'ERR_GLD_STRIDE',
      'tensor',
    ],
  ];
  for (const [name, call, code, argument] of rows) t.throws(call, { code, argument }, name);
});

t.test('dispose', async (t) => {
  const there = CudaTensor.from({ data: new Float32Array(4), shape: [4] });
  there.dispose();
  there.dispose();
  t.equal(there.disposed, true);
  const disposed = { code: 'ERR_GLD_DISPOSED', argument: 'CudaTensor' };
  t.throws(() => there.toHost(), disposed);
  t.throws(() => there.ptr, disposed);
  t.throws(() => there.write({ data: new Float32Array(4), shape: [4] }), disposed);
  const inputs = move(small(), 'tensor');
  (inputs.student as unknown as { bias: CudaTensor }).bias.dispose();
  t.throws(() => gldLoss(inputs), disposed);
  const symbol = CudaTensor.empty([4]);
  symbol[Symbol.dispose]();
  t.equal(symbol.disposed, true);
});

t.test('memory of somebody else', async (t) => {
  const owner = CudaTensor.from({ data: Float32Array.of(1, 2, 3, 4), shape: [4] });
  const part = CudaTensor.at({ device: 'cuda', ptr: owner.ptr, shape: [1, 2], dtype: 'float32', offset: 1 });
  t.same([...part.toHost().data], [2, 3]);
  part.write({ data: Float32Array.of(8, 9), shape: [1, 2] });
  part.dispose();
  t.same([...owner.toHost().data], [1, 8, 9, 4]);
  const inputs = small();
  const features = pointer(inputs.student.features as never);
  const borrowed = { ...inputs, student: { ...inputs.student, features: CudaTensor.at(features) } } as AnyInputs;
  t.equal(gldLoss(borrowed).loss, gldLoss(inputs, { device: 'cuda' }).loss);
  t.equal(features.deviceId, 0, 'whose owner is still there');
});

t.test('calls that wait for their turn keep what was disposed', async (t) => {
  const expected = gldLoss(small(), { device: 'cuda', gradients: false }).loss;
  const pending = Array.from({ length: 8 }, () => {
    const inputs = move(small(), 'tensor');
    const promise = gldLossAsync(inputs, { gradients: false });
    for (const side of [inputs.teacher, inputs.student]) {
      for (const tensor of Object.values(side)) if (tensor instanceof CudaTensor) tensor.dispose();
    }
    return promise;
  });
  for (const { loss } of await Promise.all(pending)) t.equal(loss, expected);
});

t.test('a call under way keeps what was disposed', skipUnlessStandIn, async (t) => {
  const inputs = move(small(), 'tensor');
  const expected = gldLoss(small(), { device: 'cuda' }).loss;
  await collect();
  const before = present(counts()).blocks;
  const running = delayed(100, async () => {
    const promise = gldLossAsync(inputs, { gradients: false });
    await turn();
    return promise;
  });
  for (const side of [inputs.teacher, inputs.student]) {
    for (const tensor of Object.values(side)) if (tensor instanceof CudaTensor) tensor.dispose();
  }
  t.equal(present(counts()).blocks, before, 'still there');
  t.equal((await running).loss, expected);
  t.equal(present(counts()).blocks, before - 6, 'gone');
});

t.test('a forgotten tensor is collected, and its memory with it', async (t) => {
  const free = () => deviceInfo().cuda.devices[0].freeMemory;
  await collect();
  const before = free();
  // More than an emulated GPU has: the garbage collector has to know how much hangs on these small objects.
  for (let i = 0; i < 100; i += 1) {
    CudaTensor.empty([1 << 22]);
    await turn();
  }
  await collect();
  t.ok(before - free() < 2 ** 24, `${before - free()} bytes of the GPU are kept`);
});

t.test('gradients are collected', skipUnlessEmulated, async (t) => {
  const inputs = move(small(), 'tensor');
  gldLoss(inputs);
  await collect();
  const before = present(counts()).blocks;
  for (let i = 0; i < 30; i += 1) gldLoss(inputs);
  await collect();
  t.equal(present(counts()).blocks, before);
});

t.test('another GPU', devices < 2 ? { skip: 'needs two GPUs' } : {}, async (t) => {
  const there = CudaTensor.from({ data: Float32Array.of(1, 2), shape: [2] }, { device: 'cuda:1' });
  t.equal(there.deviceId, 1);
  t.same([...there.toHost().data], [1, 2]);
  const { gradients } = gldLoss(move(small(), 'tensor', 1));
  t.equal((present(gradients).weight as CudaTensor).deviceId, 1);
});
