/** References: every call consumes what it is given and nothing else, whether it returns, throws or rejects. */
import { memories } from '../wasm-memory.js'; // before jax-js
import * as jax from '@jax-js/jax';
import { jaxGld, type JaxInputs, type JaxSide, type JaxTargets } from 'gld-loss/jax';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { normal } from './jax-ops.js';
import { controllers } from '../../support/signals.js';

const { nn, numpy: np, tree } = jax;
type A = InstanceType<typeof jax.Array>;

await jax.init('wasm');
jax.defaultDevice('wasm');

const N = 3;
const K = 4;
const gldLoss = jaxGld(jax);
t.teardown(() => gldLoss.dispose());

/** Everything that a call may be given, one reference of each. */
function fixture() {
  const parameters = { kernel: normal(1, [6, 32]), weight: normal(2, [K, 2]), bias: normal(3, [K]) };
  const images = normal(4, [N, 6]);
  const teacher = { features: normal(5, [N, 3, 2, 2]), weight: normal(6, [K, 3]) };
  const labels = np.array(Int32Array.of(0, 1, 2));
  const all = { ...parameters, images, 'teacher.features': teacher.features, 'teacher.weight': teacher.weight, labels };
  return { parameters, images, teacher, labels, all };
}

type Fixture = ReturnType<typeof fixture>;
type Parameters = Fixture['parameters'];

const forward = ({ kernel, weight, bias }: Parameters, images: A): JaxSide<A> => ({
  features: np.matmul(images, kernel).reshape([N, 2, 4, 4]),
  weight,
  bias,
});

interface Call {
  name: string;
  forward?: (parameters: Parameters, images: A) => JaxSide<A>;
  targets?: (given: Fixture) => object;
  primals?: (given: Fixture) => unknown;
  options?: object;
  /** What is thrown; nothing is when absent. */
  error?: object;
  /** Arrays that are freed beforehand. */
  freed?: (given: Fixture) => A[];
  /** Not something that a surrogate notices too. */
  handOff?: boolean;
}

const mine = new Error('mine');
const throwing = (parameters: Parameters, images: A) => {
  tree.dispose([parameters, images]);
  throw mine;
};

/** What is given in their place, once the arrays that it leaves out are disposed of. */
function without<T>(arrays: object, given: T): T {
  tree.dispose(arrays);
  return given;
}

