/** Tensors of libraries that need no adapter, real ones: each gives what the same numbers in a plain object give. */
import stdlib from '@stdlib/ndarray-ctor';
import { gldLoss, gldLossAsync, type Inputs, type TensorLike } from 'gld-loss';
import ndarray from 'ndarray';
import * as numpy from 'numpy-ts';
import { Tensor } from 'onnxruntime-common';
import t, { type Test } from 'tap';
import { present } from '../../../tools/present.js';
import { Random } from '../../support/random.js';

const N = 3;
const C = 4;
const K = 5;
const random = new Random(3);
const normals = (length: number) => Float32Array.from({ length }, () => random.normal());

/** A tensor's elements, dense, in [n, C, H, W] or [K, C]. */
const plain = {
  features: { data: normals(N * C * 4 * 6), shape: [N, C, 4, 6] },
  weight: { data: normals(K * C), shape: [K, C] },
  bias: { data: normals(K), shape: [K] },
};
const teacher = {
  features: { data: normals(N * 2 * 3 * 3), shape: [N, 2, 3, 3] },
  weight: { data: normals(K * 2), shape: [K, 2] },
};
const labels = [4, 0, 2];
const expected = gldLoss({ teacher, student: plain, labels });

async function same(t: Test, student: object, more: Partial<Inputs> = {}): Promise<void> {
  const inputs = { teacher, student: { ...plain, ...student }, labels, ...more } as Inputs;
  t.same(gldLoss(inputs), expected);
  t.same(await gldLossAsync(inputs), expected);
}

/** The same elements in the middle of larger arrays, with all axes in reverse order. */
function embedded({ data, shape }: typeof plain.features) {
  const large = shape.map((size) => size + 2);
  const reversed = [...large].reverse();
  const memory = normals(large.reduce((a, b) => a * b));
  const step = (axis: number) => large.slice(0, axis).reduce((a, b) => a * b, 1);
  const place = (index: number[]) => index.reduce((sum, i, axis) => sum + (i + 1) * step(axis), 0);
  data.forEach((value, at) => {
    let rest = at;
    const index = [...shape]
      .reverse()
      .map((size) => {
        const i = rest % size;
        rest = (rest - i) / size;
        return i;
      })
      .reverse();
    memory[place(index)] = value;
  });
  return { memory, large, reversed, strides: large.map((_, axis) => step(axis)), offset: place(shape.map(() => 0)) };
}

const backwards = [...plain.features.shape.keys()].reverse();

t.test('ndarray: stride, not strides; views have an offset', async (t) => {
  const { memory, reversed } = embedded(plain.features);
  const whole = ndarray(memory, reversed);
  const [w, h, c, n] = [...plain.features.shape].reverse();
  const view = whole
    .hi(w + 1, h + 1, c + 1, n + 1)
    .lo(1, 1, 1, 1)
    .transpose(...backwards);
  t.notOk('strides' in view, 'the trap');
  t.ok(view.offset > 0 && view.stride[0] < view.stride[3]);
  await same(t, { features: view });
  const dense = ndarray(plain.weight.data, plain.weight.shape);
  await same(t, { features: view, weight: dense, bias: ndarray(plain.bias.data, [K]) });
  await same(t, { weight: ndarray(plain.weight.data.slice().reverse(), [K, C]).step(-1, -1) });
  await same(t, {}, { labels: ndarray(Int32Array.from(labels), [N]) });
});

t.test('@stdlib/ndarray: strides and offset', async (t) => {
  const { memory, strides, offset } = embedded(plain.features);
  const view = stdlib('float32', memory, plain.features.shape, strides, offset, 'column-major');
  t.same([view.strides, view.offset, view.dtype, view.order], [strides, offset, 'float32', 'column-major'], 'the trap');
  await same(t, { features: view });
  await same(t, { weight: stdlib('float32', plain.weight.data, [K, C], [C, 1], 0, 'row-major') });
  await same(
    t,
    {},
    { labels: stdlib('int32', Int32Array.from(labels), [N], [1], 0, 'row-major') as object as TensorLike },
  );
});

t.test("numpy-ts: data is the whole buffer, and a slice's offset is in its storage", async (t) => {
  const { memory, reversed } = embedded(plain.features);
  const whole = numpy.array([...memory], 'float32').reshape(reversed);
  const [w, h, c, n] = [...plain.features.shape].reverse();
  const view = whole.slice(`1:${w + 1}`, `1:${h + 1}`, `1:${c + 1}`, `1:${n + 1}`).transpose() as object as TensorLike;
  t.notOk('offset' in view && view.offset, 'the trap: the array has no offset');
  t.ok(present(view.storage?.offset) > 0, 'its storage has');
  t.ok((view.data as Float32Array).byteLength >= memory.byteLength, 'and data is all of it');
  await same(t, { features: view });
  await same(t, { weight: numpy.array([...plain.weight.data], 'float32').reshape([K, C]) });
  await same(t, {}, { labels: numpy.array(labels, 'int32') });
  const { data, shape, strides } = view;
  const blind = gldLoss({ teacher, student: { ...plain, features: { data, shape, strides } }, labels });
  t.not(blind.loss, expected.loss, 'which tells that the offset was read');
});

