// ONNX models: networks of tfjs exported and run give the same numbers; feature map, classifier and logits are found or
// taken by name; what does not fit is refused with a message that says what would.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Batch, type Dataset, loadDataset, Rng } from '../../data/index.js';
import { withOutputs } from '../../onnx/edit.js';
import { exportNetwork } from '../../onnx/export.js';
import { openOnnxTeacher, type OnnxOptions } from '../../onnx/teacher.js';
import { logitRows } from '../../teachers/logits.js';
import { networkTeacher } from '../../teachers/network.js';
import { sideOf, type Teacher, TeacherError } from '../../teachers/types.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { buildNetwork } from '../../tfjs/networks.js';
import { present } from '../../present.js';
import { floats, model, type ModelSpec, usual } from './models.js';

const data = await loadDataset('shapes', { seed: 1, trainSize: 12, testSize: 12 });
const [batch] = await all(data.train.batches({ batchSize: 5 }));
const format: [number, number, number] = [data.height, data.width, data.channels];

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

const largest = (values: Float32Array) => values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);

function close(t: Test, got: Float32Array, expected: Float32Array, what: string, bound = 2e-6): void {
  t.equal(got.length, expected.length, what);
  const difference = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
  t.ok(difference <= bound * largest(expected), `${what}: within ${bound}, off by ${difference / largest(expected)}`);
}

/** Global and local logits of the teacher for a batch. */
const rows = async ({ form, outputs }: Teacher, batch: Batch) =>
  logitRows(sideOf(form, await outputs(batch), batch.size), [2, 2]);

function save(t: Test, spec: ModelSpec | Uint8Array): string {
  const path = join(t.testdir(), 'model.onnx');
  writeFileSync(path, spec instanceof Uint8Array ? spec : model(spec));
  return path;
}

async function withTeacher(
  t: Test,
  spec: ModelSpec | Uint8Array,
  options: Omit<OnnxOptions, 'path'>,
  use: (teacher: Teacher) => Promise<void>,
  set: Dataset = data,
): Promise<void> {
  const teacher = await openOnnxTeacher({ path: save(t, spec), ...options }, set, 1);
  try {
    await use(teacher);
  } finally {
    await teacher.dispose();
  }
}

t.test('a network of tfjs, exported: the same map and the same logits', async (t) => {
  await useBackend('wasm');
  for (const name of ['cnn3', 'resnet8']) {
    const network = buildNetwork(name, { input: format, classes: 10, scope: name, rng: new Rng(3) });
    // Statistics and biases that are not those of a network without training.
    for (const variable of [...network.parameters.trainable, ...network.parameters.statistics]) {
      const noise = tf.randomUniform(variable.shape, 0.5, 1.5, 'float32', 7);
      if (!variable.name.includes('conv')) variable.assign(noise);
      noise.dispose();
    }
    const before = tf.memory().numTensors;
    const bytes = exportNetwork(network, format);
    t.equal(tf.memory().numTensors, before, 'the export leaves no tensors');
    const own = networkTeacher(network);
    await withTeacher(t, bytes, {}, async (teacher) => {
      t.match(teacher.form, {
        kind: 'features',
        layout: 'NCHW',
        shape: [network.map[2], network.map[0], network.map[1]],
      });
      close(t, await rows(teacher, batch), await rows(own, batch), `logits of ${name}`);
      const [n, [h, w, c]] = [batch.size, network.map];
      const mapOfOwn = await own.outputs(batch);
      const map = tf.tidy(() => tf.transpose(tf.tensor(mapOfOwn, [n, h, w, c]), [0, 3, 1, 2]).dataSync());
      close(t, await teacher.outputs(batch), map as Float32Array, `map of ${name}`);
    });
    await withTeacher(t, bytes, { logits: 'logits' }, async ({ form, outputs }) => {
      t.same(form, { kind: 'logits', shape: [1, 10] });
      const global = (await rows(own, batch)).filter((_, i) => i % 50 < 10);
      close(t, await outputs(batch), global, `logits alone of ${name}`);
    });
    await own.dispose();
    t.equal(tf.memory().numTensors, 0);
  }
});

