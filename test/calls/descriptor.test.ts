/**
 * The addon's own checks, without lib in front of them: a descriptor that contradicts itself or its buffers is refused,
 * and no JavaScript that runs in between can pull memory away.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Native } from '../../lib/native.cjs';
import { linesOf } from '../../tools/schema.js';
import { at } from '../../tools/support.js';
import {
  describe,
  newResult,
  placeOf,
  run as runOn,
  stageNumber,
  type Fields,
  type Roles as AnyRoles,
  type RoleView,
  type Stage,
} from '../support/descriptor.js';

const require = createRequire(import.meta.url);
const native = (require('node-gyp-build') as (root: string) => Native)(
  fileURLToPath(new URL('../..', import.meta.url)),
);
native.configure(2);

type Role = RoleView<ArrayBufferView>;
type Roles = AnyRoles<ArrayBufferView>;
const run = (stage: Stage, fields: Fields, roles: Roles) => runOn(native, stage, fields, roles);

const floats = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
const sizes = { n: 2, classes: 3, rows: 1, threads: 2, 'normalization.temperature': 1, 'normalization.unbiased': 1 };
const logits = (length = 6): Role => ({ data: floats(length), strides: [3, 3, 1, 0] });
const sides = { 'teacher.logits': logits(), 'student.logits': logits() };

t.test('a sound call runs', async (t) => {
  const out = floats(6);
  t.ok(run('relation', sizes, { ...sides, 'out.logits': { data: out, strides: [3, 3, 1, 0] } })[0] >= 0);
  t.ok(out.every(Number.isFinite));
});

t.test('unsound ones are refused', async (t) => {
  const features = { 'student.features': { data: floats(8), strides: [4, 4, 4, 2, 1] } };
  const map = {
    ...sizes,
    levels: 1,
    'student.channels': 1,
    'student.depth': 1,
    'student.height': 2,
    'student.width': 2,
  };
  const grid = (cells: number) => ({ grid: [1, cells, cells] });
  const both = { ...sides, ...features };
  const student = (strides: number[], data = floats(6)) => ({ ...sides, 'student.logits': { data, strides } });
  const out = (strides: number[], data: ArrayBufferView = floats(6)) => ({ ...sides, 'out.logits': { data, strides } });
  const broadcast = { ...logits(), strides: [0, 0, 1, 0] };
  const everywhere = { 'teacher.logits': broadcast, 'student.logits': broadcast };
  const labels = { data: Int32Array.of(0, 3), dtype: 4, strides: [1, 0, 0, 0] };
  const input = sides['student.logits'].data;
  const refused: [string, Stage, Fields, Roles, string][] = [
    ['a grid of 0 with features beside the logits', 'relation', map, both, 'ERR_GLD_NATIVE'],
    ['a grid larger than the rows', 'relation', { ...map, ...grid(100) }, both, 'ERR_GLD_NATIVE'],
    ['a grid whose cells overflow', 'pool', { ...map, ...grid(2 ** 40) }, features, 'ERR_GLD_NATIVE'],
    ['an unknown method', 'relation', { ...sizes, 'relation.method': 9 }, sides, 'ERR_GLD_NATIVE'],
    ['a method beyond 32 bits', 'relation', { ...sizes, 'relation.method': 2 ** 32 }, sides, 'ERR_GLD_NATIVE'],
    ['rows of the relation below 0', 'relation', { ...sizes, 'relation.reduction': -1 }, sides, 'ERR_GLD_NATIVE'],
    ['rows that are no number', 'relation', { ...sizes, 'relation.reduction': NaN }, sides, 'ERR_GLD_NATIVE'],
    ['rows without end', 'relation', { ...sizes, 'relation.reduction': Infinity }, sides, 'ERR_GLD_NATIVE'],
    [
      'moments of plain distances',
      'relation',
      { ...sizes, 'relation.method': 2, 'relation.metric': 1 },
      sides,
      'ERR_GLD_NATIVE',
    ],
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

/** A whole loss of maps of logits with masks and weights, each view of exactly the elements that it needs. */
const wide = () => ({
  fields: {
    ...sizes,
    classes: 2,
    rows: 6,
    alpha: 1,
    beta: 1,
    localWeight: 1,
    levels: 2,
    grid: [1, 1, 1, 1, 2, 2],
    'teacher.channels': 2,
    'teacher.depth': 1,
    'teacher.height': 2,
    'teacher.width': 2,
    'student.channels': 2,
    'student.depth': 3,
    'student.height': 2,
    'student.width': 2,
  },
  roles: {
    'teacher.features': { data: floats(16), strides: [8, 4, 4, 2, 1] },
    'teacher.mask': { data: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 1), dtype: 5, strides: [4, 4, 2, 1, 0] },
    'student.features': { data: floats(48), strides: [24, 12, 4, 2, 1] },
    'student.mask': { data: new Uint8Array(24).fill(1), dtype: 5, strides: [12, 4, 2, 1, 0] },
    weights: { data: Float64Array.of(1, 2), dtype: 1, strides: [1, 0, 0, 0, 0] },
    'out.features': { data: new Float32Array(48), strides: [24, 12, 4, 2, 1] },
  } as Roles & { 'out.features': Role },
});

