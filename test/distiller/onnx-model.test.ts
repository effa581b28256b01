/** ONNX models of every kind as teachers: what is found is what ONNX Runtime computes, and the rest is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Side, TensorLike } from 'gld-loss';
import { openTeacher } from 'gld-loss/tfjs';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import { elementType, type TensorProto } from '../../examples/onnx/schema.js';
import { floats, model, type ModelSpec, usual } from '../../examples/test/onnx/models.js';
import { present } from '../../tools/present.js';
import { toBfloat16, toFloat16 } from '../support/half.js';
import { tf } from '../support/tfjs.js';
import { expectRows, rowsOf } from './rows.js';

await tf.setBackend('cpu');
const [N, K] = [5, 10];
const images = tf.randomNormal([N, 16, 16, 3], 0, 1, 'float32', 1);

type Nodes = ModelSpec['nodes'];
type Names = Partial<Omit<Parameters<typeof openTeacher>[1] & { model: unknown }, 'model' | 'ort'>>;

const sessionOptions = { intraOpNumThreads: 1, logSeverityLevel: 3 };
const bytes = (spec: ModelSpec | Uint8Array | string) =>
  spec instanceof Uint8Array || typeof spec === 'string' ? spec : model(spec);
const open = (spec: ModelSpec | Uint8Array | string, names: Names = {}) =>
  openTeacher(tf, { model: bytes(spec), ort, sessionOptions, ...names }, images);

/** The logits that the model itself has under that name. */
async function logitsOf(spec: ModelSpec | Uint8Array | string, logits?: string): Promise<TensorLike> {
  const teacher = await open(spec, { features: false, ...(logits === undefined ? {} : { logits }) });
  const side = (await teacher.outputs(images)) as { logits: TensorLike };
  await teacher.dispose();
  return side.logits;
}

const [conv, pool, flatten, gemm] = usual().nodes;
const { constants } = usual();
const z: Nodes[number] = ['Gemm', gemm[1], 'z', { transB: 1 }];
/** The usual network with other nodes behind the flattened mean 'flat', and with more constants. */
const behind = (nodes: Nodes, more: ModelSpec['constants'] = {}) =>
  usual({ nodes: [conv, pool, flatten, ...nodes], constants: { ...constants, ...more } });
/** The usual one with other nodes behind the map. */
const over = (nodes: Nodes, more: ModelSpec['constants'] = {}) =>
  usual({ nodes: [conv, ...nodes], constants: { ...constants, ...more } });

/** A constant of another type, of the numbers of one in float32. */
function as(
  dataType: number,
  { rawData, ...rest }: TensorProto,
  convert: (value: number) => number,
  bits: 8 | 16,
): TensorProto {
  const values = new Float32Array(new Uint8Array(present(rawData)).buffer);
  const made = (bits === 8 ? Uint8Array : Uint16Array).from(
    [...values].map((value) => convert(value) & (2 ** bits - 1)),
  );
  return { ...rest, dataType, rawData: new Uint8Array(made.buffer) };
}
const types = { uint8: 2, int8: 3, float16: 10, bfloat16: 16 };
const weight = floats('k', [10, 6], 4);
const positive = (name: string, dims: number[]) => {
  const { rawData, ...rest } = floats(name, dims, 7);
  const values = new Float32Array(new Uint8Array(present(rawData)).buffer).map((value) => 0.01 + value ** 2 / 9);
  return { ...rest, rawData: new Uint8Array(values.buffer) };
};
const zeroPoint = (dims: number[]): TensorProto => ({
  name: 'zero',
  dims,
  dataType: types.uint8,
  rawData: Uint8Array.from({ length: dims[0] ?? 1 }, (_, i) => 120 + i),
});
const step: Nodes = [['Gemm', ['flat', 'd', 'fc.bias'], 'logits', { transB: 1 }]];
const batchNorm = { s: [6], b: [6], m: [6], r: positive('r', [6]) };

