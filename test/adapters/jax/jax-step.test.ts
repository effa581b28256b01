/** The training step: what a loop by hand computes, bit for bit, and what becomes of its arrays. */
import { memories } from '../wasm-memory.js'; // before jax-js
import * as jax from '@jax-js/jax';
import { gldSchedule } from 'gld-loss';
import { jaxGld, jaxStep, type JaxBatch, type JaxOptimizer, type JaxSide, type JaxStepConfig } from 'gld-loss/jax';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { normal } from './jax-ops.js';

const { nn, numpy: np, tree } = jax;
type A = InstanceType<typeof jax.Array>;

await jax.init('wasm');
jax.defaultDevice('wasm');

const N = 6;
const K = 4;

const parametersOf = () => ({ kernel: normal(1, [6, 32]), head: [normal(2, [K, 2]), normal(3, [K])] });
type Parameters = ReturnType<typeof parametersOf>;

const featuresOf = (kernel: A, images: A) => np.tanh(np.matmul(images, kernel)).reshape([-1, 2, 4, 4]);
const student = ({ kernel, head: [weight, bias] }: Parameters, images: A): JaxSide<A> => ({
  features: featuresOf(kernel, images),
  weight,
  bias,
});
const studentLogits = ({ kernel, head: [weight, bias] }: Parameters, images: A) =>
  np.matmul(featuresOf(kernel, images).mean([2, 3]), weight.transpose()).add(bias);

const taught = { kernel: normal(4, [6, 32]), head: [normal(5, [K, 2]), normal(6, [K])] };
const teacher = (images: A) => student(tree.ref(taught), images);
const teacherLogits = (images: A) => studentLogits(tree.ref(taught), images);

type Momentum = { velocity: Parameters; rate: number };

/** Gradient descent with momentum and weight decay, which uses all three arguments. */
const momentum = (rate: number): JaxOptimizer<Parameters, Momentum> => ({
  init: (parameters) => ({ velocity: tree.map((x: A) => np.zerosLike(x), parameters) as Parameters, rate }),
  update(gradients, { velocity, rate }, parameters) {
    const next = tree.map(
      (v: A, g: A, p: A) => v.mul(0.9).add(g).add(p.mul(1e-3)),
      velocity,
      gradients,
      parameters,
    ) as Parameters;
    return [tree.map((v: A) => v.mul(-rate), tree.ref(next)) as Parameters, { velocity: next, rate }];
  },
});

const batchOf = (seed: number) => ({
  images: normal(seed, [N, 6]),
  labels: np.array(Int32Array.from({ length: N }, (_, i) => (i * seed) % K)),
});

type Config = JaxStepConfig<A, Parameters, A, Momentum>;
const stepOf = (config: Partial<Config> = {}) => {
  const step = jaxStep(jax, { teacher, student, optimizer: momentum(0.05), warmup: 2, ...config } as Config);
  t.teardown(() => step.dispose());
  return step;
};

const numbers = (parameters: Parameters) => tree.leaves(parameters).map((x) => [...(x as A).dataSync()]);
const counts = (arrays: readonly A[]) => arrays.map(({ refCount }) => refCount);

for (const form of ['synchronous', 'asynchronous'] as const) {
  t.test(`${form}: as a loop by hand`, async (t) => {
    const loss = { alpha: 0.5, beta: 40, grid: 2 };
    const step = stepOf({ loss });
    const call = form === 'synchronous' ? step : step.async;
    const gldLoss = jaxGld(jax);
    t.teardown(() => gldLoss.dispose());
    const schedule = gldSchedule({ alpha: 0.5, beta: 40, warmup: 2 });
    const optimizer = momentum(0.05);
    let byHand = parametersOf();
    let handState = optimizer.init(tree.ref(byHand));
    let parameters = parametersOf();
    let state = step.init(tree.ref(parameters));
    for (let i = 0; i < 4; i++) {
      const sampleWeights = np.array([1, 2, 0.5, 0, 1, 1]);
      const given = { ...batchOf(i + 10), sampleWeights, classWeights: Float64Array.of(1, 2, 1, 1) };
      const { images, ...targets } = tree.ref(given);
      const expected = gldLoss(
        student,
        [tree.ref(byHand), images.ref],
        { teacher: teacher(images), ...targets },
        { ...loss, ...schedule(i) },
      );
      const [dParameters, dImages] = expected.gradients;
      dImages.dispose();
      const [updates, next] = optimizer.update(dParameters, handState, tree.ref(byHand));
      byHand = tree.map((p: A, u: A) => p.add(u), byHand, updates) as Parameters;
      handState = next;

      const result = await call(parameters, state, given);
      ({ parameters, state } = result);
      t.equal(result.loss, expected.loss);
      t.same(result.terms, expected.terms);
      t.equal(result.relationMethod, expected.relationMethod);
      t.equal(state.step, i + 1);
      t.same(numbers(tree.ref(parameters)), numbers(tree.ref(byHand)));
    }
    t.same(numbers(state.optimizer.velocity), numbers(handState.velocity));
    tree.dispose([parameters, byHand]);
  });
}