function start(stage: Stage, fields: Fields, roles: Roles): Promise<Float64Array> {
  const { descriptor, buffers } = describe(fields, roles);
  const result = newResult();
  return new Promise((resolve, reject) => {
    const done = (error: Error | null) => (error ? reject(error) : resolve(result));
    native.start(stageNumber(stage), descriptor, buffers, result, null, done);
  });
}

t.test('maps, masks and weights of exactly the size', async (t) => {
  const { fields, roles } = wide();
  const result = run('gld', fields, roles);
  t.ok(result.every(Number.isFinite));
  const gradient = roles['out.features'].data as Float32Array;
  t.ok(gradient.every(Number.isFinite) && gradient.some((value) => value !== 0));
  const again = wide();
  t.same(await start('gld', again.fields, again.roles), result);
  t.same(again.roles['out.features'].data, gradient);
});

t.test('unsound maps, masks and weights are refused, in calls and in jobs', async (t) => {
  const with_ = (role: keyof Roles, change: Partial<Role>) => (given: ReturnType<typeof wide>) =>
    Object.assign(given.roles, { [role]: { ...given.roles[role], ...change } });
  const set = (change: Fields) => (given: ReturnType<typeof wide>) => Object.assign(given.fields, change);
  const without = (role: keyof Roles) => (given: ReturnType<typeof wide>) => delete given.roles[role];
  const bytes = (length: number) => new Uint8Array(length);
  const gone = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  const refused: [string, (given: ReturnType<typeof wide>) => unknown, string][] = [
    ["a teacher's mask too short", with_('teacher.mask', { data: bytes(7) }), 'ERR_GLD_SHORT'],
    ["a student's mask too short", with_('student.mask', { data: bytes(23) }), 'ERR_GLD_SHORT'],
    ['a mask that begins too late', with_('student.mask', { offset: 1 }), 'ERR_GLD_SHORT'],
    ['a mask that begins before its buffer', with_('student.mask', { offset: -1 }), 'ERR_GLD_SHORT'],
    ['a mask that goes backwards out of it', with_('student.mask', { strides: [12, 4, 2, -1, 0] }), 'ERR_GLD_SHORT'],
    ['a mask with one slice of three', with_('student.mask', { data: bytes(8) }), 'ERR_GLD_SHORT'],
    ['a mask that reaches 2^54', with_('student.mask', { strides: [2 ** 53 - 1, 2 ** 53 - 1, 2, 1] }), 'ERR_GLD_SHORT'],
    ['a mask of floats', with_('student.mask', { data: floats(24), dtype: 0 }), 'ERR_GLD_DTYPE'],
    ['a mask of floats that says bytes', with_('student.mask', { data: floats(24) }), 'ERR_GLD_DTYPE'],
    ['a mask of 32-bit integers', with_('student.mask', { data: new Int32Array(24), dtype: 4 }), 'ERR_GLD_DTYPE'],
    ['a mask that is gone', with_('teacher.mask', { data: gone }), 'ERR_GLD_DETACHED'],
    [
      'a mask under an output',
      (given) =>
        with_('student.mask', {
          data: new Uint8Array(given.roles['out.features'].data.buffer, 8),
        })(given),
      'ERR_GLD_OVERLAP',
    ],
    [
      'weights under an output',
      (given) =>
        with_('weights', {
          data: new Float64Array(given.roles['out.features'].data.buffer),
        })(given),
      'ERR_GLD_OVERLAP',
    ],
    ['weights too short', with_('weights', { data: Float64Array.of(1) }), 'ERR_GLD_SHORT'],
    ['weights of rows of the size of samples', with_('weights', { strides: [6, 1, 0, 0, 0] }), 'ERR_GLD_SHORT'],
    ['weights that begin too late', with_('weights', { offset: 1 }), 'ERR_GLD_SHORT'],
    ['weights of halves', with_('weights', { data: new Uint16Array(2), dtype: 2 }), 'ERR_GLD_DTYPE'],
    ['weights of integers', with_('weights', { data: new Int32Array(2), dtype: 4 }), 'ERR_GLD_DTYPE'],
    ['weights of bytes', with_('weights', { data: bytes(2), dtype: 5 }), 'ERR_GLD_DTYPE'],
    ['features of bytes', with_('student.features', { data: bytes(48), dtype: 5 }), 'ERR_GLD_DTYPE'],
    ['a map with a slice less', with_('student.features', { data: floats(47) }), 'ERR_GLD_SHORT'],
    ['a gradient with a slice less', with_('out.features', { data: new Float32Array(47) }), 'ERR_GLD_SHORT'],
    ['a map of no depth', set({ 'student.depth': 0 }), 'ERR_GLD_SHAPE'],
    ['more depth than there is', set({ 'student.depth': 4 }), 'ERR_GLD_SHORT'],
    ['no levels', set({ levels: 0 }), 'ERR_GLD_NATIVE'],
    ['fewer levels than the rows', set({ levels: 1 }), 'ERR_GLD_NATIVE'],
    ['too many levels', set({ levels: 9 }), 'ERR_GLD_NATIVE'],
    ['levels beyond all bounds', set({ levels: 2 ** 40 }), 'ERR_GLD_NATIVE'],
    ['a level without cells', set({ levels: 3 }), 'ERR_GLD_NATIVE'],
    ['a level of fewer than no cells', set({ grid: [1, 1, 1, 1, -2, -2] }), 'ERR_GLD_NATIVE'],
    ['a level whose cells overflow', set({ grid: [1, 1, 1, 2 ** 40, 2 ** 40, 2] }), 'ERR_GLD_NATIVE'],
    ['more slices of cells than of a map', set({ grid: [1, 1, 1, 4, 1, 1] }), 'ERR_GLD_NATIVE'],
    ["more than the teacher's alone", set({ grid: [1, 1, 1, 2, 2, 1] }), 'ERR_GLD_NATIVE'],
    ['a mask of no map', without('student.features'), 'ERR_GLD_NATIVE'],
    ['a map of logits of other classes', set({ classes: 3 }), 'ERR_GLD_NATIVE'],
    [
      'the gradient of a classifier that is not there',
      (given) =>
        Object.assign(given.roles, {
          'out.weight': { data: floats(4), strides: [2, 1, 0, 0, 0] },
        }),
      'ERR_GLD_NATIVE',
    ],
  ];
  for (const [name, change, code] of refused) {
    for (const run_ of [run, start]) {
      const given = wide();
      change(given);
      await t.rejects(async () => run_('gld', given.fields, given.roles), { code }, `${name}, ${run_.name}`);
    }
  }
});