const calls: Call[] = [
  { name: 'sound' },
  {
    name: 'inherited targets',
    targets: ({ teacher, labels }) => Object.create({ teacher, labels }) as object,
    handOff: true,
  },
  { name: 'parts that count as constants', options: { gradients: ['features'] } },
  { name: 'no gradients', options: { gradients: false } },
  { name: 'no labels', targets: ({ teacher, labels }) => without(labels, { teacher }) },
  { name: 'a misspelt option', options: { bta: 3 }, error: { code: 'ERR_GLD_OPTION', argument: 'bta' } },
  { name: 'options that are none', options: 3 as never, error: { code: 'ERR_GLD_ARG_TYPE', argument: 'options' } },
  {
    name: 'gradients of no part',
    options: { gradients: ['logits'] },
    error: { code: 'ERR_GLD_OPTION', argument: 'gradients' },
  },
  {
    name: 'a teacher with other channels',
    targets: ({ teacher, labels }) => ({ teacher: { ...teacher, weight: teacher.weight.reshape([6, 2]) }, labels }),
    error: { code: 'ERR_GLD_SHAPE', argument: 'teacher.weight' },
  },
  {
    name: 'a label out of range',
    targets: ({ teacher, labels }) => ({ teacher, labels: labels.add(np.array(Int32Array.of(2, 2, 2))) }),
    error: { code: 'ERR_GLD_LABEL', argument: 'labels[2]' },
  },
  {
    name: 'no teacher',
    targets: ({ teacher, labels }) => without(teacher, { labels }),
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'teacher' },
  },
  {
    name: 'a misspelt target',
    targets: ({ teacher, labels }) => ({ teacher, label: labels }),
    error: { code: 'ERR_GLD_OPTION', argument: 'label' },
  },
  {
    name: 'a student among the targets',
    targets: ({ teacher, labels }) => ({ teacher, student: { logits: labels } }),
    error: { code: 'ERR_GLD_OPTION', argument: 'student' },
    handOff: true,
  },
  {
    name: 'targets that are none',
    targets: ({ teacher, labels }) => without([teacher, labels], 3 as never),
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'targets' },
    handOff: true,
  },
  {
    name: 'an array for two, with one reference',
    targets: ({ teacher, labels }) =>
      without(labels, { teacher: { ...teacher, bias: teacher.weight }, labels: [0, 1, 2] }),
    error: { code: 'ERR_GLD_DISPOSED', argument: 'teacher.bias' },
  },
  {
    name: 'a freed array',
    freed: ({ teacher }) => [teacher.weight],
    error: { code: 'ERR_GLD_DISPOSED', argument: 'teacher.weight' },
  },
  {
    name: 'a freed parameter',
    freed: ({ parameters }) => [parameters.weight],
    error: { code: 'ERR_GLD_DISPOSED', argument: /primals|student\.weight/ },
    handOff: true,
  },
  {
    name: 'primals that are no list',
    primals: ({ images }) => images,
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'primals' },
    handOff: true,
  },
  {
    name: 'labels of float32, [n, 1]',
    targets: ({ teacher, labels }) => ({ teacher, labels: labels.astype(np.float32).reshape([N, 1]) }),
  },
  {
    name: 'labels of float32 that are no integers',
    targets: ({ teacher, labels }) => ({ teacher, labels: labels.astype(np.float32).mul(0.5) }),
    error: { code: 'ERR_GLD_LABEL', argument: 'labels[1]', received: '0.5' },
  },
  {
    name: 'a promise for the teacher',
    targets: ({ teacher, labels }) => {
      tree.dispose(teacher);
      return { teacher: Promise.resolve(), labels };
    },
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'teacher', received: 'a promise that was not awaited' },
  },
  {
    name: 'a promise for an array',
    targets: ({ teacher, labels }) => {
      labels.dispose();
      return { teacher, labels: Promise.resolve() };
    },
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'labels', received: 'a promise that was not awaited' },
  },
  {
    name: 'a forward pass that is asynchronous',
    forward: (parameters, images) => {
      tree.dispose([parameters, images]);
      return Promise.resolve() as never;
    },
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'student', received: 'a promise that was not awaited' },
  },
  {
    name: 'a promise among the primals',
    primals: ({ images }) => [Promise.resolve(), images],
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'primals[0]', received: 'a promise that was not awaited' },
    handOff: true,
  },
  { name: 'a forward pass that throws', forward: throwing, error: mine, handOff: true },
  {
    name: 'one that throws before it has used anything',
    forward: () => {
      throw mine;
    },
    error: mine,
    handOff: true,
  },
  {
    name: 'one that returns an array',
    forward: (parameters, images) => without(parameters, images as never),
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'student' },
    handOff: true,
  },
  {
    name: 'a student of other channels',
    forward: ({ kernel, weight, bias }, images) => ({
      features: np.matmul(images, kernel).reshape([N, 8, 2, 2]),
      weight,
      bias,
    }),
    error: { code: 'ERR_GLD_SHAPE', argument: 'student.weight' },
  },
  {
    name: 'a misspelt part',
    forward: ({ kernel, weight, bias }, images) =>
      ({ feature: np.matmul(images, kernel).reshape([N, 2, 4, 4]), weight, bias }) as never,
    error: { code: 'ERR_GLD_OPTION', argument: 'student.feature' },
    handOff: true,
  },
];

/** With as many references as the call consumes, and with one more of each that has to be left. */
async function consumes(
  t: Test,
  { freed, error, ...call }: Call,
  run: (given: Fixture, call: Call) => unknown,
): Promise<void> {
  for (const kept of [0, 1]) {
    const given = fixture();
    const gone = freed?.(given) ?? [];
    gone.forEach((array) => array.dispose());
    const arrays = Object.entries<A>(given.all).filter(([, array]) => !gone.includes(array));
    if (kept === 1) arrays.forEach(([, array]) => array.ref);
    const result = (async () => run(given, call))();
    if (error === undefined) tree.dispose((await result) as never);
    else await t.rejects(result, error as Error);
    // Twice the same array is one reference too few even when one is kept: only what was not given then is left.
    t.same(
      arrays.map(([name, { refCount }]) => [name, refCount]),
      arrays.map(([name]) => [name, kept]),
    );
  }
}

const forms: Record<string, (given: Fixture, call: Call) => unknown> = {
  'hand-off': ({ ...given }, { forward: f = forward, targets, primals, options }) =>
    gldLoss(
      f,
      (primals?.(given) ?? [given.parameters, given.images]) as [Parameters, A],
      (targets?.(given) ?? { teacher: given.teacher, labels: given.labels }) as JaxTargets<A>,
      options,
    ).gradients,
  'asynchronous hand-off': async ({ ...given }, { forward: f = forward, targets, primals, options }) =>
    (
      await gldLoss.async(
        f,
        (primals?.(given) ?? [given.parameters, given.images]) as [Parameters, A],
        (targets?.(given) ?? { teacher: given.teacher, labels: given.labels }) as JaxTargets<A>,
        options,
      )
    ).gradients,
  vjp: ({ ...given }, { forward: f = forward, targets, primals, options }) => {
    const [, pullback] = gldLoss.vjp(
      f,
      (primals?.(given) ?? [given.parameters, given.images]) as [Parameters, A],
      (targets?.(given) ?? { teacher: given.teacher, labels: given.labels }) as JaxTargets<A>,
      options,
    );
    pullback.dispose();
    return [];
  },
};

