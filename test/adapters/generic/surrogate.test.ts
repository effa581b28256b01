/** The loss in frameworks that it knows nothing of: value, gradients, upstream cotangent, training; and refusals. */
import '@tensorflow/tfjs-backend-wasm';
import { classify, gldLoss as core, pool, type TensorLike } from 'gld-loss';
import { surrogateGld, type SurrogateFramework } from 'gld-loss/surrogate';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { kits } from './surrogate-frameworks.js';
import { checkHalfABatch, usualRelation, type LogitBatch } from '../cases.js';
import { Random } from '../../support/random.js';
import { tf } from '../../support/tfjs.js';
import { unusual } from '../../support/options.js';

await tf.setBackend('wasm');
const N = 3;
const K = 4;

const random = new Random(7);
const normal = (...shape: number[]) => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
  shape,
});
const images = normal(N, 6);
const kernel = normal(6, 32);
const weight = normal(K, 2);
const bias = normal(K);
const teacher = { features: normal(N, 3, 2, 2), weight: normal(K, 3) };
const labels = [2, 0, 3];

/** a · b of matrices, or aᵀ · b. */
function product(a: Float32Array, b: Float32Array, rows: number, inner: number, columns: number, transposed = false) {
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += (transposed ? a[k * rows + i] : a[i * inner + k]) * b[k * columns + j];
    return sum;
  });
}

/** Loss and gradients by the core. */
function expected(options = {}) {
  const features = { data: product(images.data, kernel.data, N, 6, 32), shape: [N, 2, 4, 4] };
  const { loss, terms, gradients } = core(
    { teacher, student: { features, weight, bias }, labels },
    { relation: usualRelation, ...options },
  );
  const dKernel = product(images.data, present(gradients?.features).data as Float32Array, 6, N, 32, true);
  return { loss, terms, gradients: [dKernel, present(gradients?.weight).data, present(gradients?.bias).data] };
}

const near = (actual: number, wanted: number) => Math.abs(actual - wanted) < 5e-7 * Math.abs(wanted);

/** Largest difference, relative to the largest element. */
function error(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(wanted, Math.abs));
  return Math.max(...Array.from(wanted, (value, i) => Math.abs(value - actual[i]))) / largest;
}

