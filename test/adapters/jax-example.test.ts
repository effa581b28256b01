/** The example in jax-js trains and says how well, and the loss falls with the gradients of the hand-off. */
import { spawnSync } from 'node:child_process';
import * as jax from '@jax-js/jax';
import { jaxGld } from 'gld-loss/jax';
import t from 'tap';
import { forward, initialize, start, update } from '../../examples/jax/network.js';
import { present } from '../../tools/present.js';
import { root } from '../../tools/support.js';
import { normal } from './jax-ops.js';
import { usualRelation } from './cases.js';

const { numpy: np, tree } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

t.test('examples/jax', async (t) => {
  const args = ['--import', 'tsx', 'examples/jax/main.ts', '--epochs', '1', '--images', '32'];
  const child = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  t.equal(child.status ?? child.signal, 0, child.stderr);
  const lines = child.stdout.trim().split('\n').slice(1);
  const names = lines.map((line) => /^(.*?) +\d+ parameters +\d+\.\d %/.exec(line)?.[1]);
  t.same(names, ['teacher', 'student, labels', 'student, distilled']);
});

t.test('training with the network of the example', async (t) => {
  const gldLoss = jaxGld(jax);
  const images = normal(1, [8, 8, 8, 3]);
  const teacher = initialize(6, 3, 1);
  const labels = np.array(Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1));
  let state = start(initialize(2, 3, 2));
  const losses: number[] = [];
  for (let step = 0; step < 30; step++) {
    const target = forward(tree.ref(teacher), images.ref);
    const {
      loss,
      gradients: [gradients, unused],
    } = gldLoss(
      forward,
      [tree.ref(state.parameters), images.ref],
      { teacher: target, labels: labels.ref },
      { beta: 40 },
    );
    unused.dispose();
    state = update(state, gradients, 0.02);
    losses.push(loss);
  }
  t.ok(present(losses.at(-1)) < 0.9 * losses[0], `the loss falls: ${losses[0]} to ${losses.at(-1)}`);
  t.ok([images, labels, ...(tree.leaves(teacher) as (typeof images)[])].every(({ refCount }) => refCount === 1));
  gldLoss.dispose();
});

t.test('upstream cotangents, and where values cannot be read', async (t) => {
  const gldLoss = jaxGld(jax);
  const images = normal(1, [3, 4, 4, 3]);
  const parameters = initialize(2, 3, 2);
  const targets = () => ({ teacher: { logits: normal(3, [3, 5, 3]) }, labels: [0, 1, 2] });
  const gradients = (factor: number | jax.numpy.Array) => {
    const [, pullback] = gldLoss.vjp(
      (p: typeof parameters) => forward(p, images.ref),
      [tree.ref(parameters)],
      targets(),
    );
    const [{ weight, ...rest }] = pullback(factor);
    pullback.dispose();
    tree.dispose(rest);
    return Array.from(weight.dataSync() as Float32Array);
  };
  const one = gradients(1);
  for (const factor of [-3, np.array(-3)]) {
    gradients(factor).forEach((value, i) => t.ok(Math.abs(value + 3 * one[i]) < 5e-7 * Math.max(...one.map(Math.abs))));
  }

  const tracer = { code: 'ERR_GLD_ADAPTER', received: /tracer/ };
  const inside = (p: typeof parameters) => {
    gldLoss(forward, [p, images.ref], targets());
    return np.array(0);
  };
  const first = { ...tracer, argument: 'primals (array 0)' };
  t.throws(() => jax.grad(inside)(tree.ref(parameters)), first, 'a gradient of a gradient');
  t.throws(() => jax.jit(inside)(tree.ref(parameters)), tracer, 'compiled');
  gldLoss.dispose();
});

t.test('float64', async (t) => {
  const gldLoss = jaxGld(jax);
  const doubles = (seed: number) =>
    normal(seed, [3, 5, 4])
      .astype(np.float64)
      .mul(np.array(1 / 3).astype(np.float64));
  const [teacher, student] = [doubles(1), doubles(2)];
  const {
    gradients: [{ logits }],
  } = gldLoss((p: { logits: jax.numpy.Array }) => p, [{ logits: student.ref }], { teacher: { logits: teacher.ref } });
  t.equal(logits.dtype, 'float64');
  const { gldLoss: core } = await import('gld-loss');
  const host = (x: jax.numpy.Array) => ({ logits: { data: x.dataSync() as Float64Array, shape: [3, 5, 4] } });
  const inputs = { teacher: host(teacher), student: host(student) };
  const expected = present(core(inputs, { relation: usualRelation }).gradients?.logits).data;
  const largest = Math.max(...Array.from(expected, Math.abs));
  (logits.dataSync() as Float64Array).forEach((value, i) =>
    t.ok(Math.abs(value - expected[i]) < 5e-15 * largest, `${i}`),
  );
  gldLoss.dispose();
});
