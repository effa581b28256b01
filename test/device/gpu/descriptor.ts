/** The addon's own checks of memory on a device, without lib in front of them. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DeviceMemory, Native } from '../../../lib/native.cjs';
import { results } from '../../../lib/schema.js';
import { run as runOn, type Roles } from '../../support/descriptor.js';

const require = createRequire(import.meta.url);
const native = (require('node-gyp-build') as (root: string) => Native)(
  fileURLToPath(new URL('../../..', import.meta.url)),
);
native.configure(2);

const shape = { n: 2, classes: 3, rows: 1, 'normalization.temperature': 1, 'normalization.unbiased': 1 };
type Data = ArrayBufferView | DeviceMemory | bigint;

function run(
  teacher: Data,
  student: Data,
  { out, dtype = 0, offset = 0, device = 0 }: { out?: Data; dtype?: number; offset?: number; device?: number } = {},
): number {
  const strides = [3, 3, 1, 0];
  const roles: Roles<Data> = {
    'teacher.logits': { data: teacher, strides },
    'student.logits': { data: student, strides, dtype, offset },
  };
  if (out !== undefined) roles['out.logits'] = { data: out, strides };
  return runOn(native, 'relation', { ...shape, device: device + 1 }, roles)[results.loss];
}

const floats = Float32Array.of(1, 5, 2, 8, 3, 7);
const block = (bytes = 24): DeviceMemory => {
  const memory = new native.DeviceMemory(0, bytes);
  memory.write(new Uint8Array(floats.buffer.slice(0, bytes)));
  return memory;
};

t.test('a sound call runs, with memory here and there', async (t) => {
  const expected = run(floats, Float32Array.of(2, 1, 4, 3, 6, 5));
  const student = block();
  student.write(Float32Array.of(2, 1, 4, 3, 6, 5));
  t.equal(run(block(), student, { out: block() }), expected);
  t.equal(run(floats, student.pointer), expected);
  t.equal(run(floats, student, { out: new Float32Array(6) }), expected);
});

t.test('unsound ones are refused', async (t) => {
  const gone = block();
  gone.dispose();
  t.throws(() => run(floats, gone), { code: 'ERR_GLD_DISPOSED' });
  t.throws(() => run(floats, block(20)), { code: 'ERR_GLD_SHORT' }, 'a block too short');
  t.throws(() => run(floats, block(), { offset: 1 }), { code: 'ERR_GLD_SHORT' }, 'an offset too far');
  t.throws(() => run(floats, block(), { offset: -1 }), { code: 'ERR_GLD_SHORT' }, 'an offset before the block');
  t.throws(
    () => run(floats, block(), { offset: 2 ** 53 }),
    { code: 'ERR_GLD_OVERFLOW' },
    'an offset that is no safe integer',
  );
  for (const offset of [2 ** 52, -(2 ** 52)])
    t.throws(() => run(floats, block().pointer, { offset }), { code: /^ERR_GLD_/ });
  for (const dtype of [4, 5, -1, 99])
    t.throws(() => run(floats, block(), { dtype }), { code: 'ERR_GLD_DTYPE' }, `dtype ${dtype}`);
  t.throws(() => run(floats, block(), { dtype: 1 }), { code: /^ERR_GLD_/ }, 'float64');
  t.throws(() => run(floats, 4096n), { code: 'ERR_GLD_DEVICE' });
  t.throws(() => run(floats, (1n << 64n) - 4n), { code: /^ERR_GLD_/ }, 'the last address');
  t.throws(() => run(floats, block().pointer + 1n), { code: 'ERR_GLD_DEVICE' }, 'an address between elements');
  const memory = block();
  t.throws(() => run(floats, memory, { out: memory }), { code: 'ERR_GLD_OVERLAP' });
  t.throws(() => run(floats, memory, { out: memory.pointer }), { code: 'ERR_GLD_OVERLAP' });
  for (const other of [{}, [], Object.create(native.DeviceMemory.prototype), new native.Workspace()]) {
    t.throws(() => run(floats, other as DeviceMemory), { code: 'ERR_GLD_ARG_TYPE' });
  }
  t.throws(() => run(floats, memory, { device: 99 }), { code: 'ERR_GLD_DEVICE' });
});

t.test('blocks', async (t) => {
  const make = native.DeviceMemory as new (...of: unknown[]) => DeviceMemory;
  for (const wrong of [
    [],
    [0],
    [0, 0],
    [0, -1],
    [0, NaN],
    [0, Infinity],
    ['0', 8],
    [-1, 8],
    [99, 8],
    [0.5, 2 ** 60],
    [NaN, 8],
  ]) {
    t.throws(() => new make(...wrong), { code: /^ERR_GLD_/ }, JSON.stringify(wrong));
  }
  t.throws(() => new make(0, 8, -1n, 'here'), { code: 'ERR_GLD_DEVICE', argument: 'here' });
  const memory = block();
  for (const wrong of [undefined, 7, {}, new Float32Array(5), new Uint8Array(25), new DataView(new ArrayBuffer(24))]) {
    t.throws(() => memory.write(wrong as never), { code: /^ERR_GLD_/ });
    t.throws(() => memory.read(wrong as never), { code: /^ERR_GLD_/ });
  }
  t.throws(() => memory.write.call({} as never, floats), 'another receiver');
});