for (const [name, kit] of Object.entries(kits)) {
  t.test(name, async (t) => {
    const gldLoss = surrogateGld(kit.framework);
    t.teardown(() => gldLoss.dispose());
    const parameters = () => [kernel, weight, bias].map(({ data, shape }) => kit.parameter(data, shape));
    const constant = ({ data, shape }: typeof images) => kit.framework.constant(data, shape);
    const student = ([kernel, weight, bias]: object[]) => ({
      features: kit.reshape(kit.matmul(constant(images), kernel), [N, 2, 4, 4]),
      weight,
      bias,
    });
    const { loss, terms, gradients } = expected();

    await t.test('the loss and its gradients, times the upstream cotangent', async (t) => {
      const through = (...p: object[]) => gldLoss({ teacher, student: student(p), labels });
      const [value, grads] = kit.differentiate(through, parameters(), 3);
      t.ok(near(value, 3 * loss), 'value');
      grads.forEach((gradient, i) =>
        t.ok(
          error(
            gradient,
            gradients[i].map((g) => 3 * g),
          ) < 1e-5,
          `gradient ${i}`,
        ),
      );
    });

    await t.test('the same later, at tensors computed again', async (t) => {
      const later = surrogateGld({ ...kit.framework, read: async (x, argument) => kit.framework.read(x, argument) });
      const at = await later.surrogate({ teacher, student: student(parameters()), labels });
      t.ok(near(at.loss, loss));
      t.ok(near(present(at.terms.task), present(terms.task)) && near(at.terms.relation, terms.relation));
      const [value, grads] = kit.differentiate((...p) => at.scalar(student(p)), parameters(), 1);
      t.ok(near(value, loss), 'value');
      grads.forEach((gradient, i) => t.ok(error(gradient, gradients[i]) < 1e-5, `gradient ${i}`));
      const argument = 'teacher.weight';
      const inputs = {
        teacher: { ...teacher, weight: constant(teacher.weight) },
        student: student(parameters()),
        labels,
      };
      t.throws(() => later(inputs), { code: 'ERR_GLD_ADAPTER', argument, received: 'a promise' });
      later.dispose();
    });

    await t.test('a teacher of tensors, and options that change', async (t) => {
      const tensors = { features: constant(teacher.features), weight: constant(teacher.weight) };
      for (const options of [{ beta: 3, alpha: 0.5 }, { beta: 4, alpha: 0.5 }, {}]) {
        const inputs = { teacher: tensors, student: student(parameters()), labels };
        const { scalar, ...value } = gldLoss.withTerms(inputs, options);
        t.ok(near(value.loss, expected(options).loss));
        t.ok(kit.framework.isTensor(scalar));
      }
    });

    await t.test('parts that count as constants', async (t) => {
      const [, grads] = kit.differentiate(
        (kernel) => gldLoss({ teacher, student: { ...student([kernel, weight, bias]), weight, bias }, labels }),
        [parameters()[0]],
        1,
      );
      t.ok(error(grads[0], gradients[0]) < 1e-5, 'typed arrays');
      const [, some] = kit.differentiate(
        (w) =>
          gldLoss(
            { teacher, student: { ...student([parameters()[0], w, bias]), bias }, labels },
            { gradients: ['weight'] },
          ),
        [parameters()[1]],
        1,
      );
      t.ok(error(some[0], gradients[1]) < 1e-5, 'those not asked for');
      const nothing = gldLoss.withTerms({ teacher, student: student(parameters()), labels }, { gradients: false });
      t.ok(near(nothing.loss, loss));
    });

    await t.test('a map of logits with a mask, and weights of the samples', async (t) => {
      const map = normal(N, K, 4, 4);
      const mask = { data: Uint8Array.from(map.data.subarray(0, N * 16), (x) => Number(x > 0)), shape: [N, 4, 4] };
      const weights = { data: Float32Array.of(0.5, 2, 1), shape: [N] };
      const options = { ...unusual, grid: [1, 2], ignoreIndex: 0 };
      const wanted = core(
        { teacher, student: { logitMap: map, mask }, labels, sampleWeights: weights.data },
        { ...options, relation: usualRelation },
      );
      const [value, grads] = kit.differentiate(
        (logitMap) => {
          const inputs = { teacher, student: { logitMap, mask }, labels, sampleWeights: constant(weights) };
          return gldLoss(inputs, options);
        },
        [kit.parameter(map.data, map.shape)],
        1,
      );
      t.ok(near(value, wanted.loss), 'value');
      t.ok(error(grads[0], present(wanted.gradients?.logitMap).data) < 1e-5, 'gradient');
    });

    await t.test('an excluded class: the gradients are right, the value of the scalar is not', async (t) => {
      const excluding = () => {
        const logits = normal(N, 1, K);
        for (let i = 0; i < N; i++) logits.data[i * K + 1] = -Infinity;
        return logits;
      };
      const [taught, given] = [excluding(), excluding()];
      const options = { normalization: { kind: 'temperature', temperature: 2 }, beta: 0 } as const;
      const sides = { teacher: { logits: taught }, labels };
      const wanted = core({ ...sides, student: { logits: given } }, options);
      t.ok(Number.isFinite(wanted.loss));
      const tensor = kit.parameter(given.data, given.shape);
      const [value, grads] = kit.differentiate(
        (logits) => gldLoss({ ...sides, student: { logits } }, options),
        [tensor],
        1,
      );
      t.ok(Number.isNaN(value), 'value');
      t.ok(error(grads[0], present(wanted.gradients?.logits).data) < 1e-5, 'gradient');
    });

    await t.test('half a batch weighs the relation as a whole one does', async (t) => {
      const sides = ({ teacher, student }: LogitBatch) => ({
        teacher: { logits: constant(teacher) },
        student: { logits: kit.parameter(student.data, student.shape) },
      });
      await checkHalfABatch(t, (batch, options) => gldLoss.withTerms(sides(batch), options).terms.relation);
      await checkHalfABatch(t, async (batch, options) => {
        const at = await gldLoss.surrogate(sides(batch), options);
        return at.terms.relation;
      });
    });

    await t.test('gradient descent', async (t) => {
      let values = [kernel, weight, bias].map(({ data }) => data);
      const losses: number[] = [];
      for (let step = 0; step < 25; step++) {
        const tensors = [kernel, weight, bias].map(({ shape }, i) => kit.parameter(values[i], shape));
        const through = (...p: object[]) => gldLoss({ teacher, student: student(p), labels }, { beta: 5 });
        const [value, grads] = kit.differentiate(through, tensors, 1);
        losses.push(value);
        values = values.map((data, i) => data.map((x, j) => x - 0.1 * grads[i][j]));
      }
      t.ok(present(losses.at(-1)) < 0.9 * losses[0], `the loss falls: ${losses[0]} to ${losses.at(-1)}`);
    });

    await t.test('a side checked against the output of its model', async (t) => {
      const features = { data: product(images.data, kernel.data, N, 6, 32), shape: [N, 2, 4, 4] };
      const { pooled } = pool({ features }, { grid: 1 });
      const rows = { data: pooled.data, shape: [N, 2], strides: [4, 1] };
      const { data: logits, shape } = classify({ pooled: rows, weight, bias }).logits;
      const data = Float32Array.from(logits);
      const side = student(parameters());
      t.match(gldLoss.check(side, constant({ data, shape })), { output: 'logits' });
      const wrong = constant({ data: data.map((x) => 2 * x), shape });
      const split = { code: 'ERR_GLD_SPLIT', argument: 'teacher' };
      t.throws(() => gldLoss.check(side, wrong, { name: 'teacher' }), split);
      await t.rejects(gldLoss.checkAsync(side as never, wrong, { name: 'teacher' }), split);
      const later = surrogateGld({
        ...kit.framework,
        read: async (tensor, argument) => kit.framework.read(tensor, argument),
      });
      t.match(await later.checkAsync(side, { data, shape }), { output: 'logits' });
      t.throws(() => later.check(side, { data, shape }), { code: 'ERR_GLD_ADAPTER' });
      later.dispose();
    });

    await t.test('refusals', async (t) => {
      const good = { teacher, student: student(parameters()), labels };
      const promised = { code: 'ERR_GLD_ARG_TYPE', received: 'a promise that was not awaited' };
      const refusals: [object, object | undefined, object][] = [
        [{ ...good, labels: [0, 1, K] }, undefined, { code: 'ERR_GLD_LABEL', argument: 'labels[2]' }],
        [{ ...good, student: good.student.weight }, undefined, { code: 'ERR_GLD_ARG_TYPE', argument: 'student' }],
        [
          { ...good, student: { ...good.student, kernel: bias } },
          undefined,
          { code: 'ERR_GLD_OPTION', argument: 'student.kernel' },
        ],
        [
          { ...good, student: { ...good.student, weight: good.student.bias } },
          undefined,
          { code: 'ERR_GLD_RANK', argument: 'student.weight' },
        ],
        [good, { bta: 1 }, { code: 'ERR_GLD_OPTION', argument: 'bta' }],
        [
          good,
          { gradients: ['logits'] },
          { code: 'ERR_GLD_OPTION', argument: 'gradients', expected: /\(features, weight, bias\)/ },
        ],
        [good.student.weight, undefined, { code: 'ERR_GLD_ARG_TYPE', argument: 'inputs', received: 'a tensor' }],
        [Promise.resolve(good), undefined, { ...promised, argument: 'inputs' }],
        [{ ...good, teacher: Promise.resolve() }, undefined, { ...promised, argument: 'teacher' }],
        [{ ...good, labels: Promise.resolve() }, undefined, { ...promised, argument: 'labels' }],
        [good, Promise.resolve(), { ...promised, argument: 'options' }],
      ];
      for (const [inputs, options, wanted] of refusals) {
        t.throws(() => gldLoss(inputs as never, options), wanted as Error);
        await t.rejects(gldLoss.surrogate(inputs as never, options), wanted as Error);
      }
      const at = await gldLoss.surrogate(good);
      const other = (weight: unknown) => () => at.scalar({ ...good.student, weight } as never);
      t.throws(other(weight), { code: 'ERR_GLD_ARG_TYPE', argument: 'student.weight' });
      t.throws(other(good.student.bias), { code: 'ERR_GLD_SHAPE', argument: 'student.weight' });
      const reason = new Error('enough');
      await t.rejects(gldLoss.surrogate(good as never, { signal: AbortSignal.abort(reason) }), reason);
    });
  });
}

