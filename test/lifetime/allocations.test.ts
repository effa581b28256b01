/**
 * GldLoss.compute with out: allocates nothing once it has run in, and what it keeps from call to call to that end (views,
 * labels, the result) never shows in what it computes.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GldLoss, gldLoss, type GldResult, type Inputs, type OutBuffers } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';

t.test('nothing is allocated per call', async (t) => {
  const child = fileURLToPath(new URL('../support/children/allocations.mjs', import.meta.url));
  const flags = ['--expose-gc', '--single-threaded-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
  const printed = execFileSync(process.execPath, [...flags, child], { encoding: 'utf8' });
  const results = JSON.parse(printed) as Record<
    string,
    Pick<NodeJS.MemoryUsage, 'heapUsed' | 'external' | 'arrayBuffers'>
  >;
  const { 'without out': control, ...kinds } = results;
  t.ok(control && control.heapUsed > 100, `without out, ${control?.heapUsed} bytes: the measurement sees a result`);
  for (const [kind, { heapUsed, external, arrayBuffers }] of Object.entries(kinds)) {
    // The smallest object takes 16.
    t.ok(Math.abs(heapUsed) < 4, `${kind}: ${heapUsed} bytes of the heap per call`);
    t.ok(external < 0.1, `${kind}: ${external} bytes of external memory per call`);
    t.ok(arrayBuffers < 0.1, `${kind}: ${arrayBuffers} bytes of array buffers per call`);
  }
});

const floats = (length: number, step: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * step));
const tensor = (shape: number[], step: number) => ({
  data: floats(
    shape.reduce((a, b) => a * b),
    step,
  ),
  shape,
});
const logits = (n: number, rows: number, classes: number, labels?: Inputs['labels']): Inputs => ({
  teacher: { logits: tensor([n, rows, classes], 1) },
  student: { logits: tensor([n, rows, classes], 2) },
  labels,
});
const features = (n: number, channels: number, classes: number, labels?: Inputs['labels']): Inputs => ({
  teacher: { features: tensor([n, 3, 4, 4], 1), weight: tensor([classes, 3], 4), bias: tensor([classes], 5) },
  student: { features: tensor([n, channels, 3, 2], 2), weight: tensor([classes, channels], 3) },
  labels,
});

/** Buffers for all gradients that these inputs have. */
function buffersFor(inputs: Inputs): OutBuffers {
  const gradients = Object.entries(present(gldLoss(inputs).gradients));
  return Object.fromEntries(gradients.map(([name, { data }]) => [name, data.slice().fill(NaN)]));
}

/** A copy that later calls do not write to. */
const copy = (result: GldResult): GldResult => structuredClone(result);

t.test('calls of any kind after one another give what gldLoss gives', async (t) => {
  const kept = new GldLoss();
  const nhwc = {
    features: tensor([3, 3, 2, 5], 2),
    weight: tensor([5, 4], 3),
    layout: 'NHWC',
    weightLayout: 'CK',
  } as const;
  const soft = { data: new Float64Array(3 * 4).fill(0.25), shape: [3, 4] };
  const mapped: Inputs = { ...logits(3, 5, 4, [0, 1, 2]), student: { logitMap: tensor([3, 4, 2, 3], 2) } };
  const mask = { data: Uint8Array.from({ length: 18 }, (_, i) => i % 3), shape: [3, 2, 3] };
  const wrong: Inputs[] = [
    logits(2, 5, 4, [0, 9]),
    { teacher: logits(2, 5, 4).teacher, student: features(3, 5, 4).student },
    { ...features(2, 5, 4), labels: 'cat' as never },
  ];
  const sequence: [string, Inputs][] = [
    ['logits', logits(3, 5, 4, [1, 2, 3])],
    ['again', logits(3, 5, 4, [1, 2, 3])],
    ['other labels', logits(3, 5, 4, Uint8Array.of(3, 2, 1))],
    ['labels of 64 bits', logits(3, 5, 4, BigInt64Array.of(0n, 2n, 1n))],
    ['soft labels', logits(3, 5, 4, soft)],
    ['no labels', logits(3, 5, 4)],
    [
      'a tensor of labels',
      logits(3, 5, 4, { data: Int16Array.of(3, 9, 2, 9, 1), shape: [3], strides: [-2], offset: 4 }),
    ],
    ['fewer samples', logits(2, 5, 4, [1, 2])],
    ['more classes', logits(2, 5, 7, [6, 2])],
    ['features', features(3, 5, 4, [1, 2, 3])],
    ['other channels', features(3, 6, 4, [1, 2, 3])],
    ['features against logits', { ...features(3, 5, 4), teacher: logits(3, 5, 4).teacher }],
    ['logits against features', { ...features(3, 5, 4), student: logits(3, 5, 4).student }],
    ['with a bias', { teacher: features(3, 5, 4).teacher, student: features(3, 3, 4).teacher, labels: [0, 1, 2] }],
    ['other layouts', { teacher: features(3, 5, 4).teacher, student: nhwc }],
    [
      'float64',
      { ...logits(3, 5, 4), teacher: { logits: { data: new Float64Array(60).map(Math.cos), shape: [3, 5, 4] } } },
    ],
    ['float32 again', logits(3, 5, 4)],
    ['weights', { ...logits(3, 5, 4, [1, 2, 3]), sampleWeights: [2, 0, 0.5] }],
    ['a map of logits', mapped],
    ['with a mask', { ...mapped, student: { ...mapped.student, mask } }],
    ['with weights too', { ...mapped, student: { ...mapped.student, mask }, sampleWeights: Float64Array.of(1, 0, 2) }],
    ['sequences', { teacher: { logitMap: tensor([3, 4, 6], 1) }, student: { logitMap: tensor([3, 4, 5], 2) } }],
    ['logits after that', logits(3, 5, 4, [1, 2, 3])],
  ];
  for (const [name, inputs] of [...sequence, ...sequence.reverse()]) {
    const expected = gldLoss(inputs);
    t.same(kept.compute(inputs, { out: buffersFor(inputs) }), expected, name);
    t.throws(() => kept.compute(wrong[sequence.length % 3], { out: {} }), { code: /^ERR_GLD_/ }, 'an error in between');
    t.same(kept.compute(inputs), expected, `${name}, without out`);
    const [started, sync] = [kept.computeAsync(inputs, { out: buffersFor(inputs) }), kept.compute(inputs, { out: {} })];
    t.same(sync, expected, `${name}, during an asynchronous call`);
    t.same(await started, expected, `${name}, asynchronously`);
    wrong.push(present(wrong.shift()));
  }
  kept.dispose();
});