for (const [form, run] of Object.entries(forms)) {
  t.test(form, async (t) => {
    for (const call of calls) {
      // The kept reference would make the array fit for two.
      if (call.name.startsWith('an array for two')) continue;
      // What forward or primals do not take over is the caller's.
      const freed = ({ parameters }: Fixture) => Object.values(parameters);
      const rest = call.primals === undefined ? call : { ...call, freed };
      await t.test(call.name, async (t) => consumes(t, rest, run));
    }
    await t.test('an array for two, with one reference', async (t) => {
      const given = fixture();
      const call = present(calls.find(({ name }) => name === 'an array for two, with one reference'));
      await t.rejects((async () => run(given, call))(), call.error as Error);
      t.ok(Object.values<A>(given.all).every(({ refCount }) => refCount === 0));
    });
  });
}

t.test('surrogate', async (t) => {
  const run = async (given: Fixture, { forward: f = forward, targets, options }: Call) => {
    const inputs = {
      ...(targets?.(given) ?? { teacher: given.teacher, labels: given.labels }),
      student: f(given.parameters, given.images),
    } as JaxInputs<A>;
    await gldLoss.surrogate(inputs, options);
    return [];
  };
  for (const call of calls.filter(({ handOff, name }) => !handOff && !name.startsWith('an array for two'))) {
    await t.test(call.name, async (t) => consumes(t, call, run));
  }
});

t.test('a promise of the framework', async (t) => {
  const promised = { code: 'ERR_GLD_ARG_TYPE', argument: 'jax', received: 'a promise that was not awaited' };
  t.throws(() => jaxGld(import('@jax-js/jax') as never), promised);
});

t.test('logits [n, K]', async (t) => {
  const [zt, zs] = [normal(8, [N, K]), normal(9, [N, K])];
  const lossOf = (shape: number[]) =>
    gldLoss((logits: A) => ({ logits }), [zs.ref.reshape(shape)], { teacher: { logits: zt.ref.reshape(shape) } });
  const [flat, rows] = [lossOf([N, K]), lossOf([N, 1, K])];
  t.equal(flat.loss, rows.loss);
  t.same(flat.gradients[0].shape, [N, K]);
  t.same(await flat.gradients[0].data(), await rows.gradients[0].data());
  tree.dispose([zt, zs]);
});

for (const form of ['check', 'checkAsync'] as const) {
  t.test(form, async (t) => {
    const side = () => ({ features: normal(1, [N, 2, 4, 4]), weight: normal(2, [K, 2]), bias: normal(3, [K]) });
    const logitsOf = ({ features, weight, bias }: ReturnType<typeof side>) =>
      np.matmul(features.ref.mean([2, 3]), weight.ref.transpose()).add(bias.ref);
    const cases: [name: string, given: object, output: A, error?: object][] = [];
    const sound = side();
    cases.push(['sound', sound, logitsOf(sound)]);
    const probable = side();
    cases.push(['behind a softmax', probable, nn.softmax(logitsOf(probable), 1)]);
    const other = side();
    cases.push(['another output', other, logitsOf(other).mul(2), { code: 'ERR_GLD_SPLIT', argument: 'student' }]);
    cases.push([
      'a misspelt part',
      { ...side(), kernel: normal(4, [2]) },
      normal(5, [N, K]),
      { argument: 'student.kernel' },
    ]);
    const twice = side();
    cases.push([
      'too few references',
      { ...twice, bias: twice.weight },
      normal(5, [N, K]),
      { code: 'ERR_GLD_DISPOSED' },
    ]);
    twice.bias.dispose();
    for (const [name, given, output, error] of cases) {
      const result = (async () => gldLoss[form](given as JaxSide<A>, output, { name: 'student' }))();
      if (error === undefined) t.match(await result, { output: name === 'sound' ? 'logits' : 'softmax' });
      else await t.rejects(result, error as Error, name);
      const arrays = [...Object.values(given), output] as A[];
      t.ok(
        arrays.every(({ refCount }) => refCount === 0),
        `${name}: all is consumed`,
      );
    }
  });
}

