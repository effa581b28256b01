/** Graph models of TensorFlow.js, as converters write them. */
import type { Side, TensorLike } from 'gld-loss';
import { openTeacher } from 'gld-loss/tfjs';
import t from 'tap';
import { tf } from '../support/tfjs.js';
import { expectRows, rowsOf } from './rows.js';

await tf.setBackend('cpu');
const K = 4;
const images = tf.randomNormal([5, 8, 8, 3], 0, 1, 'float32', 1);

/** [operator, inputs, attributes] by the name of the node. */
type Nodes = Record<string, [op: string, inputs: string[], attributes?: Record<string, object>]>;

const float = { type: { type: 'DT_FLOAT' } };
const list = (...i: number[]) => ({ list: { i: i.map(String) } });
const flag = (b: boolean) => ({ b });

/** A model with these nodes behind a convolution 'map', and these constants: shapes of random ones, or integers. */
async function load(
  nodes: Nodes,
  constants: Record<string, number[] | { integers: number[] }>,
  output = 'z',
  batch = -1,
) {
  const given: typeof constants = { kernel: [3, 3, 3, 6], ...constants };
  const weights = Object.entries(given).map(([name, value], i) => ({
    name,
    tensor: Array.isArray(value)
      ? tf.randomNormal(value, 0.3, 0.5, 'float32', i + 2)
      : tf.tensor1d(value.integers, 'int32'),
  }));
  const { data, specs } = await tf.io.encodeWeights(
    Object.fromEntries(weights.map(({ name, tensor }) => [name, tensor])),
  );
  const size = [batch, 8, 8, 3].map((each) => ({ size: String(each) }));
  const all: Nodes = {
    x: ['Placeholder', [], { dtype: float.type, shape: { shape: { dim: size } } as object }],
    ...Object.fromEntries(
      weights.map(({ name, tensor }): [string, Nodes[string]] => {
        return [name, ['Const', [], { dtype: { type: tensor.dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT' } as object }]];
      }),
    ),
    conv: [
      'Conv2D',
      ['x', 'kernel'],
      { strides: list(1, 1, 1, 1), dilations: list(1, 1, 1, 1), padding: { s: 'VkFMSUQ=' } },
    ],
    map: ['Relu', ['conv']],
    ...nodes,
  };
  const node = Object.entries(all).map(([name, [op, input, attr = {}]]) => ({
    name,
    op,
    input,
    attr: { T: float.type, ...attr },
  }));
  const signature = { inputs: { images: { name: 'x:0' } }, outputs: { scores: { name: `${output}:0` } } };
  const artifacts = { modelTopology: { node, versions: {} }, weightSpecs: specs, weightData: data, signature };
  return tf.loadGraphModel(tf.io.fromMemory(artifacts as never));
}

const mean: Nodes = { p: ['Mean', ['map', 'axes'], { keep_dims: flag(false) }] };
const axes = { axes: { integers: [1, 2] } };
const fused = { fused_ops: { list: { s: ['Qmlhc0FkZA=='] } }, num_args: { i: '1' } };
const product: Nodes = { z: ['_FusedMatMul', ['p', 'w', 'b'], fused] };
const linear = { ...axes, w: [6, K], b: [K] };

const heads: Record<string, [Nodes, Parameters<typeof load>[1], output?: string]> = {
  'a fused product': [{ ...mean, ...product }, linear],
  'a softmax': [{ ...mean, ...product, s: ['Softmax', ['z']] }, linear, 's'],
  'affine layers and an identity': [
    {
      ...mean,
      scaled: ['Mul', ['p', 's']],
      moved: ['Sub', ['scaled', 't']],
      same: ['Identity', ['moved']],
      q: ['MatMul', ['same', 'w']],
      z: ['AddV2', ['q', 'b']],
    },
    { ...linear, s: [6], t: [6] },
  ],
  'means axis by axis': [
    {
      q: ['Mean', ['map', 'second'], { keep_dims: flag(true) }],
      p: ['Mean', ['q', 'axes'], { keep_dims: flag(false) }],
      ...product,
    },
    { ...linear, second: { integers: [2] } },
  ],
};

for (const [name, [nodes, constants, output = 'z']] of Object.entries(heads)) {
  t.test(`heads: ${name}`, async (t) => {
    const model = await load(nodes, constants, output);
    const before = tf.memory().numTensors;
    const teacher = await openTeacher(tf, model, images);
    const side = await teacher.outputs(images);
    t.match(side, { layout: 'NHWC', weightLayout: 'CK' });
    t.match(teacher.description, /^feature map 'map' \[6, 6, 6\]/);
    const alone = await openTeacher(tf, { model, features: false }, images);
    expectRows(t, side, ((await alone.outputs(images)) as { logits: TensorLike }).logits, name);
    t.equal(tf.memory().numTensors, before);
    model.dispose();
  });
}

t.test('a head that is not linear, and a fixed number of images', async (t) => {
  const nodes: Nodes = {
    ...mean,
    h: ['_FusedMatMul', ['p', 'v', 'c'], fused],
    r: ['Relu6', ['h']],
    z: ['MatMul', ['r', 'w']],
  };
  const constants = { ...linear, v: [6, 6], c: [6] };
  const [free, fixed] = [await load(nodes, constants), await load(nodes, constants, 'z', 2)];
  const rows: Float32Array[] = [];
  for (const model of [free, fixed]) {
    const teacher = await openTeacher(tf, model, images);
    const side = (await teacher.outputs(images)) as { logits: TensorLike };
    t.same(side.logits.shape, [5, 5, K]);
    rows.push(rowsOf(side as Side));
  }
  const [n, k] = [25, K];
  expectRows(t, { logits: { data: rows[0], shape: [n, k] } }, { data: rows[1], shape: [n, k] }, 'in parts');
  const global = rows[0].filter((_, i) => i % 20 < 4);
  const whole = (free.predict(images) as tf.Tensor).dataSync() as Float32Array;
  expectRows(t, { logits: { data: global, shape: [5, K] } }, { data: whole, shape: [5, K] }, 'the global rows');
});

t.test('refused: a flattened map, and an unknown name', async (t) => {
  const nodes: Nodes = { p: ['Reshape', ['map', 'shape']], ...product };
  const model = await load(nodes, { shape: { integers: [-1, 216] }, w: [216, K], b: [K] });
  await t.rejects(openTeacher(tf, model, images), {
    code: 'ERR_GLD_SPLIT',
    received: "'p' [5, 216] (Reshape), which is not the mean over the map 'map' [5, 6, 6, 6]",
  });
  await t.rejects(openTeacher(tf, { model, features: 'mop' }, images), {
    code: 'ERR_GLD_OPTION',
    argument: 'teacher.features',
  });
});
