/** The example in jax-js trains and says how well, and the loss of its network falls. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as jax from '@jax-js/jax';
import { jaxStep } from 'gld-loss/jax';
import t from 'tap';
import { adam, forward, initialize } from '../../jax/network.js';
import { present } from '../../present.js';

const { numpy: np, tree } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

t.test('examples/jax', async (t) => {
  const main = join(import.meta.dirname, '../../jax/main.ts');
  const args = ['--import', import.meta.resolve('tsx'), main, '--epochs', '1', '--images', '32'];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(child.status ?? child.signal, 0, child.stderr);
  const lines = child.stdout.trim().split('\n').slice(1);
  const names = lines.map((line) => /^(.*?) +\d+ parameters +\d+\.\d %/.exec(line)?.[1]);
  t.same(names, ['teacher', 'student, labels', 'student, distilled']);
});

t.test('training with the network of the example', async (t) => {
  const images = jax.random.normal(jax.random.key(1), [8, 8, 8, 3]);
  const teacher = initialize(6, 3, 1);
  const labels = np.array(Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1));
  const step = jaxStep(jax, {
    teacher: (x: typeof images) => forward(tree.ref(teacher), x),
    student: forward,
    optimizer: adam(() => 0.02),
    loss: { beta: 40 },
    warmup: 0,
  });
  let parameters = initialize(2, 3, 2);
  let state = step.init(tree.ref(parameters));
  const losses: number[] = [];
  for (let i = 0; i < 30; i++) {
    const next = step(parameters, state, { images: images.ref, labels: labels.ref });
    ({ parameters, state } = next);
    losses.push(next.loss);
  }
  t.ok(present(losses.at(-1)) < 0.9 * losses[0], `the loss falls: ${losses[0]} to ${losses.at(-1)}`);
  t.ok([images, labels, ...(tree.leaves(teacher) as (typeof images)[])].every(({ refCount }) => refCount === 1));
  step.dispose();
});