const meanInNHWC: ModelSpec['nodes'] = [
  ['ReduceMean', ['map'], 'mean', { axes: [1, 2], keepdims: 0 }],
  ['Gemm', ['mean', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }],
];
const [conv, pool, flatten, gemm] = usual().nodes;
const z: ModelSpec['nodes'][number] = ['Gemm', gemm[1], 'z', { transB: 1 }];
const probabilities: ModelSpec['nodes'] = [z, ['Softmax', ['z'], 'logits']];
/** The usual network up to the logits 'z', and what is made of them. */
const after = (...nodes: ModelSpec['nodes']) => usual({ nodes: [conv, pool, flatten, z, ...nodes] });
const writtenOut = usual({
  nodes: [
    ...[conv, pool, flatten, z],
    ['Exp', ['z'], 'e'],
    ['ReduceSum', ['e', 'axes'], 'sum'],
    ['Div', ['e', 'sum'], 'logits'],
  ],
  constants: { ...usual().constants, axes: { int64: [1] } },
});

/** Ends of a network that have to be found without being named, and the features' axis order. */
const ends: Record<string, [ModelSpec, 'NCHW' | 'NHWC']> = {
  'Gemm with transB': [usual(), 'NCHW'],
  'Gemm without transB, with factors': [
    usual({
      nodes: [conv, pool, flatten, ['Gemm', ['flat', 'fc.weight', 'fc.bias'], 'logits', { alpha: 0.5, beta: 2.5 }]],
      constants: { w: [6, 3, 3, 3], 'fc.weight': [6, 10], 'fc.bias': [10] },
    }),
    'NCHW',
  ],
  'no bias': [
    usual({ nodes: [conv, pool, flatten, ['Gemm', ['flat', 'fc.weight'], 'logits', { transB: 1 }]] }),
    'NCHW',
  ],
  'MatMul and Add, ReduceMean': [
    usual({
      nodes: [
        conv,
        ['ReduceMean', ['map'], 'mean', { axes: [-2, -1], keepdims: 0 }],
        ['MatMul', ['mean', 'fc.weight'], 'product'],
        ['Add', ['fc.bias', 'product'], 'logits'],
      ],
      constants: { w: [6, 3, 3, 3], 'fc.weight': [6, 10], 'fc.bias': [1, 10] },
    }),
    'NCHW',
  ],
  'MatMul of a transposed constant': [
    usual({
      nodes: [
        conv,
        pool,
        flatten,
        ['Transpose', ['fc.weight'], 'turned', { perm: [1, 0] }],
        ['MatMul', ['flat', 'turned'], 'product'],
        ['Add', ['product', 'fc.bias'], 'logits'],
      ],
    }),
    'NCHW',
  ],
  'AveragePool over the whole map': [
    usual({
      nodes: [conv, ['AveragePool', ['map'], 'mean', { kernel_shape: [8, 8] }], flatten, gemm],
    }),
    'NCHW',
  ],
  'a 1 x 1 Conv as the classifier': [
    usual({
      nodes: [conv, pool, ['Conv', ['mean', 'fc.weight', 'fc.bias'], 'z'], ['Flatten', ['z'], 'logits']],
      constants: { w: [6, 3, 3, 3], 'fc.weight': [10, 6, 1, 1], 'fc.bias': [10] },
    }),
    'NCHW',
  ],
  'a Softmax at the end': [usual({ nodes: [conv, pool, flatten, ...probabilities] }), 'NCHW'],
  'a Sigmoid at the end': [after(['Sigmoid', ['z'], 'logits']), 'NCHW'],
  'logits and their Softmax, both as outputs': [
    usual({ outputs: { logits: ['n', 10], p: ['n', 10] }, nodes: [...usual().nodes, ['Softmax', ['logits'], 'p']] }),
    'NCHW',
  ],
  'images and maps in NHWC': [
    usual({
      inputs: { images: ['n', 16, 16, 3] },
      nodes: [
        ['Transpose', ['images'], 'turned', { perm: [0, 3, 1, 2] }],
        ['Conv', ['turned', 'w'], 'planes', { pads: [1, 1, 1, 1], strides: [2, 2] }],
        ['Transpose', ['planes'], 'map', { perm: [0, 2, 3, 1] }],
        ...meanInNHWC,
      ],
    }),
    'NHWC',
  ],
  // As many channels as rows and columns: only the numbers tell the axis order.
  'a map of 8 x 8 x 8 in NHWC': [
    usual({
      nodes: [
        ['Conv', ['images', 'w'], 'planes', { pads: [1, 1, 1, 1], strides: [2, 2] }],
        ['Transpose', ['planes'], 'map', { perm: [0, 2, 3, 1] }],
        ...meanInNHWC,
      ],
      constants: { w: [8, 3, 3, 3], 'fc.weight': [10, 8], 'fc.bias': [10] },
    }),
    'NHWC',
  ],
};