const linear: Record<string, ModelSpec> = {
  'the usual one': usual(),
  'factors of a Gemm': behind([['Gemm', ['flat', 'v', 'fc.bias'], 'logits', { alpha: 0.5, beta: 2.5 }]], {
    v: [6, 10],
  }),
  'no bias': behind([['MatMul', ['flat', 'v'], 'logits']], { v: [6, 10] }),
  'a transposed constant, and an Add': behind([
    ['Transpose', ['fc.weight'], 'turned', { perm: [1, 0] }],
    ['MatMul', ['flat', 'turned'], 'product'],
    ['Identity', ['product'], 'copy'],
    ['Add', ['fc.bias', 'copy'], 'logits'],
  ]),
  'batch normalization': behind(
    [
      ['BatchNormalization', ['flat', 's', 'b', 'm', 'r'], 'u'],
      ['Gemm', ['u', 'fc.weight'], 'logits', { transB: 1 }],
    ],
    batchNorm,
  ),
  'affine layers in any number': behind(
    [
      ['Mul', ['flat', 's'], 'a'],
      ['Gemm', ['a', 'v', 'b'], 'c'],
      ['Div', ['c', 'r'], 'd'],
      ['Sub', ['d', 'm'], 'e'],
      ['Dropout', ['e'], 'f'],
      ['Gemm', ['f', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }],
    ],
    { ...batchNorm, v: [6, 6] },
  ),
  'two ReduceMeans': over([
    ['ReduceMean', ['map'], 'a', { axes: [3], keepdims: 0 }],
    ['ReduceMean', ['a'], 'flat', { axes: [2], keepdims: 0 }],
    gemm,
  ]),
  'a sum and a division': over(
    [['ReduceSum', ['map', 'axes'], 'a', { keepdims: 0 }], ['Div', ['a', 'area'], 'flat'], gemm],
    {
      axes: { int64: [2, 3] },
      area: { name: 'area', dims: [1], dataType: elementType.float, floatData: [64] },
    },
  ),
  'AveragePool over the whole map': over([['AveragePool', ['map'], 'mean', { kernel_shape: [8, 8] }], flatten, gemm]),
  'a 1 x 1 Conv behind the mean': over(
    [pool, ['Conv', ['mean', 'point', 'fc.bias'], 'y'], ['Squeeze', ['y', 'axes'], 'logits']],
    { point: [10, 6, 1, 1], axes: { int64: [2, 3] } },
  ),
  'images and maps in NHWC': usual({
    inputs: { images: ['n', 16, 16, 3] },
    nodes: [
      ['Transpose', ['images'], 'turned', { perm: [0, 3, 1, 2] }],
      ['Conv', ['turned', 'w'], 'planes', { pads: [1, 1, 1, 1], strides: [2, 2] }],
      ['Transpose', ['planes'], 'map', { perm: [0, 2, 3, 1] }],
      ['ReduceMean', ['map'], 'flat', { axes: [1, 2], keepdims: 0 }],
      gemm,
    ],
  }),
  // As many channels as rows and columns: the numbers alone tell the axis order.
  'a map of 8 x 8 x 8 in NHWC': over(
    [
      ['Transpose', ['map'], 'turned', { perm: [0, 2, 3, 1] }],
      ['ReduceMean', ['turned'], 'flat', { axes: [1, 2], keepdims: 0 }],
      gemm,
    ],
    { w: [8, 3, 3, 3], 'fc.weight': [10, 8] },
  ),
  'a Softmax': behind([z, ['Softmax', ['z'], 'logits']]),
  'a map and logits as outputs, and a softmax': usual({
    outputs: { map: ['n', 6, 8, 8], z: ['n', 10], p: ['n', 10] },
    nodes: [conv, pool, flatten, z, ['Softmax', ['z'], 'p']],
  }),
  'a LogSoftmax': behind([z, ['LogSoftmax', ['z'], 'logits']]),
  'a Sigmoid and what only reshapes': behind([
    z,
    ['Sigmoid', ['z'], 'p'],
    ['Identity', ['p'], 'q'],
    ['Flatten', ['q'], 'logits'],
  ]),
  'a softmax that is written out': behind(
    [
      z,
      ['ReduceMax', ['z'], 'most', { axes: [1] }],
      ['Sub', ['z', 'most'], 'below'],
      ['Exp', ['below'], 'e'],
      ['ReduceSum', ['e', 'axes'], 'sum'],
      ['Div', ['e', 'sum'], 'logits'],
    ],
    { axes: { int64: [1] } },
  ),
  'constants in float16': behind([['Cast', ['k'], 'd', { to: 1 }], ...step], {
    k: as(types.float16, weight, toFloat16, 16),
  }),
  'constants in bfloat16': behind([['Cast', ['k'], 'd', { to: 1 }], ...step], {
    k: as(types.bfloat16, weight, toBfloat16, 16),
  }),
  'constants in int8, one scale': behind([['DequantizeLinear', ['k', 'scale'], 'd'], ...step], {
    k: as(types.int8, weight, (value) => Math.round(value * 200), 8),
    scale: { name: 'scale', dims: [], dataType: elementType.float, floatData: [0.005] },
  }),
  'constants in uint8, a scale and a zero for each class': behind(
    [['DequantizeLinear', ['k', 'r', 'zero'], 'd', { axis: 0 }], ...step],
    {
      k: as(types.uint8, weight, (value) => Math.round(127 + value * 200), 8),
      r: positive('r', [10]),
      zero: zeroPoint([10]),
    },
  ),
  'a map of logits': over(
    [
      ['Conv', ['map', 'point'], 'y'],
      ['GlobalAveragePool', ['y'], 'mean'],
      ['Flatten', ['mean'], 'logits'],
    ],
    {
      point: [10, 6, 1, 1],
    },
  ),
};

