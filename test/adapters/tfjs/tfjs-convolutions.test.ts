/** What registerGradients adds to the wasm backend of tfjs, against the cpu backend. */
import '@tensorflow/tfjs-backend-wasm';
import { registerGradients, tfjsGld } from 'gld-loss/tfjs';
import t, { type Test } from 'tap';
import { tf } from '../../support/tfjs.js';

type Shape4 = [number, number, number, number];
type Convolution = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor;

const ofCpu = tf.getKernelsForBackend('cpu').map(({ kernelFunc }) => kernelFunc);
registerGradients(tf);
t.before(() => tf.setBackend('wasm'));

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Value and gradients of the sum of the sines, as numbers, on a backend. */
async function on(backend: string, f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]) {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const results = [f(...inputs), ...tf.grads((...given) => tf.sum(tf.sin(f(...given))))(inputs)];
  const leaked = tf.memory().numTensors - before - results.length;
  const values = results.map((result) => ({ shape: result.shape, data: Float32Array.from(result.dataSync()) }));
  tf.dispose(results);
  return { values, leaked };
}

/** The largest difference, relative to the largest value that is expected. */
function difference(got: ArrayLike<number>, expected: Float32Array): number {
  const size = Math.max(...expected.map(Math.abs), 1e-30);
  return Math.max(...expected.map((value, i) => Math.abs(got[i] - value))) / size;
}

/** A filter whose taps lie `dilations` apart, with zeros between them. */
function spread(filter: tf.Tensor, [down, across]: [number, number]): tf.Tensor {
  const [height, width, channels, filters] = filter.shape;
  const wide = tf.reshape(filter, [height, 1, width, 1, channels, filters]);
  const padded = tf.pad(wide, [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0],
    [0, 0],
  ]);
  const whole = tf.reshape(padded, [height * down, width * across, channels, filters]);
  return tf.slice(whole, [0, 0, 0, 0], [(height - 1) * down + 1, (width - 1) * across + 1, channels, filters]);
}

/** A convolution and its gradients on wasm are those that the cpu backend has of the spread filter. */
async function agrees(
  t: Test,
  name: string,
  [x, filter]: [Shape4, Shape4],
  convolution: (dilations: [number, number]) => Convolution,
  dilations: [number, number] = [1, 1],
) {
  const inputs = [random(x, 1), random(filter, 2)];
  const dilated = convolution(dilations);
  const got = await on('wasm', (x, filter) => dilated(x as tf.Tensor4D, filter as tf.Tensor4D), inputs);
  t.equal(got.leaked, 0, `${name}: nothing but the results stays`);
  const plain = convolution([1, 1]);
  const expected = await on(
    'cpu',
    (x, filter) => plain(x as tf.Tensor4D, spread(filter, dilations) as tf.Tensor4D),
    inputs,
  );
  expected.values.forEach(({ shape, data }, i) => {
    const what = `${name}: ${['y', 'dx', 'dw'][i]} of ${x} * ${filter}`;
    t.strictSame(got.values[i].shape, shape, `${what} has its shape`);
    const worst = difference(got.values[i].data, data);
    t.ok(worst < 1e-5, `${what} differs by ${worst}`);
  });
  tf.dispose(inputs);
}

type Pad = Parameters<typeof tf.conv2d<tf.Tensor4D>>[3];

t.test('convolutions with strides and padding', async (t) => {
  const cases: [Shape4, Shape4, number | [number, number], Pad][] = [
    [[2, 8, 8, 3], [3, 3, 3, 4], 1, 'same'],
    [[2, 8, 8, 3], [3, 3, 3, 4], 1, 'valid'],
    [[2, 8, 9, 3], [3, 3, 3, 4], 2, 'same'],
    [[2, 9, 8, 3], [3, 2, 3, 4], 2, 'valid'],
    [[1, 7, 7, 2], [1, 1, 2, 5], 2, 'same'],
    [[1, 7, 9, 2], [1, 1, 2, 5], 3, 'valid'],
    [[2, 11, 10, 2], [5, 4, 2, 3], [3, 2], 'same'],
    [[1, 6, 6, 2], [3, 3, 2, 3], 1, 2],
    [
      [1, 6, 6, 2],
      [3, 3, 2, 3],
      2,
      [
        [0, 0],
        [2, 0],
        [1, 3],
        [0, 0],
      ],
    ],
    [[2, 4, 4, 3], [4, 4, 3, 2], 4, 'valid'],
    [[3, 1, 1, 2], [3, 3, 2, 2], 1, 'same'],
  ];
  for (const [x, filter, strides, pad] of cases) {
    const name = `strides ${strides}, padding ${pad}`;
    await agrees(t, name, [x, filter], () => (x, filter) => tf.conv2d(x, filter, strides, pad));
    await agrees(
      t,
      `depthwise, ${name}`,
      [x, filter],
      () => (x, filter) => tf.depthwiseConv2d(x, filter, strides as number, pad as 'same'),
    );
  }
});