t.test('ends of networks are found', async (t) => {
  for (const [what, [spec, layout]] of Object.entries(ends)) {
    await withTeacher(t, spec, {}, async (teacher) => {
      t.match(teacher.form, { kind: 'features', layout }, what);
      // The global logits are those that the model computes itself.
      await withTeacher(t, spec, { logits: 'logits' }, async ({ outputs }) => {
        const global = (await rows(teacher, batch)).filter((_, i) => i % 50 < 10);
        close(t, global, await outputs(batch), what);
      });
    });
  }
});

t.test('names take precedence, and lead through models where nothing is found', async (t) => {
  // Two outputs, each from a linear layer of its own.
  const twoHeads = usual({
    outputs: { logits: ['n', 10], other: ['n', 10] },
    nodes: [conv, pool, flatten, gemm, ['Gemm', ['flat', 'fc2.weight', 'fc2.bias'], 'other', { transB: 1 }]],
    constants: { w: [6, 3, 3, 3], 'fc.weight': [10, 6], 'fc.bias': [10], 'fc2.weight': [10, 6], 'fc2.bias': [10] },
  });
  await t.rejects(
    withTeacher(t, twoHeads, {}, async () => undefined),
    /several outputs .* linear layer \(logits, other\).*--teacher-weight.*: fc.weight \(6 channels, 10 classes\), fc2/,
  );
  await withTeacher(t, twoHeads, { weight: 'fc2.weight' }, async (teacher) => {
    await withTeacher(t, twoHeads, { logits: 'other' }, async ({ outputs }) =>
      close(
        t,
        (await rows(teacher, batch)).filter((_, i) => i % 50 < 10),
        await outputs(batch),
        'the other head',
      ),
    );
  });
  // The bias is added after a detour that the search does not follow.
  const detour = usual({
    nodes: [
      conv,
      ['Identity', ['map'], 'copy'],
      ['GlobalAveragePool', ['copy'], 'mean'],
      flatten,
      ['MatMul', ['flat', 'fc.weight'], 'logits'],
    ],
    constants: { w: [6, 3, 3, 3], 'fc.weight': [6, 10] },
  });
  await withTeacher(t, detour, { features: 'map', weight: 'fc.weight' }, async ({ form }) => {
    t.match(form, { shape: [6, 8, 8] });
  });
});

/** The logits that are taken under a name, the name that the log says, and the teacher's digest. */
async function taken(t: Test, spec: ModelSpec, logits: string) {
  const { description, digest, outputs, dispose } = await openOnnxTeacher({ path: save(t, spec), logits }, data, 1);
  const numbers = await outputs(batch);
  await dispose();
  return { description, digest, numbers };
}

t.test('probabilities are not taken for logits, but what they are made of', async (t) => {
  for (const last of [
    [['Softmax', ['z'], 'logits']],
    [['Sigmoid', ['z'], 'logits']],
    [
      ['Softmax', ['z'], 'p'],
      ['Identity', ['p'], 'q'],
      ['Flatten', ['q'], 'logits'],
    ],
  ] as ModelSpec['nodes'][]) {
    const [expected, got] = [await taken(t, after(...last), 'z'), await taken(t, after(...last), 'logits')];
    t.same(got.numbers, expected.numbers, last[0][0]);
    t.equal(got.description, "logits 'z' [10], of which 'logits' is made");
    t.equal(expected.description, "logits 'z' [10]");
    t.not(got.digest, expected.digest, 'stored outputs of the probabilities are not taken for these');
  }
});

t.test('the logarithms of probabilities are logits', async (t) => {
  for (const last of [
    [['LogSoftmax', ['z'], 'logits']],
    [
      ['Softmax', ['z'], 'p'],
      ['Log', ['p'], 'logits'],
    ],
  ] as ModelSpec['nodes'][]) {
    const { numbers, description } = await taken(t, after(...last), 'logits');
    t.equal(description, "logits 'logits' [10]");
    for (let at = 0; at < numbers.length; at += 10) {
      const sum = numbers.subarray(at, at + 10).reduce((total, value) => total + Math.exp(value), 0);
      t.ok(Math.abs(sum - 1) < 1e-5);
    }
  }
});

