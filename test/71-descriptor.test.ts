/**
 * The addon's own checks, without lib in front of them: a descriptor that contradicts itself or its buffers is refused,
 * and no JavaScript that runs in between can pull memory away.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Native } from '../lib/native.cjs';

const require = createRequire(import.meta.url);
const native = (require('node-gyp-build') as (root: string) => Native)(fileURLToPath(new URL('..', import.meta.url)));
native.configure(2);

interface Role {
  data: ArrayBufferView;
  dtype?: number;
  offset?: number;
  strides: number[];
}

const roleSize = native.roleFields.length;

function describe(fields: Record<string, number>, roles: Record<string, Role>) {
  const numbers = new Float64Array(native.fields.length + native.roles.length * roleSize);
  const buffers: (ArrayBufferView | null)[] = native.roles.map(() => null);
  for (const [name, value] of Object.entries(fields)) numbers[native.fields.indexOf(name)] = value;
  for (const [name, { data, dtype = 0, offset = 0, strides }] of Object.entries(roles)) {
    const index = native.roles.indexOf(name);
    buffers[index] = data;
    numbers[native.fields.indexOf('present')] += 2 ** index;
    numbers.set([dtype, offset, ...strides], native.fields.length + index * roleSize);
  }
  return { numbers, buffers };
}

function run(stage: string, fields: Record<string, number>, roles: Record<string, Role>): Float64Array {
  const { numbers, buffers } = describe(fields, roles);
  const result = new Float64Array(6);
  native.run(native.stages.indexOf(stage), numbers, buffers, result, null);
  return result;
}

const floats = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
const sizes = { n: 2, classes: 3, rows: 1, threads: 2, temperature: 1, unbiased: 1 };
const logits = (length = 6): Role => ({ data: floats(length), strides: [3, 3, 1, 0] });
const sides = { 'teacher.logits': logits(), 'student.logits': logits() };

t.test('a sound call runs', async (t) => {
  const out = floats(6);
  t.ok(run('relation', sizes, { ...sides, 'out.logits': { data: out, strides: [3, 3, 1, 0] } })[0] >= 0);
  t.ok(out.every(Number.isFinite));
});

t.test('unsound ones are refused', async (t) => {
  const features = { 'student.features': { data: floats(8), strides: [4, 4, 4, 2, 1] } };
  const map = { ...sizes, levels: 1, studentChannels: 1, studentDepth: 1, studentHeight: 2, studentWidth: 2 };
  const grid = (cells: number) => ({ grid0Depth: 1, grid0Height: cells, grid0Width: cells });
  const both = { ...sides, ...features };
  const student = (strides: number[], data = floats(6)) => ({ ...sides, 'student.logits': { data, strides } });
  const out = (strides: number[], data: ArrayBufferView = floats(6)) => ({ ...sides, 'out.logits': { data, strides } });
  const broadcast = { ...logits(), strides: [0, 0, 1, 0] };
  const everywhere = { 'teacher.logits': broadcast, 'student.logits': broadcast };
  const labels = { data: Int32Array.of(0, 3), dtype: 4, strides: [1, 0, 0, 0] };
  const input = sides['student.logits'].data;
  const refused: [string, string, Record<string, number>, Record<string, Role>, string][] = [
    ['a grid of 0 with features beside the logits', 'relation', map, both, 'ERR_GLD_NATIVE'],
    ['a grid larger than the rows', 'relation', { ...map, ...grid(100) }, both, 'ERR_GLD_NATIVE'],
    ['a grid whose cells overflow', 'pool', { ...map, ...grid(2 ** 40) }, features, 'ERR_GLD_NATIVE'],
    ['an unknown method', 'relation', { ...sizes, method: 9 }, sides, 'ERR_GLD_NATIVE'],
    ['moments of plain distances', 'relation', { ...sizes, method: 2, metric: 1 }, sides, 'ERR_GLD_NATIVE'],
    ['sizes whose product overflows', 'relation', { ...sizes, n: 2 ** 50 }, everywhere, 'ERR_GLD_OVERFLOW'],
    ['a number that is none', 'relation', { ...sizes, n: NaN }, sides, 'ERR_GLD_OVERFLOW'],
    ['no samples', 'relation', { ...sizes, n: 0 }, sides, 'ERR_GLD_SHAPE'],
    ['logits too short', 'relation', sizes, { ...sides, 'student.logits': logits(5) }, 'ERR_GLD_SHORT'],
    ['a negative reach', 'relation', sizes, student([-3, 3, 1, 0]), 'ERR_GLD_SHORT'],
    ['a reach of 2^54', 'relation', sizes, student([2 ** 53 - 2, 3, 2 ** 53 - 2, 0]), 'ERR_GLD_SHORT'],
    ['an output with its axes in another order', 'relation', sizes, out([1, 1, 2, 0]), 'ERR_GLD_STRIDE'],
    ['an output that overlaps itself', 'relation', sizes, out([0, 0, 1, 0]), 'ERR_GLD_STRIDE'],
    ['an output over an input', 'relation', sizes, out([3, 3, 1, 0], input), 'ERR_GLD_OVERLAP'],
    ['another dtype', 'relation', sizes, { ...sides, 'student.logits': { ...logits(), dtype: 1 } }, 'ERR_GLD_DTYPE'],
    ['labels out of range', 'cross_entropy', sizes, { 'student.logits': logits(), labels }, 'ERR_GLD_LABEL'],
    ['a missing side', 'relation', sizes, { 'student.logits': logits() }, 'ERR_GLD_NATIVE'],
  ];
  for (const [name, stage, fields, roles, code] of refused) t.throws(() => run(stage, fields, roles), { code }, name);
});

t.test('strides of axes of size 1 mean nothing', async (t) => {
  const plain = floats(6);
  run('relation', sizes, { ...sides, 'out.logits': { data: plain, strides: [3, 3, 1, 0] } });
  for (const wild of [1e12, 0, -3]) {
    const out = floats(6);
    run('relation', sizes, { ...sides, 'out.logits': { data: out, strides: [3, wild, 1, wild] } });
    t.same(out, plain, `${wild}`);
  }
});

t.test('a getter among the buffers cannot take an earlier one away', async (t) => {
  const { numbers, buffers } = describe(sizes, sides);
  const teacher = sides['teacher.logits'].data as Float32Array;
  Object.defineProperty(buffers, native.roles.indexOf('student.logits'), {
    get: () => {
      structuredClone(teacher.buffer, { transfer: [teacher.buffer as ArrayBuffer] });
      return floats(6);
    },
  });
  const call = () => native.run(native.stages.indexOf('relation'), numbers, buffers, new Float64Array(6), null);
  t.throws(call, { code: 'ERR_GLD_DETACHED' });
});

t.test('neither can the result be taken from a job', async (t) => {
  const sound = { 'teacher.logits': logits(), 'student.logits': logits() };
  const { numbers, buffers } = describe(sizes, sound);
  const result = new Float64Array(6);
  await new Promise<void>((resolve, reject) => {
    const done = (error: Error | null) => (error ? reject(error) : resolve());
    native.start(native.stages.indexOf('relation'), numbers, buffers, result, null, done);
    structuredClone(result.buffer, { transfer: [result.buffer] });
  });
  t.equal(result.length, 0);
});

t.test('memory on a device, where no device computes', async (t) => {
  const sides = { 'teacher.logits': logits(), 'student.logits': logits() };
  const on = (data: unknown) => ({ ...sides, 'student.logits': { ...logits(), data: data as ArrayBufferView } });
  for (const data of [4096n, 0n, -1n, 2n ** 64n]) t.throws(() => run('relation', sizes, on(data)), { code: 'ERR_GLD_DEVICE' });
  for (const data of [{}, null, 7, 'data', () => 0]) t.throws(() => run('relation', sizes, on(data)), { code: /^ERR_GLD_/ });
  for (const device of [2 ** 31, 2 ** 52, -1, 1e6]) {
    t.throws(() => run('relation', { ...sizes, device }, sides), { code: 'ERR_GLD_DEVICE' }, `device ${device}`);
  }
});

t.test('only a Workspace is one', async (t) => {
  const { numbers, buffers } = describe(sizes, { 'teacher.logits': logits(), 'student.logits': logits() });
  const like = Object.create(native.Workspace.prototype) as InstanceType<Native['Workspace']>;
  const call = () => native.run(native.stages.indexOf('relation'), numbers, buffers, new Float64Array(6), like);
  t.throws(call, { code: 'ERR_GLD_ARG_TYPE' });
});