t.test('a training', async (t) => {
  const step = stepOf({ warmup: undefined, steps: 60 });
  const batch = batchOf(30);
  let parameters = parametersOf();
  let state = step.init(tree.ref(parameters));
  const relations: number[] = [];
  const tasks: number[] = [];
  for (let i = 0; i < 60; i++) {
    const next = step(parameters, state, tree.ref(batch));
    ({ parameters, state } = next);
    tasks.push(present(next.terms.task));
    relations.push(next.terms.relation);
    if (i === 0) t.equal(next.loss, next.terms.task, 'begins with the task alone');
  }
  t.ok(tasks[59] < tasks[0] && relations[59] < relations[6], 'the terms fall');
  tree.dispose([parameters, state, batch]);
});

t.test('the teacher may be a side of every batch, and images a tree', async (t) => {
  const step = jaxStep(jax, {
    student: (parameters: Parameters, { x }: { x: A }) => student(parameters, x),
    optimizer: momentum(0.05),
    schedule: gldSchedule({ beta: 3 }),
  });
  const own = stepOf({ warmup: 0, loss: { beta: 3 } });
  const { images, labels } = batchOf(3);
  const side = teacher(images.ref);
  const stored = step(parametersOf(), step.init(parametersOf()), {
    images: { x: images.ref },
    labels: labels.ref,
    teacher: side,
  });
  const run = own(parametersOf(), own.init(parametersOf()), { images, labels });
  t.equal(stored.loss, run.loss);
  t.same(numbers(stored.parameters), numbers(run.parameters));
  t.same([...counts([images, labels]), ...counts(tree.leaves(taught) as A[])], [0, 0, 1, 1, 1]);
  tree.dispose([stored.state, run.state]);
  step.dispose();
});

t.test('the models are checked in the first step', async (t) => {
  for (const form of ['synchronous', 'asynchronous'] as const) {
    const ran: string[] = [];
    const check = {
      teacher: (images: A) => {
        ran.push('teacher');
        return nn.softmax(teacherLogits(images), 1);
      },
      student: (parameters: Parameters, images: A) => {
        ran.push('student');
        return studentLogits(parameters, images);
      },
    };
    const run = async (check: Config['check'], count = 1) => {
      const step = stepOf({ check });
      let parameters = parametersOf();
      let state = step.init(tree.ref(parameters));
      for (let i = 0; i < count; i++) {
        const call = form === 'synchronous' ? step : step.async;
        ({ parameters, state } = await call(parameters, state, batchOf(i + 1)));
      }
      tree.dispose([parameters, state]);
    };
    await run(check, 3);
    t.same(ran, ['teacher', 'student'], 'once');
    const split = (argument: string) => ({ code: 'ERR_GLD_SPLIT', argument });
    await t.rejects(run({ teacher: (images) => teacherLogits(images).mul(2) }), split('teacher'));
    await t.rejects(run({ student: (p, images) => studentLogits(p, images).mul(2) }), split('student'));
  }
});

const mine = new Error('mine');
const thrown = (..._: unknown[]): never => {
  throw mine;
};
/** What is given, once the arrays that it leaves out are disposed of. */
function without<T>(arrays: unknown, given: T): T {
  tree.dispose(arrays as never);
  return given;
}