t.test('a framework that lacks a function', async (t) => {
  const { framework } = kits['a tape'];
  const make = (given: unknown) => () => surrogateGld(given as SurrogateFramework<object>);
  t.throws(make(undefined), { code: 'ERR_GLD_ARG_TYPE', argument: 'framework' });
  t.throws(make({ ...framework, read: undefined }), { code: 'ERR_GLD_ARG_TYPE', argument: 'framework.read' });
  t.throws(make({ ...framework, add: 3 }), { code: 'ERR_GLD_ARG_TYPE', argument: 'framework.add', received: '3' });
  t.throws(make({ ...framework, reads: framework.read }), {
    code: 'ERR_GLD_OPTION',
    argument: 'framework.reads',
    expected: /mean read/,
  });
});

t.test('elements of every type that the core reads', async (t) => {
  // A framework of plain objects, whose tensors are (value, gradient function).
  const halves = new Map<string, (x: number) => number>([
    ['float16', (x) => (x === 0 ? 0 : (x < 0 ? 0x8000 : 0) | (15 << 10))], // 0, 1 and -1
    ['bfloat16', (x) => (x === 0 ? 0 : (x < 0 ? 0x8000 : 0) | 0x3f80)],
  ]);
  const signs = { data: Float32Array.from(weight.data, (_, i) => (i % 3) - 1), shape: weight.shape };
  const features = { data: product(images.data, kernel.data, N, 6, 32), shape: [N, 2, 4, 4] };
  class Box {
    constructor(readonly value: { data: ArrayBufferView; shape: number[] }) {}
    get shape() {
      return this.value.shape;
    }
  }
  const boxed = surrogateGld<Box>({
    isTensor: (value) => value instanceof Box,
    read: ({ value }) => value,
    constant: (data, shape) => new Box({ data, shape }),
    dot: (a) => a,
    add: (a) => a,
  });
  const whole = await boxed.surrogate({ teacher, student: { features, weight: new Box(signs), bias }, labels });
  for (const [dtype, encode] of halves) {
    const half = { data: Uint16Array.from(signs.data, encode), shape: signs.shape, dtype };
    const at = await boxed.surrogate({ teacher, student: { features, weight: new Box(half), bias }, labels });
    t.equal(at.offset, whole.offset, dtype);
  }
  const turned = { data: product(Float32Array.of(1), signs.data, 1, 1, 8), shape: [2, K], strides: [1, 2] };
  const at = await boxed.surrogate({
    teacher,
    student: { features, weight: new Box(turned), bias, weightLayout: 'CK' },
    labels,
  });
  t.ok(near(at.offset, whole.offset), 'a transposed view');
  boxed.dispose();
});