for (const [name, spec] of Object.entries(linear)) {
  t.test(`linear heads: ${name}`, async (t) => {
    const before = tf.memory().numTensors;
    const teacher = await open(spec);
    const side = await teacher.outputs(images);
    const squashed = spec.nodes.some(([, , output]) => output === 'z');
    t.match(side, { layout: name.includes('NHWC') ? 'NHWC' : 'NCHW' });
    t.same(
      Object.keys(side),
      name.startsWith('a map of logits')
        ? ['logitMap', 'layout']
        : ['features', 'layout', 'weight', 'weightLayout', 'bias'],
    );
    expectRows(t, side, await logitsOf(spec, squashed ? 'z' : 'logits'), name);
    await teacher.dispose();
    t.equal(tf.memory().numTensors, before);
  });
}

const curved: Record<string, ModelSpec> = {
  'a hidden layer': behind(
    [
      ['Gemm', ['flat', 'v', 'b'], 'h'],
      ['HardSwish', ['h'], 'u'],
      ['Gemm', ['u', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }],
    ],
    { v: [6, 6], b: [6] },
  ),
  'layer normalization': behind(
    [
      ['LayerNormalization', ['flat', 's', 'b'], 'u'],
      ['Gemm', ['u', 'fc.weight'], 'logits', { transB: 1 }],
    ],
    { s: [6], b: [6] },
  ),
  'a mean that is quantised': over(
    [
      pool,
      ['QuantizeLinear', ['mean', 'scale', 'zero'], 'q'],
      ['DequantizeLinear', ['q', 'scale', 'zero'], 'p'],
      ['Flatten', ['p'], 'flat'],
      ['DequantizeLinear', ['k', 'fine'], 'd'],
      ...step,
    ],
    {
      k: as(types.int8, weight, (value) => Math.round(value * 200), 8),
      fine: { name: 'fine', dims: [], dataType: elementType.float, floatData: [0.005] },
      scale: { name: 'scale', dims: [], dataType: elementType.float, floatData: [0.05] },
      zero: zeroPoint([]),
    },
  ),
};