t.test('a named weight: its layer has to be what the model decides by', async (t) => {
  // The bias is added behind a detour that the search does not follow.
  const detour = usual({
    nodes: [
      ...[conv, pool, flatten],
      ['MatMul', ['flat', 'fc.weight'], 'product'],
      ['Identity', ['product'], 'copy'],
      ['Add', ['copy', 'fc.bias'], 'logits'],
    ],
    constants: { w: [6, 3, 3, 3], 'fc.weight': [6, 10], 'fc.bias': [10] },
  });
  await t.rejects(
    withTeacher(t, detour, { weight: 'fc.weight' }, async () => undefined),
    /another order than the model does in 'logits'.*--teacher-bias; otherwise .*--teacher-logits logits$/,
  );
  await withTeacher(t, detour, { weight: 'fc.weight', bias: 'fc.bias' }, async (teacher) => {
    const global = (await rows(teacher, batch)).filter((_, i) => i % 50 < 10);
    close(t, global, (await taken(t, detour, 'logits')).numbers, 'with the bias');
  });
  const hidden = usual({
    nodes: [...[conv, pool, flatten, z], ['Relu', ['z'], 'h'], ['Gemm', ['h', 'last'], 'logits']],
    constants: { ...usual().constants, last: [10, 10] },
  });
  await t.rejects(
    withTeacher(t, hidden, { weight: 'fc.weight' }, async () => undefined),
    /another order than the model does in 'logits'/,
  );
  // What keeps the order may follow.
  const cooled = after(['Div', ['z', 'temperature'], 'cooled'], ['Softmax', ['cooled'], 'logits']);
  for (const spec of [
    writtenOut,
    { ...cooled, constants: { ...cooled.constants, temperature: floats('temperature', [1], 2) } },
  ]) {
    await withTeacher(t, spec, { weight: 'fc.weight' }, async (teacher) => {
      const global = (await rows(teacher, batch)).filter((_, i) => i % 50 < 10);
      close(t, global, (await taken(t, spec, 'z')).numbers, 'the layer');
    });
  }
});

t.test('elements: double is taken, float16 is not', async (t) => {
  const cast = (to: number) => after(['Cast', ['z'], 'cast', { to }], ['Identity', ['cast'], 'logits']);
  const typed = (to: number) => model({ ...cast(to), outputs: {} });
  const [double, half] = [typed(11), typed(10)].map((bytes) => withOutputs(bytes, ['logits']));
  const expected = await taken(t, after(['Identity', ['z'], 'logits']), 'logits');
  await withTeacher(t, double, { logits: 'logits' }, async ({ outputs }) => {
    const numbers = await outputs(batch);
    t.ok(numbers instanceof Float32Array);
    t.same(numbers, expected.numbers);
  });
  await t.rejects(
    withTeacher(t, half, { logits: 'logits' }, async () => undefined),
    new TeacherError("'logits' has elements of type float16; expected float32 or float64"),
  );
});