t.test('tensors for masks, labels and weights', async (t) => {
  class Box {
    constructor(readonly value: TensorLike) {}
  }
  const read: string[] = [];
  const boxed = surrogateGld<Box>({
    isTensor: (value) => value instanceof Box,
    read: ({ value }, argument) => {
      read.push(argument);
      return value;
    },
    constant: (data, shape) => new Box({ data, shape }),
  });
  const of = <Data>(data: Data, ...shape: number[]) => ({ data, shape });
  const mask = of(
    Uint8Array.from({ length: N * 4 }, (_, i) => i % 3),
    N,
    2,
    2,
  );
  const [hard, weights] = [of(Int32Array.from(labels), N), of(Float32Array.of(1, 0, 2.5), N)];
  const masked = { ...teacher, mask };
  const { loss } = core(
    { teacher: masked, student: masked, labels: hard, sampleWeights: weights },
    { relation: usualRelation },
  );
  const side = { ...teacher, mask: new Box(mask) };
  const at = boxed.withTerms({ teacher: side, student: side, labels: new Box(hard), sampleWeights: new Box(weights) });
  t.equal(at.loss, loss);
  t.not(loss, core({ teacher, student: teacher, labels: hard }).loss, 'which they change');
  t.same(read, ['teacher.mask', 'student.mask', 'labels', 'sampleWeights']);

  const column = new Box(of(Float32Array.from(labels), N, 1));
  const floats = boxed.withTerms({ teacher: side, student: side, labels: column, sampleWeights: new Box(weights) });
  t.equal(floats.loss, loss, 'labels [n, 1] of floats');
  boxed.dispose();
});
