/** The adapter's value and gradients against jax-js's own differentiation of the same loss. */
import * as jax from '@jax-js/jax';
import { gldLoss as core } from 'gld-loss';
import { jaxGld } from 'gld-loss/jax';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { normal, opsLoss, type OpsSide } from './jax-ops.js';
import {
  cases,
  checkHalfABatch,
  classes as K,
  samples as N,
  usualRelation,
  type Case,
  type CaseSide,
  type LogitBatch,
} from '../cases.js';
import { unusual } from '../../support/options.js';

const { nn, numpy: np, tree } = jax;
type A = InstanceType<typeof jax.Array>;

await jax.init('cpu', 'wasm');
const gldLoss = jaxGld(jax);
t.teardown(() => gldLoss.dispose());

function sideOf(seed: number, side: CaseSide): OpsSide {
  if ('rows' in side) return { logits: normal(seed, [N, side.rows, K]) };
  const { channels, map, bias = true } = side;
  const features = normal(seed, [N, channels, ...map]);
  return { features, weight: normal(seed + 1, [K, channels]), ...(bias && { bias: normal(seed + 2, [K]) }) };
}

/** Largest difference of two arrays, relative to the largest element of the second. Consumes both. */
function difference(actual: A, expected: A): number {
  const worst = np.abs(expected.ref).max().item();
  return np.abs(actual.sub(expected)).max().item() / worst;
}

async function check(t: Test, { labels, options = {}, ...sides }: Case): Promise<void> {
  const [teacher, student] = [sideOf(1, sides.teacher), sideOf(5, sides.student)];
  const soft = labels === 'soft' ? nn.softmax(normal(9, [N, K]), 1) : undefined;
  const hard = Array.isArray(labels) ? np.array(Int32Array.from(labels)) : undefined;
  const given = () => (soft ?? hard)?.ref;
  const { temperature, ...rest } = options;
  const normalization = temperature === undefined ? undefined : ({ kind: 'temperature', temperature } as const);
  const own = { ...rest, normalization };

  const probabilities = () => soft?.ref ?? (hard && nn.oneHot(hard.ref, K));
  const [value, gradients] = jax.valueAndGrad((side: OpsSide) =>
    opsLoss(tree.ref(teacher as never), side, probabilities(), options),
  )(tree.ref(student as never)) as [A, OpsSide];
  const loss = value.item();
  const close = (actual: OpsSide, what: string) => {
    for (const [name, expected] of Object.entries(gradients) as [keyof OpsSide, A][]) {
      t.same(present(actual[name]).shape, expected.shape, `${what}: shape of the gradient of ${name}`);
      t.equal(present(actual[name]).dtype, 'float32');
      t.ok(difference(present(actual[name]), expected.ref) < 1e-5, `${what}: gradient of ${name}`);
    }
  };
  const targets = () => ({ teacher: tree.ref(teacher as never), labels: given() }) as never;
  const forward = (side: OpsSide) => side as never;

  const result = gldLoss(forward, [tree.ref(student as never) as OpsSide], targets(), own);
  t.ok(Math.abs(result.loss - loss) < 1e-5 * loss, 'loss');
  close(result.gradients[0], 'hand-off');
  const later = await gldLoss.async(forward, [tree.ref(student as never) as OpsSide], targets(), own);
  t.equal(later.loss, result.loss);
  t.same(later.terms, result.terms);
  close(later.gradients[0], 'asynchronous hand-off');

  const at = await gldLoss.surrogate({ ...(targets() as object), student: tree.ref(student as never) } as never, own);
  t.equal(at.loss, result.loss);
  const through = jax.valueAndGrad((side: OpsSide) => at.scalar(side as never));
  const [plane, slopes] = through(tree.ref(student as never)) as [A, OpsSide];
  t.ok(Math.abs(plane.item() - loss) < 1e-5 * loss, "the surrogate's value");
  close(slopes, 'surrogate');
  const compiled = jax.jit(jax.grad((side: OpsSide, constants: any) => gldLoss.scalar(side as never, constants)));
  close(compiled(tree.ref(student as never), at.constants() as never) as OpsSide, 'compiled surrogate');
  compiled.dispose();

  const arrays = [...Object.values(teacher), ...Object.values(student), soft ?? hard].filter(Boolean) as A[];
  t.ok(
    arrays.every(({ refCount }) => refCount === 1),
    'no reference is left, and none is missing',
  );
}