interface Call {
  name: string;
  config?: Partial<Config>;
  /** What is given in the place of sound arguments. */
  given?: (sound: Given) => unknown[];
  error?: object;
}
type Given = [Parameters, { step: number; optimizer: Momentum }, JaxBatch<A, A>];

const withUpdate = (update: (...args: [Parameters, Momentum, Parameters]) => unknown) => ({
  optimizer: { ...momentum(0.05), update: update as never },
});
const argument = (argument: string | RegExp, code = 'ERR_GLD_ARG_TYPE') => ({ code, argument });

const calls: Call[] = [
  { name: 'sound' },
  { name: 'checked', config: { check: { teacher: teacherLogits, student: studentLogits } } },
  { name: 'no labels', given: ([p, s, { images, labels }]) => without(labels, [p, s, { images }]) },
  {
    name: 'a wrong split of the student',
    config: { check: { teacher: teacherLogits, student: (p, x) => studentLogits(p, x).mul(2) } },
    error: argument('student', 'ERR_GLD_SPLIT'),
  },
  { name: 'a model that throws', config: { check: { student: thrown } }, error: mine },
  {
    name: 'a model that gives no logits',
    config: { check: { teacher: teacher as never } },
    error: argument('output'),
  },
  { name: 'a teacher that throws', config: { teacher: thrown }, error: mine },
  {
    name: 'a teacher that throws half-way',
    config: { teacher: (x) => thrown(np.sin(x).mul(2)) },
    error: mine,
  },
  { name: 'a teacher that gives an array', config: { teacher: teacherLogits as never }, error: argument('teacher') },
  {
    name: 'a teacher that is asynchronous',
    config: { teacher: (x) => without(x, Promise.resolve() as never) },
    error: { code: 'ERR_GLD_ARG_TYPE', argument: 'teacher', received: 'a promise that was not awaited' },
  },
  { name: 'a student that throws', config: { student: thrown }, error: mine },
  {
    name: 'a student that throws with images in use',
    config: { student: ({ kernel }, x) => thrown(np.matmul(x, kernel)) },
    error: mine,
  },
  {
    name: 'a student of other channels',
    config: {
      student: ({ kernel, head: [weight, bias] }, images) => ({
        features: featuresOf(kernel, images).reshape([-1, 8, 2, 2]),
        weight,
        bias,
      }),
    },
    error: { code: 'ERR_GLD_SHAPE' },
  },
  { name: 'a schedule that throws', config: { warmup: undefined, schedule: thrown }, error: mine },
  { name: 'an optimizer that throws', config: withUpdate(thrown), error: mine },
  {
    name: 'an optimizer that throws half-way',
    config: withUpdate((gradients) => thrown(without(gradients, 0))),
    error: mine,
  },
  {
    name: 'an optimizer that returns updates alone',
    config: withUpdate((gradients, state, parameters) => without([state, parameters], gradients)),
    error: argument('optimizer.update()'),
  },
  {
    name: 'updates of another structure',
    config: withUpdate(({ head, kernel }, state, parameters) => without(parameters, [{ head, kernel }, state])),
    error: argument('optimizer.update()[0]'),
  },
  {
    name: 'updates of another shape',
    config: withUpdate(({ kernel, head }, state, parameters) =>
      without(parameters, [{ kernel: kernel.sum(), head }, state]),
    ),
    error: argument('optimizer.update()[0] (array 0)', 'ERR_GLD_SHAPE'),
  },
  {
    name: 'a label out of range',
    given: ([p, s, { images, labels }]) => [p, s, { images, labels: (labels as A).add(np.array(Int32Array.of(K))) }],
    error: { code: 'ERR_GLD_LABEL' },
  },
  {
    name: 'a misspelt part of the batch',
    given: ([p, s, { images, labels }]) => [p, s, { images, label: labels }],
    error: argument('batch.label', 'ERR_GLD_OPTION'),
  },
  {
    name: 'no images',
    given: ([p, s, { images, labels }]) => without(images, [p, s, { labels }]),
    error: argument('batch.images'),
  },
  { name: 'no batch', given: ([p, s, batch]) => without(batch, [p, s]), error: argument('batch') },
  {
    name: 'a teacher beside the teacher',
    given: ([p, s, batch]) => [p, s, { ...batch, teacher: { logits: normal(1, [N, 5, K]) } }],
    error: argument('batch.teacher', 'ERR_GLD_OPTION'),
  },
  { name: 'no teacher', config: { teacher: undefined }, error: argument('batch.teacher') },
  {
    name: 'a state of the optimizer alone',
    given: ([p, s, batch]) => [p, s.optimizer, batch],
    error: argument(/state/, 'ERR_GLD_OPTION'),
  },
  {
    name: 'no state',
    given: ([p, s, batch]) => without(s, [p, undefined, batch]),
    error: argument('state'),
  },
  {
    name: 'a negative step',
    given: ([p, s, batch]) => [p, { ...s, step: -1 }, batch],
    error: argument('state.step', 'ERR_GLD_OPTION'),
  },
  {
    name: 'a state without a step',
    given: ([p, { optimizer }, batch]) => [p, { optimizer }, batch],
    error: argument('state.step'),
  },
  {
    name: 'parameters that are no arrays',
    given: ([p, s, batch]) => [{ ...p, scale: 2 }, s, batch],
    error: { ...argument('parameters'), received: '2' },
  },
  {
    name: 'an array for two, with one reference',
    given: ([
      {
        kernel,
        head: [weight, bias],
      },
      s,
      batch,
    ]) => without(bias, [{ kernel, head: [weight, weight] }, s, batch]),
    error: argument('parameters (array 2)', 'ERR_GLD_DISPOSED'),
  },
];

