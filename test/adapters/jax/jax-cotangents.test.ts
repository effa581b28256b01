/** Cotangents from upstream, values that cannot be read, and float64. */
import * as jax from '@jax-js/jax';
import { jaxGld, type JaxSide } from 'gld-loss/jax';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { usualRelation } from '../cases.js';
import { normal } from './jax-ops.js';

type A = jax.numpy.Array;

const { numpy: np, tree } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

/** The map of a product with each pixel, and a classifier. */
function forward({ dense, weight, bias }: { dense: A; weight: A; bias: A }, images: A): JaxSide<A> {
  return { features: np.matmul(images, dense), weight, bias, layout: 'NHWC', weightLayout: 'CK' };
}

t.test('upstream cotangents, and where values cannot be read', async (t) => {
  const gldLoss = jaxGld(jax);
  const images = normal(1, [3, 4, 4, 3]);
  const parameters = { dense: normal(2, [3, 4]), weight: normal(4, [4, 3]), bias: np.zeros([3]) };
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

t.test('parts that depend on no primal are constants', async (t) => {
  const gldLoss = jaxGld(jax);
  const features = normal(1, [3, 4, 4, 4]);
  const weight = normal(4, [4, 3]);
  const host = { data: Float32Array.from(features.ref.dataSync()), shape: features.shape };
  const gradientBeside = (map: () => A | typeof host) => {
    const result = gldLoss(
      (w: A) => ({ features: map(), weight: w, layout: 'NHWC', weightLayout: 'CK' }) as JaxSide<A>,
      [weight.ref],
      { teacher: { logits: normal(3, [3, 5, 3]) }, labels: [0, 1, 2] },
    );
    return Array.from(result.gradients[0].dataSync());
  };
  t.same(
    gradientBeside(() => features.ref),
    gradientBeside(() => host),
  );
  t.same([features.refCount, weight.refCount], [1, 1]);
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