t.test('dilated convolutions', async (t) => {
  const cases: [Shape4, Shape4, [number, number], Pad][] = [
    [[2, 8, 8, 3], [3, 3, 3, 4], [2, 2], 'same'],
    [[2, 9, 7, 3], [3, 3, 3, 4], [3, 1], 'same'],
    [[2, 9, 9, 2], [3, 2, 2, 1], [2, 3], 'valid'],
    [[1, 6, 6, 2], [3, 3, 2, 5], [4, 4], 'same'],
    [[2, 4, 4, 3], [3, 3, 3, 2], [6, 6], 'same'],
    [[2, 5, 5, 3], [1, 1, 3, 2], [3, 3], 'same'],
    [[1, 7, 7, 2], [3, 3, 2, 2], [2, 2], 1],
  ];
  for (const [x, filter, dilations, pad] of cases) {
    const name = `dilations ${dilations}, padding ${pad}`;
    const conv: (dilations: [number, number]) => Convolution = (dilations) => (x, filter) =>
      tf.conv2d(x, filter, 1, pad, 'NHWC', dilations);
    const depthwise: typeof conv = (dilations) => (x, filter) =>
      tf.depthwiseConv2d(x, filter, 1, pad as 'same', 'NHWC', dilations);
    await agrees(t, name, [x, filter], conv, dilations);
    await agrees(t, `depthwise, ${name}`, [x, filter], depthwise, dilations);
  }
});

t.test(
  'separable convolutions, in one dimension too, transposed ones, fused ones, max pooling and gather',
  async (t) => {
    const cases: [string, number[][], (...inputs: tf.Tensor[]) => tf.Tensor][] = [
      [
        'separableConv2d',
        [
          [2, 7, 8, 3],
          [3, 3, 3, 2],
          [1, 1, 6, 5],
        ],
        (x, depth, point) =>
          tf.separableConv2d(x as tf.Tensor4D, depth as tf.Tensor4D, point as tf.Tensor4D, [2, 2], 'same'),
      ],
      [
        'conv1d',
        [
          [2, 9, 3],
          [3, 3, 4],
        ],
        (x, filter) => tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, 2, 'same'),
      ],
      [
        'conv2dTranspose',
        [
          [2, 4, 5, 4],
          [3, 3, 3, 4],
        ],
        (x, filter) => tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, [2, 8, 10, 3], 2, 'same'),
      ],
      [
        'fused.conv2d',
        [[2, 6, 6, 3], [3, 3, 3, 4], [4]],
        (x, filter, bias) =>
          tf.fused.conv2d({
            x: x as tf.Tensor4D,
            filter: filter as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            bias,
            activation: 'relu6',
          }),
      ],
      [
        'fused.depthwiseConv2d',
        [[2, 6, 6, 3], [3, 3, 3, 1], [3]],
        (x, filter, bias) =>
          tf.fused.depthwiseConv2d({
            x: x as tf.Tensor4D,
            filter: filter as tf.Tensor4D,
            strides: 1,
            pad: 'same',
            bias,
          }),
      ],
      ['maxPool', [[2, 5, 7, 3]], (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'same')],
      ['maxPool, overlapping', [[2, 5, 7, 3]], (x) => tf.maxPool(x as tf.Tensor4D, 3, [2, 1], 'same')],
      ['gather', [[5, 3, 2]], (x) => tf.gather(x, tf.tensor1d([4, 0, 4, 2], 'int32'))],
    ];
    for (const [name, shapes, f] of cases) {
      const inputs = shapes.map((shape, i) => random(shape, i + 1));
      const got = await on('wasm', f, inputs);
      const expected = await on('cpu', f, inputs);
      expected.values.forEach(({ data }, i) => {
        const worst = difference(got.values[i].data, data);
        t.ok(worst < 1e-5, `${name}, ${i === 0 ? 'value' : `gradient ${i}`} differs by ${worst}`);
      });
      tf.dispose(inputs);
    }
  },
);