for (const [name, spec] of Object.entries(curved)) {
  t.test(`heads that are not linear: ${name}`, async (t) => {
    const teacher = await open(spec);
    const side = (await teacher.outputs(images)) as { logits: TensorLike };
    t.match(teacher.description, "feature map 'map' [6, 8, 8], head to 'logits' (not linear)");
    t.same(side.logits.shape, [N, 5, K]);
    expectRows(t, side as Side, await logitsOf(spec), name);
    const fixed = await open({ ...spec, inputs: { images: [2, 3, 16, 16] }, outputs: { logits: [2, 10] } });
    const parts = await fixed.outputs(images);
    expectRows(
      t,
      { logits: { data: rowsOf(parts), shape: [N * 5, K] } },
      { data: side.logits.data, shape: [N * 5, K] },
      'two images at once',
    );
    await Promise.all([teacher.dispose(), fixed.dispose()]);
  });
}

t.test('a head in float16', async (t) => {
  const spec = behind(
    [
      ['Cast', ['flat'], 'half', { to: types.float16 }],
      ['Gemm', ['half', 'k'], 'y', { transB: 1 }],
      ['Cast', ['y'], 'logits', { to: 1 }],
    ],
    { k: as(types.float16, weight, toFloat16, 16) },
  );
  const teacher = await open(spec);
  t.match(teacher.description, /\(linear\)/);
  expectRows(t, await teacher.outputs(images), await logitsOf(spec), 'in float16', 2e-3);
  await teacher.dispose();
});

t.test('a model in float16, and one in float64', async (t) => {
  const mean: Nodes[number] = ['ReduceMean', ['typed'], 'flat', { axes: [2, 3], keepdims: 0 }];
  const halves: Nodes = [['GlobalAveragePool', ['typed'], 'mean'], flatten];
  for (const [to, means, bound] of [
    [types.float16, halves, 5e-3],
    [elementType.double, [mean], 1e-5],
  ] as const) {
    const casts: Nodes = [
      ['Cast', ['map'], 'typed', { to }],
      ['Cast', ['fc.weight'], 'v', { to }],
    ];
    const spec = usual({ nodes: [conv, ...casts, ...means, ['Gemm', ['flat', 'v'], 'logits', { transB: 1 }]] });
    const teacher = await open(spec);
    expectRows(t, await teacher.outputs(images), await logitsOf(spec), `type ${to}`, bound);
    await teacher.dispose();
  }
});

t.test('names', async (t) => {
  const two = usual({
    outputs: { logits: ['n', 10], other: ['n', 10] },
    nodes: [...usual().nodes, ['Gemm', ['flat', 'v', 'fc.bias'], 'other']],
    constants: { ...constants, v: [6, 10] },
  });
  await t.rejects(open(two), { code: 'ERR_GLD_SPLIT', expected: /\{ model, logits \}/, received: '2 (logits, other)' });
  const teacher = await open(two, { logits: 'other', features: 'map' });
  expectRows(t, await teacher.outputs(images), await logitsOf(two, 'other'), 'the other head');
  await teacher.dispose();
  await t.rejects(open(two, { logits: 'other', features: 'mop' }), {
    code: 'ERR_GLD_OPTION',
    received: "'mop' (did you mean map?)",
  });
  await t.rejects(open(two, { logits: 'others' }), { code: 'ERR_GLD_OPTION', argument: 'teacher.logits' });
});

/** Parts of an error. */
type Wanted = { code: string; argument?: string; expected?: string | RegExp; received?: string | RegExp };