const asynchronous: Call[] = [
  {
    name: 'no signal',
    given: (sound) => [...sound, { signal: 3 }],
    error: argument('signal'),
  },
  { name: 'aborted', given: (sound) => [...sound, { signal: AbortSignal.abort(mine) }], error: mine },
  {
    name: 'a misspelt option',
    given: (sound) => [...sound, { sginal: 3 }],
    error: argument('sginal', 'ERR_GLD_OPTION'),
  },
];

for (const form of ['synchronous', 'asynchronous'] as const) {
  t.test(`${form}: consumes what it is given and nothing else`, async (t) => {
    for (const call of form === 'synchronous' ? calls : [...calls, ...asynchronous]) {
      await t.test(call.name, async (t) => consumes(t, form, call));
    }
  });
}

/** With as many references as the call consumes, and with one more of each that has to be left. */
async function consumes(t: Test, form: 'synchronous' | 'asynchronous', { name, config, given, error }: Call) {
  const { jax: counted, made } = counting();
  const step = jaxStep(counted, { teacher, student, optimizer: momentum(0.05), warmup: 2, ...config } as Config);
  for (const kept of name === 'an array for two, with one reference' ? [0] : [0, 1]) {
    const sound: Given = [parametersOf(), step.init(parametersOf()), batchOf(7)];
    const arrays = tree.leaves(sound as never).filter((leaf) => typeof leaf !== 'number') as A[];
    if (kept === 1) tree.ref(arrays);
    const args = (given?.(sound) ?? sound) as Given;
    const result = (async () => (form === 'synchronous' ? step(...args) : step.async(...args)))();
    if (error === undefined) {
      const { parameters, state } = await result;
      t.ok(
        [...tree.leaves(parameters), ...tree.leaves(state.optimizer.velocity)].every((x) => (x as A).refCount === 1),
        'what it returns is the caller’s alone',
      );
      tree.dispose([parameters, state]);
    } else {
      await t.rejects(result, error as Error);
    }
    t.same(
      counts(arrays),
      arrays.map(() => kept),
    );
    t.same(counts(tree.leaves(taught) as A[]), [1, 1, 1]);
    t.same(
      counts(made),
      made.map(() => 0),
      'gradients',
    );
    tree.dispose(kept === 1 ? arrays : []);
  }
  step.dispose();
}