t.test('the same objects with other contents', async (t) => {
  const kept = new GldLoss();
  const inputs = logits(4, 5, 6, [0, 1, 2, 3]);
  type Logits = { logits: { data: Float32Array; shape: number[]; strides?: number[] | undefined; offset?: number } };
  const [given, other] = [(inputs.student as Logits).logits, (inputs.teacher as Logits).logits];
  const labels = inputs.labels as number[];
  const out = { logits: new Float32Array(4 * 5 * 6) };
  const check = (what: string) => t.same(kept.compute(inputs, { out }), gldLoss(inputs), what);
  check('at first');
  given.data[7] = 3;
  check('another number');
  labels[2] = 5;
  check('another label');
  given.strides = [30, 6, 1];
  given.strides[0] = 0;
  check('strides');
  given.strides = undefined;
  given.data = floats(200, 9);
  check('another array');
  given.offset = 20;
  check('an offset');
  given.shape[1] = other.shape[1] = 3;
  out.logits = new Float32Array(4 * 3 * 6);
  check('shapes changed in place');
  given.data = new Float32Array(200).subarray(3).fill(0.5);
  check('a subarray');
  structuredClone(given.data.buffer, { transfer: [given.data.buffer as ArrayBuffer] });
  t.throws(() => kept.compute(inputs, { out }), { code: 'ERR_GLD_DETACHED', argument: 'student.logits.data' });
  given.data = floats(200, 2);
  check('after that');
  structuredClone(out.logits.buffer, { transfer: [out.logits.buffer] });
  t.throws(() => kept.compute(inputs, { out }), { code: 'ERR_GLD_DETACHED', argument: 'out.logits' });
  out.logits = new Float32Array(4 * 3 * 6);
  check('and after that');
  t.throws(() => kept.compute(inputs, { out: { logits: given.data.subarray(20, 92) } }), { code: 'ERR_GLD_OVERLAP' });
  labels.push(1);
  t.throws(() => kept.compute(inputs, { out }), { code: 'ERR_GLD_SHAPE', argument: 'labels' });
  labels.pop();
  check('in the end');
});

