/** What a call of the whole loss accepts and returns: lists of gradients, lent buffers, names, the other entries. */
import { GldLoss, gldLoss, gldLossAsync, type GldOptions, type GradientName } from 'gld-loss';
import t from 'tap';
import { problem } from '../support/problems.js';
import { encode, encodeInputs } from '../support/tensors.js';

const small = problem({
  samples: 4,
  classes: 6,
  teacher: { channels: 5, map: [4, 4] },
  student: { channels: 7, map: [5, 6], layout: 'NHWC' },
});

t.test('gradients: shape, element type and layout of the tensor they belong to', async (t) => {
  const { gradients = {} } = gldLoss(encodeInputs(small, 'float32').given);
  t.same(Object.keys(gradients).sort(), ['bias', 'features', 'weight']);
  t.match(gradients.features, { shape: [4, 5, 6, 7], dtype: 'float32', data: Float32Array });
  t.match(gradients.weight, { shape: [6, 7], dtype: 'float32' });
  t.match(gradients.bias, { shape: [6], dtype: 'float32' });
  const double = gldLoss(encodeInputs(small, 'float64').given).gradients;
  t.match(double?.features, { shape: [4, 5, 6, 7], dtype: 'float64', data: Float64Array });
});

t.test('gradients: all, none, or those named, with the same values', async (t) => {
  const { given } = encodeInputs(small, 'float32');
  const all = gldLoss(given);
  t.same(gldLoss(given, { gradients: true }), all);
  for (const gradients of [false, []]) {
    const got = gldLoss(given, { gradients });
    t.equal(got.gradients, undefined, 'none');
    t.equal(got.loss, all.loss);
  }
  const names: GradientName[] = ['features', 'weight', 'bias'];
  for (let subset = 1; subset < 8; subset++) {
    const wanted = names.filter((_, bit) => subset & (1 << bit));
    const got = gldLoss(given, { gradients: wanted });
    t.same(Object.keys(got.gradients ?? {}).sort(), [...wanted].sort());
    for (const name of wanted) t.same(got.gradients?.[name], all.gradients?.[name], name);
  }
});

t.test('out: gradients are written into the given buffers', async (t) => {
  const { given } = encodeInputs(small, 'float32');
  const expected = gldLoss(given);
  const buffer = new ArrayBuffer(4 * (4 * 5 * 6 * 7 + 1));
  const out = { features: new Float32Array(buffer, 4), bias: new Float32Array(6).fill(NaN) };
  out.features.fill(NaN);
  const got = gldLoss(given, { out });
  t.equal(got.gradients?.features?.data, out.features);
  t.equal(got.gradients?.bias?.data, out.bias);
  t.same(got, expected);
  const compute = new GldLoss();
  out.features.fill(NaN);
  t.same(compute.compute(given, { out }), expected);
  out.features.fill(NaN);
  t.same(await gldLossAsync(given, { out }), expected);
  t.same(await compute.computeAsync(given, { out }), expected);
  compute.dispose();
});

t.test('names that other libraries use for the same thing', async (t) => {
  const { given, exact } = encodeInputs(problem({ samples: 3, classes: 4, labels: 'none' }), 'float32');
  const expected = gldLoss(given);
  const shape = [3, 5, 4];
  const logits = 'logits' in exact.student ? exact.student.logits : { data: [], shape };
  const { data, strides, offset } = encode(logits, 'float32', 'strided').tensor;
  const dense = Float32Array.from(logits.data);
  const spellings = {
    'shape only': { data: dense, shape },
    onnxruntime: { data: dense, dims: shape, type: 'float32', location: 'cpu' },
    'transformers.js': { data: dense, dims: shape, type: 'float32', stride: () => [20, 4, 1] },
    'scijs ndarray': { data, shape, stride: strides, offset, dtype: 'float32' },
    'stdlib ndarray': { data, shape, strides, offset, dtype: 'float32', order: 'row-major', flags: {} },
    'numpy-ts': { data, shape, strides, storage: { offset }, dtype: 'float32' },
    'typed array shape': { data: dense, shape: Int32Array.from(shape) },
  };
  for (const [name, tensor] of Object.entries(spellings)) {
    t.same(gldLoss({ ...given, student: { logits: tensor } }), expected, name);
  }
});

t.test('GldLoss and gldLossAsync give the bits of gldLoss, also when shapes change from call to call', async (t) => {
  const options: GldOptions = { alpha: 0.5, relation: { method: 'moments' } };
  const compute = new GldLoss(options);
  for (const samples of [4, 9, 4, 30, 1]) {
    const student = { channels: 7, map: [5, 6] } as const;
    const inputs = problem({ samples, classes: 6, teacher: { channels: 5, map: [4, 4] }, student });
    const { given } = encodeInputs(inputs, 'float32');
    const expected = gldLoss(given, options);
    t.same(compute.compute(given), expected);
    t.same(await compute.computeAsync(given), expected);
    t.same(await gldLossAsync(given, options), expected);
  }
  compute.dispose();
});