/** The framework with a list of all gradients that came of it. */
function counting() {
  const made: A[] = [];
  const vjp = (...args: [never, never]) => {
    const [out, back] = jax.vjp(...args) as unknown as [object, ((x: never) => unknown[]) & { dispose(): void }];
    const recording = (cotangents: never) => {
      const gradients = back(cotangents);
      made.push(...(tree.leaves(gradients as never) as A[]));
      return gradients;
    };
    return [out, Object.assign(recording, { dispose: back.dispose })] as [unknown, unknown];
  };
  return { jax: { ...jax, vjp } as unknown as typeof jax, made };
}

t.test('init', async (t) => {
  const step = stepOf();
  const parameters = parametersOf();
  const arrays = tree.leaves(parameters) as A[];
  const state = step.init(parameters);
  t.equal(state.step, 0);
  t.same(counts(arrays), [0, 0, 0]);
  tree.dispose(state);
  t.throws(() => step.init(parameters), { code: 'ERR_GLD_DISPOSED', argument: 'parameters (array 0)' });
  t.throws(() => step.init({ kernel: 3 } as never), { code: 'ERR_GLD_ARG_TYPE', argument: 'parameters' });
  const throwing = stepOf({ optimizer: { ...momentum(1), init: thrown } });
  const others = parametersOf();
  t.throws(() => throwing.init(others), mine);
  t.same(counts(tree.leaves(others) as A[]), [0, 0, 0]);
});

t.test('what a step is made of', async (t) => {
  const refused = (config: unknown, error: object) => t.throws(() => jaxStep(jax, config as Config), error as Error);
  const sound = { teacher, student, optimizer: momentum(1), steps: 100 };
  refused(undefined, argument('config'));
  refused({ ...sound, teacher: { logits: [] } }, argument('teacher'));
  refused({ ...sound, student: undefined }, argument('student'));
  refused({ ...sound, optimizer: 'adam' }, argument('optimizer'));
  refused({ ...sound, optimizer: { init: () => [] } }, argument('optimizer'));
  refused({ ...sound, loss: { bta: 3 } }, argument('loss.bta', 'ERR_GLD_OPTION'));
  refused({ ...sound, loss: { beta: -1 } }, argument('loss.beta', 'ERR_GLD_OPTION'));
  refused({ ...sound, steps: undefined }, argument('steps'));
  refused({ ...sound, steps: 0 }, argument('steps', 'ERR_GLD_OPTION'));
  refused({ ...sound, warmup: 3 }, argument('warmup', 'ERR_GLD_OPTION'));
  refused({ ...sound, steps: undefined, warmup: -1 }, argument('warmup', 'ERR_GLD_OPTION'));
  refused({ ...sound, schedule: gldSchedule() }, argument('schedule', 'ERR_GLD_OPTION'));
  refused({ ...sound, steps: undefined, schedule: 3 }, argument('schedule'));
  refused({ ...sound, check: { teacher: 3 } }, argument('check.teacher'));
  refused({ ...sound, check: { studnet: student } }, argument('check.studnet', 'ERR_GLD_OPTION'));
  refused({ ...sound, epochs: 3 }, argument('epochs', 'ERR_GLD_OPTION'));
  t.throws(() => jaxStep(import('@jax-js/jax') as never, sound), argument('jax'));
});

t.test('no memory of the device is kept', async (t) => {
  const wide = normal(8, [6, 32 * 400]);
  const step = stepOf({
    student: ({ kernel, head: [weight, bias] }, images) => {
      kernel.dispose();
      return { features: np.matmul(images, wide.ref).reshape([N, 2, 80, 80]), weight, bias };
    },
  });
  const failing = stepOf(withUpdate(thrown));
  let parameters = parametersOf();
  let state = step.init(tree.ref(parameters));
  const run = async () => {
    ({ parameters, state } = step(parameters, state, batchOf(1)));
    ({ parameters, state } = await step.async(parameters, state, batchOf(2)));
    t.throws(() => failing(tree.ref(parameters), tree.ref(state), batchOf(3)), mine);
  };
  for (let i = 0; i < 3; i++) await run();
  const bytes = memories.map(({ buffer }) => buffer.byteLength);
  t.ok(Math.max(...bytes) > 0);
  for (let i = 0; i < 30; i++) await run();
  t.same(
    memories.map(({ buffer }) => buffer.byteLength),
    bytes,
  );
});