t.test('shape and strides in whatever has a length and elements', async (t) => {
  const { memory, strides, offset } = embedded(plain.features);
  const like = (list: readonly number[]): ArrayLike<number> => ({ ...list, length: list.length });
  await same(t, { features: { data: memory, shape: like(plain.features.shape), strides: like(strides), offset } });
  for (const length of [undefined, 'one', 1n]) {
    const wrong = { ...plain, bias: { data: plain.bias.data, shape: { 0: K, length } as never } };
    t.throws(() => gldLoss({ teacher, student: wrong, labels }), {
      code: 'ERR_GLD_ARG_TYPE',
      argument: 'student.bias.shape',
    });
  }
  for (const length of [NaN, -1, 0, 2, 1e9]) {
    const wrong = { ...plain, bias: { data: plain.bias.data, shape: { 0: K, length } } };
    t.throws(() => gldLoss({ teacher, student: wrong, labels }), { code: 'ERR_GLD_RANK', argument: 'student.bias' });
  }
});

t.test('onnxruntime: dims and type, not shape and dtype', async (t) => {
  const tensor = ({ data, shape }: { data: Float32Array; shape: number[] }) => new Tensor('float32', data, shape);
  const features = tensor(plain.features);
  t.notOk('shape' in features || 'dtype' in features, 'the trap');
  await same(t, { features, weight: tensor(plain.weight), bias: tensor(plain.bias) });
  await same(t, {}, { labels: new Tensor('int64', BigInt64Array.from(labels, BigInt), [N]) });
  await same(
    t,
    {},
    {
      teacher: { features: tensor(teacher.features), weight: tensor(teacher.weight) },
    },
  );

  const half = new Tensor(
    'float16',
    Uint16Array.from(plain.bias.data, (x) => (x < 0 ? 0xbc00 : 0x3c00)),
    [K],
  );
  const halves = gldLoss({ teacher, student: { ...plain, bias: half }, labels });
  const one = { data: plain.bias.data.map((x) => (x < 0 ? -1 : 1)), shape: [K] };
  const ones = gldLoss({ teacher, student: { ...plain, bias: one }, labels });
  t.equal(halves.loss, ones.loss, 'float16 in whatever array this Node.js has for it');

  const away = Tensor.fromGpuBuffer({} as never, { dataType: 'float32', dims: [K, C] });
  const there = {
    code: 'ERR_GLD_DEVICE',
    argument: 'student.weight',
    expected: /getData\(\)/,
    received: /'gpu-buffer'/,
  };
  t.throws(() => gldLoss({ teacher, student: { ...plain, weight: away as object as TensorLike }, labels }), there);
  const gone = tensor(plain.weight);
  gone.dispose();
  t.throws(() => gldLoss({ teacher, student: { ...plain, weight: gone }, labels }), {
    code: 'ERR_GLD_DEVICE',
    received: /'none'/,
  });
});

/**
 * As the Tensor of transformers.js: a Proxy, for indices, around an object that keeps one of onnxruntime and has a method
 * by the name of what others keep strides in. The package itself would bring two runtimes and an image library.
 */
class TransformersTensor {
  readonly ort_tensor: Tensor;

  constructor(tensor: Tensor) {
    this.ort_tensor = tensor;
    // biome-ignore lint/correctness/noConstructorReturn: it is what this class imitates
    return new Proxy(this, {
      get: (target, key) => (typeof key === 'string' && /^\d+$/.test(key) ? 'a row' : Reflect.get(target, key, target)),
    });
  }

  get dims() {
    return this.ort_tensor.dims;
  }
  get type() {
    return this.ort_tensor.type;
  }
  get data() {
    return this.ort_tensor.data;
  }
  get location() {
    return this.ort_tensor.location;
  }
  stride() {
    return [this.dims.length];
  }
}

t.test('transformers.js: stride is a method', async (t) => {
  const tensor = ({ data, shape }: { data: Float32Array; shape: number[] }) =>
    new TransformersTensor(new Tensor('float32', data, shape));
  await same(t, { features: tensor(plain.features), weight: tensor(plain.weight), bias: tensor(plain.bias) });
});

t.test('data is a method: a framework that keeps it to itself', async (t) => {
  const promised = { data: async () => plain.weight.data, shape: [K, C] };
  const refused = { code: 'ERR_GLD_ADAPTER', argument: 'student.weight' };
  const error = { ...refused, expected: /data\(\)/, received: /gld-loss\/surrogate/ };
  t.throws(() => gldLoss({ teacher, student: { ...plain, weight: promised as never }, labels }), error);
  const { tf } = await import('../../support/tfjs.js');
  await tf.setBackend('cpu');
  const jax = await import('@jax-js/jax');
  await jax.init('cpu');
  const { torch } = await import('js-pytorch');
  const foreign = [
    [tf.tensor(plain.weight.data, [K, C]), /'gld-loss\/tfjs'/],
    [jax.numpy.array(plain.weight.data, { shape: [K, C] }), /'gld-loss\/jax'/],
    [torch.ones([K, C]), /'gld-loss\/surrogate'/],
  ] as const;
  const module = { ...plain, weight: new torch.nn.Linear(C, K) as never };
  t.throws(() => gldLoss({ teacher, student: module, labels }), { code: 'ERR_GLD_ARG_TYPE', received: 'a module' });
  for (const [weight, expected] of foreign) {
    const inputs = { teacher, student: { ...plain, weight: weight as never }, labels };
    t.throws(() => gldLoss(inputs), { ...refused, expected });
  }
});