t.test('images: as the model wants them', async (t) => {
  const unchanged =
    (spec: ModelSpec, options: Omit<OnnxOptions, 'path'>) => async (check: (map: Float32Array) => void) =>
      withTeacher(t, spec, options, async ({ outputs }) => check(await outputs(batch)));
  // The "feature map" is the image itself: what comes out is what went in.
  const mirror = usual({
    nodes: [['Identity', ['images'], 'map'], pool, flatten, gemm],
    constants: { 'fc.weight': [10, 3], 'fc.bias': [10] },
  });
  const plane = (image: number, c: number, pixel: number) => batch.images[(image * 256 + pixel) * 3 + c];
  await unchanged(mirror, {})((map) => t.equal(map[(2 * 3 + 1) * 256 + 77], plane(2, 1, 77), 'NHWC to NCHW'));
  const value = (image: number, c: number, pixel: number) => plane(image, c, pixel) * data.deviation[c] + data.mean[c];
  await unchanged(mirror, { mean: [0], std: [1] })((map) =>
    t.ok(Math.abs(map[(4 * 3 + 2) * 256 + 5] - value(4, 2, 5)) < 1e-6, 'values in 0 ... 1'),
  );
  await unchanged(mirror, { mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 0.125] })((map) =>
    t.ok(Math.abs(map[(4 * 3 + 2) * 256 + 5] - (value(4, 2, 5) - 0.3) / 0.125) < 1e-5, 'per channel'),
  );
  // Fixed numbers of images: the last ones are filled up.
  const spec = usual();
  await withTeacher(t, spec, {}, async (free) => {
    for (const n of [1, 2, 5, 8]) {
      await withTeacher(
        t,
        usual({ inputs: { images: [n, 3, 16, 16] }, outputs: { logits: [n, 10] } }),
        {},
        async (fixed) => close(t, await fixed.outputs(batch), await free.outputs(batch), `${n} images at once`, 1e-6),
      );
    }
  });
  // Constants in another file.
  const folder = t.testdir();
  const weight = floats('fc.weight', [10, 6], 9);
  const { rawData, ...rest } = weight;
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat([Buffer.alloc(16), present(rawData)]));
  const outside = {
    ...rest,
    dataLocation: 1,
    externalData: [
      { key: 'location', value: 'weights.bin' },
      { key: 'offset', value: '16' },
      { key: 'length', value: '240' },
    ],
  };
  const inside = model(usual({ constants: { w: [6, 3, 3, 3], 'fc.weight': weight, 'fc.bias': [10] } }));
  writeFileSync(
    join(folder, 'outside.onnx'),
    model(usual({ constants: { w: [6, 3, 3, 3], 'fc.weight': outside, 'fc.bias': [10] } })),
  );
  const teacher = await openOnnxTeacher({ path: join(folder, 'outside.onnx') }, data, 1);
  const expected = join(folder, 'inside.onnx');
  writeFileSync(expected, inside);
  const same = await openOnnxTeacher({ path: expected }, data, 1);
  close(t, await rows(teacher, batch), await rows(same, batch), 'constants in another file', 1e-6);
  const { digest } = teacher;
  await teacher.dispose();
  await same.dispose();
  writeFileSync(
    join(folder, 'weights.bin'),
    Buffer.concat([Buffer.alloc(16), present(floats('', [10, 6], 10).rawData)]),
  );
  const changed = await openOnnxTeacher({ path: join(folder, 'outside.onnx') }, data, 1);
  t.not(changed.digest, digest, 'the digest covers them');
  await changed.dispose();
});

const sevenClasses = usual({
  outputs: { logits: ['n', 7] },
  constants: { w: [6, 3, 3, 3], 'fc.weight': [7, 6], 'fc.bias': [7] },
});

const refused: [string, ModelSpec | Uint8Array, Omit<OnnxOptions, 'path'>, RegExp][] = [
  ['no model', Buffer.from('certainly not'), {}, /expected an ONNX model, found a file/],
  [
    'other images',
    usual({ inputs: { images: ['n', 3, 32, 32] } }),
    {},
    /input 'images' has shape \[n, 3, 32, 32\], and the data set's images are of 16 x 16 pixels and 3 channels/,
  ],
  ['another order', usual(), { layout: 'NHWC' }, /in the order NHWC/],
  ['two inputs', usual({ inputs: { images: ['n', 3, 16, 16], more: ['n', 1] } }), {}, /has 2 inputs \(images, more\)/],
  ['no floats', usual({ inputType: 10 }), {}, /elements of type 10/],
  ['not images', usual({ inputs: { images: ['n', 768] } }), {}, /has 2 axes/],
  ['other classes', sevenClasses, {}, /tells 7 classes apart; expected 10/],
  ['other logits', sevenClasses, { logits: 'logits' }, /tells 7 classes apart; expected 10/],
  [
    'no linear layer',
    usual({ nodes: [conv, pool, ['Flatten', ['mean'], 'logits']] }),
    {},
    /no output \(logits\) comes directly from a linear layer.*--teacher-logits/,
  ],
  [
    'no mean',
    usual({
      nodes: [conv, ['GlobalMaxPool', ['map'], 'mean'], flatten, gemm],
    }),
    {},
    /feature map was not found: the classifier's input 'flat' is not the mean.*--teacher-features.*averaged: none/,
  ],
  [
    'a map that is not averaged',
    usual({
      nodes: [conv, ['GlobalMaxPool', ['map'], 'mean'], flatten, gemm],
    }),
    { features: 'map' },
    /The mean over 'map' times 'fc.weight' is not the model's 'logits': they differ by/,
  ],
  [
    'a mean over a part',
    usual({
      nodes: [conv, ['AveragePool', ['map'], 'mean', { kernel_shape: [7, 7], strides: [8, 8] }], flatten, gemm],
    }),
    {},
    /is not the model's 'logits'/,
  ],
  [
    'an unknown map',
    usual(),
    { features: 'maps' },
    /--teacher-features: .* got 'maps'; did you mean 'map'\?.*Candidates: map/,
  ],
  ['a map of other channels', usual(), { features: 'flat' }, /'flat' has shape \[n, 6\]; expected \[n, 6, H, W\]/],
  ['an unknown weight', usual(), { weight: 'fc.wieght' }, /--teacher-weight: .*'fc.wieght'; did you mean 'fc.weight'/],
  ['no weight of a layer', usual(), { weight: 'fc.bias' }, /--teacher-weight: expected the constant weight of a Gemm/],
  [
    'a bias of another size',
    usual(),
    { bias: 'w' },
    /--teacher-bias: expected a constant of 10 numbers, got 'w' of shape/,
  ],
  ['unknown logits', usual(), { logits: 'logit' }, /--teacher-logits: .*did you mean 'logits'/],
  [
    'probabilities without a Softmax',
    writtenOut,
    { logits: 'logits' },
    /'logits' holds probabilities: .*--teacher-logits. Outputs of linear layers: z\.$/,
  ],
  [
    'a Softmax of probabilities',
    after(['Softmax', ['z'], 'p'], ['Softmax', ['p'], 'logits']),
    { logits: 'logits' },
    /'p' holds probabilities/,
  ],
  [
    'a mean of probabilities',
    usual({
      nodes: [
        ...[conv, ['Conv', ['map', 'fc.weight', 'fc.bias'], 'z'], ['Softmax', ['z'], 'p', { axis: 1 }]],
        ...[
          ['GlobalAveragePool', ['p'], 'mean'],
          ['Flatten', ['mean'], 'logits'],
        ],
      ] as ModelSpec['nodes'],
      constants: { w: [6, 3, 3, 3], 'fc.weight': [10, 6, 1, 1], 'fc.bias': [10] },
    }),
    {},
    /classifier was not found.*--teacher-logits mean\./,
  ],
  [
    'a mean of two channels',
    usual(),
    { mean: [1, 2] },
    /--teacher-mean: expected 1 or 3 numbers, one per channel, got 2/,
  ],
];