t.test('options that no engine takes are refused, and no others', async (t) => {
  const bounded = linesOf(readFileSync(at('csrc/call.def'), 'utf8')).filter(
    ({ macro, args }) => macro === 'GLD_OPTION' && args[3] !== 'true',
  );
  t.ok(bounded.length > 0);
  for (const { args } of bounded) {
    const [, , quoted, condition] = args;
    const name = JSON.parse(quoted) as keyof Fields;
    // What is C++ there is JavaScript too.
    const isSound = new Function('value', 'DBL_MAX', `return ${condition}`) as (...numbers: number[]) => boolean;
    for (const value of [-1, -0.1, 0, 0.5, 1, 2, 1e300, NaN, Infinity]) {
      const { fields, roles } = wide();
      const call = () => run('gld', { ...fields, [name]: value }, roles);
      if (isSound(value, Number.MAX_VALUE)) t.doesNotThrow(call, `${name} ${value}`);
      else
        t.throws(call, { code: 'ERR_GLD_NATIVE', message: new RegExp(name.replace('.', '\\.')) }, `${name} ${value}`);
    }
  }
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
  const { descriptor, buffers } = describe(sizes, sides);
  const teacher = sides['teacher.logits'].data as Float32Array;
  Object.defineProperty(buffers, placeOf('student.logits'), {
    get: () => {
      structuredClone(teacher.buffer, { transfer: [teacher.buffer as ArrayBuffer] });
      return floats(6);
    },
  });
  const call = () => native.run(stageNumber('relation'), descriptor, buffers, newResult(), null);
  t.throws(call, { code: 'ERR_GLD_DETACHED' });
});

t.test('neither can the result be taken from a job', async (t) => {
  const sound = { 'teacher.logits': logits(), 'student.logits': logits() };
  const { descriptor, buffers } = describe(sizes, sound);
  const result = newResult();
  await new Promise<void>((resolve, reject) => {
    const done = (error: Error | null) => (error ? reject(error) : resolve());
    native.start(stageNumber('relation'), descriptor, buffers, result, null, done);
    structuredClone(result.buffer, { transfer: [result.buffer] });
  });
  t.equal(result.length, 0);
});

t.test('memory on a device, where no device computes', async (t) => {
  const sides = { 'teacher.logits': logits(), 'student.logits': logits() };
  const on = (data: unknown) => ({ ...sides, 'student.logits': { ...logits(), data: data as ArrayBufferView } });
  for (const data of [4096n, 0n, -1n, 2n ** 64n])
    t.throws(() => run('relation', sizes, on(data)), { code: 'ERR_GLD_DEVICE' });
  for (const data of [{}, null, 7, 'data', () => 0])
    t.throws(() => run('relation', sizes, on(data)), { code: /^ERR_GLD_/ });
  for (const device of [2 ** 31, 2 ** 52, -1, 1e6]) {
    t.throws(() => run('relation', { ...sizes, device }, sides), { code: 'ERR_GLD_DEVICE' }, `device ${device}`);
  }
});

t.test('only a Workspace is one', async (t) => {
  const { descriptor, buffers } = describe(sizes, { 'teacher.logits': logits(), 'student.logits': logits() });
  const like = Object.create(native.Workspace.prototype) as InstanceType<Native['Workspace']>;
  const call = () => native.run(stageNumber('relation'), descriptor, buffers, newResult(), like);
  t.throws(call, { code: 'ERR_GLD_ARG_TYPE' });
});