const refused: Record<string, [ModelSpec | Uint8Array | string, Wanted]> = {
  'no model': [
    new Uint8Array(9).fill(255),
    { code: 'ERR_GLD_OPTION', argument: 'teacher.model', expected: 'an ONNX model' },
  ],
  'no file': ['/nowhere.onnx', { code: 'ERR_GLD_OPTION', received: /which cannot be read/ }],
  'two inputs': [
    usual({ inputs: { images: ['n', 3, 16, 16], more: ['n', 1] } }),
    { code: 'ERR_GLD_SPLIT', received: '2 (images, more)' },
  ],
  'other images': [usual({ inputs: { images: ['n', 3, 32, 32] } }), { code: 'ERR_GLD_SHAPE', argument: 'images' }],
  'a flattened map': [
    over(
      [
        ['Flatten', ['map'], 'flat'],
        ['MatMul', ['flat', 'v'], 'logits'],
      ],
      { v: [384, 10] },
    ),
    {
      code: 'ERR_GLD_SPLIT',
      received: "'flat' [5, 384] (Flatten), which is not the mean over the map 'map' [5, 6, 8, 8]",
    },
  ],
  'a maximum': [
    over([['GlobalMaxPool', ['map'], 'mean'], flatten, gemm]),
    { code: 'ERR_GLD_SPLIT', received: /\(GlobalMaxPool\), which is not the mean/ },
  ],
  'a mean over a part': [
    over([['AveragePool', ['map'], 'mean', { kernel_shape: [7, 7], strides: [8, 8] }], flatten, gemm]),
    { code: 'ERR_GLD_SPLIT', received: /\(AveragePool\), which is not the mean/ },
  ],
  'a mean of probabilities': [
    over(
      [
        ['Conv', ['map', 'point'], 'y'],
        ['Softmax', ['y'], 'p', { axis: 1 }],
        ['GlobalAveragePool', ['p'], 'mean'],
        ['Flatten', ['mean'], 'logits'],
      ],
      { point: [10, 6, 1, 1] },
    ),
    { code: 'ERR_GLD_SPLIT', received: /^probabilities in 'logits'/ },
  ],
  'a softmax of probabilities': [
    behind([z, ['Softmax', ['z'], 'p'], ['Softmax', ['p'], 'logits']]),
    { code: 'ERR_GLD_SPLIT', received: /^probabilities in 'p'/ },
  ],
};

for (const [name, [spec, error]] of Object.entries(refused)) {
  t.test(`refused: ${name}`, async (t) => {
    const before = tf.memory().numTensors;
    await t.rejects(open(spec), error);
    t.equal(tf.memory().numTensors, before);
  });
}

t.test('refused: an ONNX model without ONNX Runtime', async (t) => {
  await t.rejects(openTeacher(tf, { model: model(usual()) }, images), {
    code: 'ERR_GLD_ARG_TYPE',
    argument: 'teacher.ort',
  });
});

t.test('a classifier without a map, behind a softmax: its logits are taken by asking for them alone', async (t) => {
  const spec = usual({
    nodes: [
      ['Flatten', ['images'], 'flat'],
      ['Gemm', ['flat', 'v'], 'z'],
      ['Softmax', ['z'], 'p'],
    ],
    outputs: { p: ['n', 10] },
    constants: { v: [768, 10] },
  });
  await t.rejects(open(spec), { code: 'ERR_GLD_SPLIT', expected: /\{ model, features: false \}/ });
  for (const names of [{}, { logits: 'p' }, { logits: 'z' }]) {
    const teacher = await open(spec, { features: false, ...names });
    t.equal(teacher.description, "logits 'z'");
    const rows = rowsOf((await teacher.outputs(images)) as Side);
    t.notOk(rows.every((value) => value >= 0));
    await teacher.dispose();
  }
});

t.test('a path, and constants in another file', async (t) => {
  const folder = t.testdir();
  const { rawData, ...rest } = floats('fc.weight', [10, 6], 9);
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat([Buffer.alloc(16), present(rawData)]));
  const entries = Object.entries({ location: 'weights.bin', offset: '16', length: '240' });
  const outside = { ...rest, dataLocation: 1, externalData: entries.map(([key, value]) => ({ key, value })) };
  const path = join(folder, 'model.onnx');
  writeFileSync(path, model(usual({ constants: { ...constants, 'fc.weight': outside } })));
  const inside = usual({ constants: { ...constants, 'fc.weight': { ...rest, ...(rawData ? { rawData } : {}) } } });
  const [far, near] = [await open(path), await open(inside)];
  t.same(await far.outputs(images), await near.outputs(images));
  await Promise.all([far.dispose(), near.dispose()]);
});