t.test('getters: each is read once per call, changes its mind, throws, or makes calls itself', async (t) => {
  const kept = new GldLoss();
  const plain = logits(3, 5, 4, [1, 2, 3]);
  const { data } = (plain.student as { logits: { data: Float32Array } }).logits;
  const out = { logits: new Float32Array(60) };
  let reads = 0;
  let then = (): void => undefined;
  const student = {
    logits: {
      data,
      get shape() {
        reads += 1;
        then();
        return reads % 2 === 1 ? [3, 5, 4] : [3, 4, 5];
      },
    },
  };
  const inputs = { ...plain, student };
  t.same(kept.compute(inputs, { out }), gldLoss(plain));
  t.equal(reads, 1);
  t.throws(() => kept.compute(inputs, { out }), { code: 'ERR_GLD_CLASSES' });
  t.equal(reads, 2);
  then = () => {
    throw new Error('no shape today');
  };
  t.throws(() => kept.compute(inputs, { out }), { message: 'no shape today' });
  then = () => {
    const inner = features(2, 5, 3, [0, 1]);
    t.same(kept.compute(inner), gldLoss(inner), 'a call within a call');
    t.same(gldLoss(inner), gldLoss(inner));
  };
  reads = 0;
  t.same(kept.compute(inputs, { out }), gldLoss(plain), 'around it');
  reads = 0;
  t.same(gldLoss(inputs), gldLoss(plain), 'gldLoss around it');
  then = () => undefined;
  let lent = 0;
  const options = {
    get out() {
      lent += 1;
      return out;
    },
  };
  reads = 0;
  kept.compute(inputs, options);
  t.equal(lent, 1);
});

t.test('proxies and names from a prototype', async (t) => {
  const kept = new GldLoss();
  const plain = logits(3, 5, 4, [1, 2, 3]);
  const proxy = (of: object): never => new Proxy(of, {}) as never;
  const inputs = proxy({ ...plain, student: proxy(plain.student) });
  t.same(kept.compute(inputs), gldLoss(plain));
  t.same(kept.compute(Object.assign(Object.create({ colour: 'red' }), plain)), gldLoss(plain), 'only own names count');
  const endless: object = new Proxy({}, { getPrototypeOf: () => endless });
  t.throws(() => kept.compute(endless as never), 'a prototype chain without end ends');
});

t.test('with out, the result is lent too', async (t) => {
  const kept = new GldLoss();
  const [first, second] = [logits(3, 5, 4, [1, 2, 3]), logits(2, 3, 5, [4, 0])];
  const one = kept.compute(first, { out: buffersFor(first) });
  const old = copy(one);
  const out = buffersFor(second);
  const two = kept.compute(second, { out });
  t.equal(two, one, 'the same object');
  t.equal(two.gradients?.logits?.data, out.logits, 'with the buffers of the latest call');
  t.same(two, gldLoss(second));
  t.notSame(two, old);
  const partly = kept.compute(second, { out: {} });
  t.equal(partly, one, 'also where a gradient has a new buffer');
  t.not(partly.gradients?.logits?.data, out.logits);
  t.not(kept.compute(second), one, 'not without out');
  t.not(new GldLoss().compute(second, { out }), one, 'nor of another GldLoss');
  t.not(kept.compute(logits(2, 3, 5), { out }), one, 'nor without labels');
  t.not(await kept.computeAsync(second, { out }), kept.compute(second, { out }), 'nor of an asynchronous call');
  const { teacher } = logits(3, 5, 4);
  const student = { features: tensor([3, 4, 2, 3], 1), weight: tensor([4, 4], 2) };
  const mapped = { teacher, student: { logitMap: student.features } };
  const bare = new GldLoss({ gradients: false });
  const of = bare.compute({ teacher, student }, { out: {} });
  t.equal(bare.compute(mapped, { out: {} }), of, 'whatever the student is given as');
  const [named, other] = [kept.compute({ teacher, student }, { out: {} }), kept.compute(mapped, { out: {} })];
  t.not(named, other, 'but not with gradients of other names');
  t.same(other, gldLoss(mapped));
});

t.test('whatever is done to a lent result, the next one is right', async (t) => {
  const kept = new GldLoss();
  const inputs = features(3, 5, 4, [1, 2, 3]);
  const out = buffersFor(inputs);
  const expected = gldLoss(inputs);
  const deeds: { [deed: string]: (result: any) => void } = {
    'freeze it': (result) => Object.freeze(result),
    'freeze the terms': (result) => Object.freeze(result.terms),
    'freeze the gradients': (result) => Object.freeze(result.gradients),
    'freeze a gradient': (result) => Object.freeze(result.gradients.weight),
    'freeze a shape': (result) => Object.freeze(result.gradients.weight.shape),
    'delete its parts': (result) => {
      delete result.loss;
      delete result.terms;
      delete result.gradients.features;
    },
    'replace its parts': (result) => Object.assign(result, { terms: null, gradients: 7, relationMethod: 'none' }),
    'change a shape': (result) => result.gradients.features.shape.push(1, 2),
    'replace the data': (result) => (result.gradients.weight.data = []),
  };
  for (const [deed, act] of Object.entries(deeds)) {
    act(kept.compute(inputs, { out }));
    t.same(kept.compute(inputs, { out }), expected, deed);
  }
  kept.dispose();
  t.throws(() => kept.compute(inputs, { out }), { code: 'ERR_GLD_DISPOSED' });
});