t.test('what does not fit is refused', async (t) => {
  for (const [what, spec, options, message] of refused) {
    const error = await withTeacher(t, spec, options, async () => undefined).catch((error: Error) => error);
    t.ok(error instanceof TeacherError, what);
    t.match((error as Error).message, message, what);
  }
  await t.rejects(openOnnxTeacher({ path: 'nowhere.onnx' }, data, 1), /--teacher nowhere.onnx: expected an ONNX model/);
});

/** The names that an error advises, by the option that they are for. */
function advised(message: string): Omit<OnnxOptions, 'path'>[] {
  const names = (pattern: RegExp) => [...message.matchAll(pattern)].flatMap(([, list]) => list.split(/ or |, /));
  return [
    ...names(/--teacher-logits ([\w.]+(?: or [\w.]+)*)/g).map((logits) => ({ logits })),
    ...names(/(?:Outputs of linear layers|--teacher-logits.*Candidates): ([\w., ]+)\.$/g).map((logits) => ({ logits })),
    ...names(/Weights of linear layers: ([\w., ()]+)\.$/g).map((weight) => ({ weight: weight.split(' ')[0] })),
    ...names(/Maps that are averaged: ([\w., ]+)\.$/g).map((features) => ({ features })),
  ].filter((options) => !Object.values(options).some((name) => ['none', 'NAME'].includes(name)));
}

t.test('what an error advises leads to logits, or to an error that says more', async (t) => {
  let followed = 0;
  const inspect = async (
    spec: ModelSpec | Uint8Array,
    options: Omit<OnnxOptions, 'path'>,
    depth = 0,
  ): Promise<void> => {
    const teacher = await openOnnxTeacher({ path: save(t, spec), ...options }, data, 1).catch((error: Error) => error);
    if (!(teacher instanceof Error)) {
      const numbers = await rows(teacher, batch);
      await teacher.dispose();
      const nonNegative = numbers.every((value) => value >= 0);
      t.notOk(nonNegative, `${JSON.stringify(options)}: logits`);
      return;
    }
    if (!t.ok(teacher instanceof TeacherError, teacher.message) || depth === 3) return;
    for (const next of advised(teacher.message)) {
      followed++;
      await inspect(spec, next, depth + 1);
    }
  };
  for (const [, spec, options] of refused) await inspect(spec, options);
  t.ok(followed > 20, `${followed} pieces of advice were followed`);
});