/** Layers of image networks, each with what it does to a map of 8 by 8 pixels and 4 channels. */
const layers: Record<string, () => tf.layers.Layer> = {
  conv2d: () => tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, activation: 'relu', padding: 'same' }),
  'dilated conv2d': () =>
    tf.layers.conv2d({ filters: 3, kernelSize: 3, dilationRate: 2, padding: 'same', activation: 'relu' }),
  depthwiseConv2d: () => tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, strides: 2, padding: 'same' }),
  separableConv2d: () =>
    tf.layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, activation: 'elu' }),
  conv2dTranspose: () => tf.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
  batchNormalization: () => tf.layers.batchNormalization(),
  layerNormalization: () => tf.layers.layerNormalization(),
  maxPooling2d: () => tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  averagePooling2d: () => tf.layers.averagePooling2d({ poolSize: 2 }),
  globalAveragePooling2d: () => tf.layers.globalAveragePooling2d({}),
  globalMaxPooling2d: () => tf.layers.globalMaxPooling2d({}),
  'upSampling2d, nearest': () => tf.layers.upSampling2d({ size: [2, 2] }),
  'upSampling2d, bilinear': () => tf.layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' }),
  zeroPadding2d: () => tf.layers.zeroPadding2d({ padding: 1 }),
  cropping2D: () =>
    tf.layers.cropping2D({
      cropping: [
        [1, 1],
        [2, 0],
      ],
    }),
  prelu: () => tf.layers.prelu(),
  leakyReLU: () => tf.layers.leakyReLU(),
  elu: () => tf.layers.elu(),
  'relu, at most 6': () => tf.layers.reLU({ maxValue: 6 }),
  permute: () => tf.layers.permute({ dims: [3, 1, 2] }),
  dense: () => tf.layers.dense({ units: 3 }),
  flatten: () => tf.layers.flatten(),
  ...Object.fromEntries(
    (
      [
        'elu',
        'hardSigmoid',
        'linear',
        'relu',
        'relu6',
        'selu',
        'sigmoid',
        'softmax',
        'softplus',
        'softsign',
        'tanh',
        'swish',
        'mish',
        'gelu',
        'gelu_new',
      ] as const
    ).map((activation) => [
      `activation ${activation}`,
      () => tf.layers.activation({ activation: activation as 'relu' }),
    ]),
  ),
};

t.test('every layer of an image network trains on wasm as on the cpu', async (t) => {
  // One image: the cpu backend's gradient of nearest neighbours is wrong for more.
  const x = random([1, 8, 8, 4], 1);
  for (const [name, make] of Object.entries(layers)) {
    await tf.setBackend('cpu');
    const layer = make();
    layer.build([null, 8, 8, 4]);
    layer.setWeights(layer.weights.map((weight, i) => tf.abs(random(weight.shape as number[], i + 2))));
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const gradients = async (backend: string) => {
      await tf.setBackend(backend);
      const loss = () => tf.sum(tf.sin(layer.call(x, { training: true }) as tf.Tensor)) as tf.Scalar;
      const ofX = tf.grad((x) => tf.sum(tf.sin(layer.call(x, { training: true }) as tf.Tensor)))(x);
      const { grads = {} } = variables.length > 0 ? tf.variableGrads(loss, variables) : {};
      return [ofX, ...Object.values(grads)].map((gradient) => Float32Array.from(gradient.dataSync()));
    };
    const expected = await gradients('cpu');
    const got = await gradients('wasm');
    const worst = Math.max(...expected.map((values, i) => difference(got[i], values)));
    t.ok(worst < 1e-4, `${name} differs by ${worst}`);
  }
});

t.test('the loss trains students whose last layer is any convolution', async (t) => {
  await tf.setBackend('wasm');
  const gldLoss = tfjsGld(tf);
  const x = random([8, 8, 8, 3], 1);
  const teacher = { logits: random([8, 5, 4], 2) };
  for (const name of ['conv2d', 'depthwiseConv2d', 'separableConv2d'] as const) {
    const settings = { inputShape: [8, 8, 3], filters: 6, kernelSize: 3, padding: 'same', depthMultiplier: 2 };
    const { depthMultiplier, ...plain } = settings;
    const layer = tf.layers[name]((name === 'depthwiseConv2d' ? settings : plain) as never);
    const student = tf.sequential({ layers: [layer] });
    const weight = tf.variable(random([6, 4], 3));
    const optimizer = tf.train.sgd(0.01);
    const step = () =>
      gldLoss({ teacher, student: { features: student.apply(x, { training: true }) as tf.Tensor, weight } });
    const [first, , , last] = Array.from({ length: 4 }, () => optimizer.minimize(step, true)?.dataSync()[0] ?? NaN);
    t.ok(last < first, `${name}: ${first} to ${last}`);
  }
  gldLoss.dispose();
});

t.test('registering again changes nothing, and other backends keep their kernels', async (t) => {
  const names = ['Conv2D', 'DepthwiseConv2dNative'];
  const gradients = names.map((name) => tf.getGradient(name));
  registerGradients(tf);
  t.ok(
    names.every((name, i) => tf.getGradient(name) === gradients[i]),
    'gradients are wrapped once',
  );
  t.strictSame(
    tf.getKernelsForBackend('cpu').map(({ kernelFunc }) => kernelFunc),
    ofCpu,
  );
  t.throws(() => registerGradients({} as typeof tf), { code: 'ERR_GLD_ARG_TYPE', name: 'TypeError' });
  t.throws(() => registerGradients(undefined as unknown as typeof tf), { code: 'ERR_GLD_ARG_TYPE' });
});