t.test('scalar', async (t) => {
  const { parameters, images, teacher, labels, all } = fixture();
  const student = () => forward(tree.ref(parameters), images.ref);
  const at = await gldLoss.surrogate({ teacher, labels, student: student() }, { gradients: ['weight'] });
  at.scalar(student()).dispose();
  const constants = at.constants();
  const shape = { code: 'ERR_GLD_SHAPE', argument: 'student.weight' };
  t.throws(() => gldLoss.scalar({ ...student(), weight: parameters.bias.ref }, constants), shape);
  parameters.weight.dispose(); // the one that student() made and the wrong one took the place of
  t.same([constants.offset.refCount, present(constants.gradients.weight).refCount], [0, 0], 'constants are consumed');
  t.throws(() => at.scalar({ logits: normal(1, [N, 5, K]) }), { code: 'ERR_GLD_ARG_TYPE', argument: 'student.weight' });
  const { kernel, weight, bias } = parameters;
  t.same(
    [kernel, weight, bias, images].map(({ refCount }) => refCount),
    [1, 1, 1, 1],
  );
  t.ok([all['teacher.features'], all['teacher.weight'], labels].every(({ refCount }) => refCount === 0));
});

t.test('aborted', async (t) => {
  const reason = new Error('enough');
  for (const early of [true, false]) {
    const { parameters, images, teacher, labels, all } = fixture();
    // A signal without throwIfAborted, as those of jsdom are.
    const controller = new controllers['one of our own']();
    if (early) controller.abort(reason);
    const call = gldLoss.async(forward, [parameters, images], { teacher, labels }, { signal: controller.signal });
    controller.abort(reason);
    await t.rejects(call, reason);
    t.ok(Object.values<A>(all).every(({ refCount }) => refCount === 0));
  }
});

t.test('a read that fails', async (t) => {
  const failing = (array: A, method: 'data' | 'dataSync') =>
    Object.defineProperty(array, method, {
      value: () => {
        throw mine;
      },
    });
  for (const method of ['data', 'dataSync'] as const) {
    const { parameters, images, teacher, labels, all } = fixture();
    failing(teacher.features, method);
    const refused = { code: 'ERR_GLD_ADAPTER', argument: 'teacher.features', received: /'wasm' \(mine\)/ };
    const error = method === 'data' ? mine : refused;
    const call = method === 'data' ? gldLoss.async : async (...args: Parameters_) => gldLoss(...args);
    await t.rejects(call(forward, [parameters, images], { teacher, labels }), error);
    t.ok(
      Object.values<A>(all).every(({ refCount }) => refCount === 0),
      method,
    );
  }
});
type Parameters_ = [typeof forward, [Parameters, A], JaxTargets<A>];

t.test('a pullback', async (t) => {
  const { parameters, images, teacher, labels } = fixture();
  const [, pullback] = gldLoss.vjp(forward, [parameters, images], { teacher, labels });
  const factor = np.array(2);
  const twice = pullback(factor);
  t.equal(factor.refCount, 0, 'consumes a cotangent that is an array');
  const again = pullback(2);
  t.same(twice[0].weight.js(), again[0].weight.ref.js(), 'can be called again');
  pullback.dispose();
  pullback.dispose();
  const late = np.array(2);
  t.throws(() => pullback(late), { code: 'ERR_GLD_DISPOSED', argument: 'pullback' });
  t.equal(late.refCount, 0);
});

t.test('no memory of the device is kept', async (t) => {
  const { parameters, images, teacher, labels } = fixture();
  const targets = () => ({ teacher: tree.ref(teacher), labels: labels.ref });
  const wide = normal(7, [6, 32 * 500]);
  const network = ({ kernel, weight, bias }: Parameters, x: A): JaxSide<A> => {
    kernel.dispose();
    return { features: np.matmul(x, wide.ref).reshape([N, 2, 80, 100]), weight, bias };
  };
  const student = () => network(tree.ref(parameters), images.ref);
  const wrong = { code: 'ERR_GLD_LABEL' };
  const step = async () => {
    tree.dispose(gldLoss(network, [tree.ref(parameters), images.ref], targets()).gradients);
    tree.dispose((await gldLoss.async(network, [tree.ref(parameters), images.ref], targets())).gradients);
    const at = await gldLoss.surrogate({ ...targets(), student: student() });
    at.scalar(student()).dispose();
    const bad = () => ({ ...targets(), labels: [0, 1, K] });
    await gldLoss.async(network, [tree.ref(parameters), images.ref], bad()).catch((error) => error);
    t.throws(() => gldLoss(network, [tree.ref(parameters), images.ref], bad()), wrong);
  };
  for (let i = 0; i < 3; i++) await step();
  const bytes = memories.map(({ buffer }) => buffer.byteLength);
  t.ok(bytes.length > 0 && Math.max(...bytes) > 0);
  for (let i = 0; i < 40; i++) await step();
  t.same(
    memories.map(({ buffer }) => buffer.byteLength),
    bytes,
  );
});