for (const device of ['cpu', 'wasm'] as const) {
  t.test(device, async (t) => {
    jax.defaultDevice(device);
    for (const one of cases) await t.test(one.name, async (t) => check(t, one));
  });
}

t.test('maps of logits, masks and weights, in either form, are what the core computes', async (t) => {
  jax.defaultDevice('wasm');
  const logitMap = normal(1, [N, K, 4, 6]);
  const mask = normal(2, [N, 4, 6]).greater(0);
  const teacher = {
    features: normal(3, [N, 2, 5, 5]),
    weight: normal(4, [K, 2]),
    mask: normal(5, [N, 5, 5]).greater(-1),
  };
  const sampleWeights = np.array([0.5, 2, 1]);
  const options = { ...unusual, grid: [1, 2, 3], ignoreIndex: 0, beta: 20 };
  const labels = [4, 0, 2];
  const host = (x: A) => ({ data: Float32Array.from(x.ref.dataSync()), shape: x.shape });
  const bytes = (x: A) => ({ data: Uint8Array.from(x.ref.dataSync()), shape: x.shape });
  const expected = core(
    {
      teacher: { features: host(teacher.features), weight: host(teacher.weight), mask: bytes(teacher.mask) },
      student: { logitMap: host(logitMap), mask: bytes(mask) },
      labels,
      sampleWeights: host(sampleWeights),
    },
    { ...options, relation: usualRelation },
  );

  const targets = () => ({ teacher: tree.ref(teacher), labels, sampleWeights: sampleWeights.ref }) as never;
  const side = (map: A) => ({ logitMap: map, mask: mask.ref }) as never;
  const {
    gradients: [handed],
    ...value
  } = gldLoss(side, [logitMap.ref], targets(), options);
  const { gradients, ...numbers } = expected;
  t.same(value, numbers);
  const close = (gradient: A, what: string) =>
    t.same([...gradient.dataSync()], [...present(gradients?.logitMap).data], `${what}: gradient of logitMap`);
  close(handed, 'hand-off');
  const later = await gldLoss.async(side, [logitMap.ref], targets(), options);
  t.equal(later.loss, expected.loss);
  close(later.gradients[0], 'asynchronous hand-off');
  const at = await gldLoss.surrogate({ ...(targets() as object), student: side(logitMap.ref) } as never, options);
  t.equal(at.loss, expected.loss);
  close(jax.grad((map: A) => at.scalar(side(map)))(logitMap.ref) as A, 'surrogate');
  const arrays = [logitMap, mask, sampleWeights, ...Object.values(teacher)];
  t.ok(
    arrays.every(({ refCount }) => refCount === 1),
    'no reference is left, and none is missing',
  );
});

t.test('half a batch weighs the relation as a whole one does', async (t) => {
  const array = ({ data, shape }: LogitBatch['student']) => ({ logits: np.array(data, { shape }) });
  const handOff = (batch: LogitBatch) =>
    [(side: object) => side as never, [array(batch.student)], { teacher: array(batch.teacher) } as never] as const;
  const relationOf = ({ terms, gradients }: Awaited<ReturnType<typeof gldLoss.async>>) => {
    tree.dispose(gradients as never);
    return terms.relation;
  };
  await checkHalfABatch(t, (batch, options) => {
    const [forward, primals, targets] = handOff(batch);
    return relationOf(gldLoss(forward, [...primals], targets, options));
  });
  await checkHalfABatch(t, async (batch, options) => {
    const [forward, primals, targets] = handOff(batch);
    return relationOf(await gldLoss.async(forward, [...primals], targets, options));
  });
  await checkHalfABatch(t, async ({ teacher, student }, options) => {
    const at = await gldLoss.surrogate({ teacher: array(teacher), student: array(student) } as never, options);
    return at.terms.relation;
  });
});
