/** gldSchedule: weights of the terms as a pure function of the step. */
import { gldSchedule } from 'gld-loss';
import t from 'tap';

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-12;

t.test('without options the defaults, at every step', async (t) => {
  const schedule = gldSchedule();
  for (const step of [0, 0.5, 1e9]) t.same(schedule(step), { alpha: 0.7, beta: 500, localWeight: 1 });
});

t.test('ramps: linear and cosine, constant before and after', async (t) => {
  const schedule = gldSchedule({
    alpha: { from: 0.9, to: 0.5, start: 10, end: 30 },
    beta: { from: 100, to: 500, shape: 'cosine' },
    localWeight: 2,
    steps: 40,
  });
  t.same(schedule(0), { alpha: 0.9, beta: 100, localWeight: 2 });
  t.equal(schedule(10).alpha, 0.9);
  t.ok(near(schedule(15).alpha, 0.8) && near(schedule(20).alpha, 0.7), 'evenly');
  t.equal(schedule(30).alpha, 0.5);
  t.ok(near(schedule(20).beta, 300), 'half way in the middle');
  t.ok(near(schedule(10).beta, 100 + 400 * (0.5 - Math.SQRT1_2 / 2)), 'slowly at first');
  t.same(schedule(41), { alpha: 0.5, beta: 500, localWeight: 2 });
});

t.test('warm-up: the task has its full weight at first, the other terms come in evenly', async (t) => {
  const schedule = gldSchedule({ alpha: 0.8, beta: { from: 10, to: 20 }, warmup: 8, steps: 8 });
  t.same(schedule(0), { alpha: 0, beta: 0, localWeight: 0 });
  t.ok(near(schedule(2).alpha, 0.2) && near(schedule(4).localWeight, 0.5));
  t.ok(near(schedule(4).beta, 7.5), 'half of what the ramp says');
  t.same(schedule(8), { alpha: 0.8, beta: 20, localWeight: 1 });
});

t.test('into an object of the caller', async (t) => {
  const options = { out: {}, alpha: 3 };
  const schedule = gldSchedule({ warmup: 2 });
  t.equal(schedule(1, options), options);
  t.same(options, { out: {}, alpha: 0.35, beta: 250, localWeight: 0.5 });
});

const wrong: [name: string, call: () => unknown, code: string, argument: string][] = [
  ['a misspelt option', () => gldSchedule({ warmUp: 3 } as never), 'OPTION', 'warmUp'],
  ['a negative weight', () => gldSchedule({ beta: -1 }), 'OPTION', 'beta'],
  ['a word for a weight', () => gldSchedule({ beta: 'high' as never }), 'ARG_TYPE', 'beta'],
  ['a ramp without a start value', () => gldSchedule({ beta: { to: 1 } as never, steps: 3 }), 'ARG_TYPE', 'beta.from'],
  ['a ramp without an end', () => gldSchedule({ beta: { from: 0, to: 1 } }), 'ARG_TYPE', 'beta.end'],
  [
    'a ramp that ends at its start',
    () => gldSchedule({ beta: { from: 0, to: 1, start: 3, end: 3 } }),
    'OPTION',
    'beta.end',
  ],
  [
    'a ramp that starts after the last step',
    () => gldSchedule({ beta: { from: 0, to: 1, start: 3 }, steps: 2 }),
    'OPTION',
    'beta.end',
  ],
  [
    'an unknown shape',
    () => gldSchedule({ alpha: { from: 0, to: 1, end: 3, shape: 'cos' as never } }),
    'OPTION',
    'alpha.shape',
  ],
  ['a negative warm-up', () => gldSchedule({ warmup: -1 }), 'OPTION', 'warmup'],
  ['a negative step', () => gldSchedule()(-1), 'OPTION', 'step'],
  ['NaN for a step', () => gldSchedule()(NaN), 'OPTION', 'step'],
  ['no step', () => (gldSchedule() as () => unknown)(), 'ARG_TYPE', 'step'],
  ['a number to write into', () => gldSchedule()(1, 3 as never), 'ARG_TYPE', 'into'],
];
for (const [name, call, code, argument] of wrong) {
  t.test(name, async (t) => t.throws(call, { code: `ERR_GLD_${code}`, argument }));
}
