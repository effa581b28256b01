// ONNX models as teachers of the main job: networks of tfjs exported and run give the same numbers; images are as the model
// wants them; what does not fit is refused. Which heads are found is tested with the library, in test/distiller.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Batch, type Dataset, loadDataset, Rng } from '../../data/index.js';
import { exportNetwork } from '../../onnx/export.js';
import { openOnnxTeacher, type OnnxOptions } from '../../onnx/teacher.js';
import { accuracy, logitRows } from '../../teachers/logits.js';
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

const open = (options: OnnxOptions, set = data) => openOnnxTeacher(options, set, 1);

/** The first of five rows of ten logits. */
const globalRows = (rows: Float32Array) => rows.filter((_, i) => i % 50 < 10);

async function withTeacher(
  t: Test,
  spec: ModelSpec | Uint8Array,
  options: Omit<OnnxOptions, 'path'>,
  use: (teacher: Teacher) => Promise<void>,
  set: Dataset = data,
): Promise<void> {
  const teacher = await open({ path: save(t, spec), ...options }, set);
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
      close(t, await outputs(batch), globalRows(await rows(own, batch)), `logits alone of ${name}`);
    });
    await own.dispose();
    t.equal(tf.memory().numTensors, 0);
  }
});

const [conv, pool, flatten, gemm] = usual().nodes;
const { constants } = usual();

/** Ends of a network, the features' axis order, and how many channels the map has. */
const ends: Record<string, [ModelSpec, 'NCHW' | 'NHWC', number]> = {
  'a Gemm': [usual(), 'NCHW', 6],
  'images and maps in NHWC': [
    usual({
      inputs: { images: ['n', 16, 16, 3] },
      nodes: [
        ['Transpose', ['images'], 'turned', { perm: [0, 3, 1, 2] }],
        ['Conv', ['turned', 'w'], 'planes', { pads: [1, 1, 1, 1], strides: [2, 2] }],
        ['Transpose', ['planes'], 'map', { perm: [0, 2, 3, 1] }],
        ['ReduceMean', ['map'], 'mean', { axes: [1, 2], keepdims: 0 }],
        ['Gemm', ['mean', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }],
      ],
    }),
    'NHWC',
    6,
  ],
  'a map of logits': [
    usual({
      nodes: [conv, ['Conv', ['map', 'point'], 'planes'], ['GlobalAveragePool', ['planes'], 'mean'], flatten],
      outputs: { flat: ['n', 10] },
      constants: { w: [6, 3, 3, 3], point: [10, 6, 1, 1] },
    }),
    'NCHW',
    10,
  ],
};

t.test('ends of networks are found', async (t) => {
  for (const [what, [spec, layout, channels]] of Object.entries(ends)) {
    await withTeacher(t, spec, {}, async (teacher) => {
      t.match(teacher.form, { kind: 'features', layout }, what);
      t.equal(teacher.form.shape[layout === 'NCHW' ? 0 : 2], channels);
      // The global logits are those that the model computes itself.
      await withTeacher(t, spec, { logits: Object.keys(spec.outputs)[0] }, async ({ outputs }) => {
        close(t, globalRows(await rows(teacher, batch)), await outputs(batch), what);
      });
    });
  }
});

t.test('a head that is not linear gives the logits of the cells', async (t) => {
  const curved = usual({
    nodes: [
      conv,
      pool,
      flatten,
      ['Relu', ['flat'], 'h'],
      ['LayerNormalization', ['h', 's'], 'u'],
      ['Gemm', ['u', ...gemm[1].slice(1)], 'logits', { transB: 1 }],
    ],
    constants: { ...constants, s: [6] },
  });
  await withTeacher(t, curved, {}, async (teacher) => {
    t.same(teacher.form, { kind: 'logits', shape: [5, 10] });
    const all = await rows(teacher, batch);
    t.equal(all.length, batch.size * 50);
    await withTeacher(t, curved, { logits: 'logits' }, async ({ form, outputs }) => {
      t.same(form, { kind: 'logits', shape: [1, 10] });
      close(t, globalRows(all), await outputs(batch), 'the global ones');
      close(t, logitRows(sideOf(teacher.form, all, batch.size), [0, 0]), await outputs(batch), 'and by themselves');
    });
    t.ok((await accuracy(teacher, data.test)) >= 0);
  });
});

t.test('what is taken is in the description and in the digest', async (t) => {
  const twoHeads = usual({
    outputs: { logits: ['n', 10], other: ['n', 10] },
    nodes: [...usual().nodes, ['Gemm', ['flat', 'v', 'fc.bias'], 'z'], ['Softmax', ['z'], 'other']],
    constants: { ...constants, v: [6, 10] },
  });
  await t.rejects(
    withTeacher(t, twoHeads, {}, async () => undefined),
    /a model with one output.*got 2 \(logits, other\).*--teacher-features and --teacher-logits name the two/,
  );
  const path = save(t, twoHeads);
  const taken = await Promise.all(
    [
      { features: 'map', logits: 'other' },
      { features: 'map', logits: 'logits' },
      { logits: 'other' },
      { logits: 'z' },
    ].map(async (names) => {
      const { description, digest, dispose } = await open({ path, ...names });
      await dispose();
      return { description, digest };
    }),
  );
  t.same(
    taken.map(({ description }) => description),
    [
      ...['z', 'logits'].map((logits) => `feature map 'map' [6, 8, 8], head to '${logits}' (linear)`),
      ...["logits 'z'", "logits 'z'"],
    ],
  );
  t.equal(new Set(taken.map(({ digest }) => digest)).size, 3);
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
  const teacher = await open({ path: join(folder, 'outside.onnx') });
  const expected = join(folder, 'inside.onnx');
  writeFileSync(expected, inside);
  const same = await open({ path: expected });
  close(t, await rows(teacher, batch), await rows(same, batch), 'constants in another file', 1e-6);
  const { digest } = teacher;
  await teacher.dispose();
  await same.dispose();
  writeFileSync(
    join(folder, 'weights.bin'),
    Buffer.concat([Buffer.alloc(16), present(floats('', [10, 6], 10).rawData)]),
  );
  const changed = await open({ path: join(folder, 'outside.onnx') });
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
    /images: expected \[any, 3, 32, 32\], which teacher takes as 'images', got \[8, 16, 16, 3\]/,
  ],
  ['another order', usual(), { layout: 'NHWC' }, /images: expected \[any, 3, 16, 16\]/],
  ['other classes', sevenClasses, {}, /tells 7 classes apart; expected 10/],
  ['other logits', sevenClasses, { logits: 'logits' }, /tells 7 classes apart; expected 10/],
  [
    'no mean',
    usual({ nodes: [conv, ['GlobalMaxPool', ['map'], 'mean'], flatten, gemm] }),
    {},
    /\(GlobalMaxPool\), which is not the mean over the map 'map' .*--teacher-logits alone takes nothing else/,
  ],
  ['an unknown map', usual(), { features: 'maps' }, /'maps' \(did you mean map\?\)/],
  ['two means', usual(), { mean: [1, 2] }, /--teacher-mean: expected 1 or 3 numbers, one per channel, got 2/],
];

t.test('what does not fit is refused', async (t) => {
  for (const [what, spec, options, message] of refused) {
    const error = await withTeacher(t, spec, options, async () => undefined).catch((error: Error) => error);
    t.ok(error instanceof TeacherError, what);
    t.match((error as Error).message, message, what);
  }
  await t.rejects(open({ path: 'nowhere.onnx' }), /--teacher nowhere.onnx: expected an ONNX model/);
});
