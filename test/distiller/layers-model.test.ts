/** Models of layers as teachers and as students: what is found, that it is what the model computes, and what is refused. */
import { pool, type Side, type TensorLike } from 'gld-loss';
import { openStudent, openTeacher, type TfjsSide } from 'gld-loss/tfjs';
import t from 'tap';
import { present } from '../../tools/present.js';
import { tf } from '../support/tfjs.js';
import { expectRows } from './rows.js';

t.setTimeout(60_000);
await tf.setBackend('cpu');
const K = 4;
const images = tf.randomNormal([5, 8, 8, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
let seed = 2;
const random = () => tf.initializers.randomNormal({ mean: 0.1, stddev: 0.5, seed: (seed += 1) });
const weights = () => ({ kernelInitializer: random(), biasInitializer: random() });
const { layers } = tf;

const body = () =>
  layers.conv2d({ inputShape: [8, 8, 3], filters: 6, kernelSize: 3, activation: 'relu', ...weights() });
const dense = (units: number, activation: 'linear' | 'relu' | 'softmax' | 'sigmoid' = 'linear') =>
  layers.dense({ units, activation, ...weights() });
const point = (filters: number) => layers.conv2d({ filters, kernelSize: 1, ...weights() });
const norm = () =>
  layers.batchNormalization({
    gammaInitializer: random(),
    betaInitializer: random(),
    movingMeanInitializer: random(),
    movingVarianceInitializer: tf.initializers.randomUniform({ minval: 0.5, maxval: 2, seed: (seed += 1) }),
  });
const gap = () => layers.globalAveragePooling2d({});
const sequential = (...list: tf.layers.Layer[]) => tf.sequential({ layers: [body(), ...list] });

const whole = () => layers.averagePooling2d({ poolSize: 6, strides: 6 });
const linear: Record<string, () => tf.LayersModel> = {
  'a dense layer': () => sequential(gap(), dense(K)),
  'without a bias': () => sequential(gap(), layers.dense({ units: K, useBias: false, kernelInitializer: random() })),
  'a softmax of the layer': () => sequential(gap(), dense(K, 'softmax')),
  'a softmax behind it': () => sequential(gap(), dense(K), layers.activation({ activation: 'softmax' })),
  'a layer Softmax': () => sequential(gap(), dense(K), layers.softmax()),
  'batch normalization': () => sequential(gap(), norm(), dense(K)),
  'batch normalization behind it': () => sequential(gap(), dense(K), norm()),
  rescaling: () => sequential(gap(), layers.rescaling({ scale: 0.3, offset: 0.2 }), dense(K)),
  'several layers': () =>
    sequential(gap(), norm(), dense(5), norm(), layers.dropout({ rate: 0.5 }), dense(7), dense(K)),
  'average pooling and flatten': () => sequential(whole(), layers.flatten(), dense(K)),
  'a convolution behind the mean': () =>
    sequential(whole(), layers.dropout({ rate: 0.4 }), point(K), layers.reshape({ targetShape: [K] })),
  'a convolution before the mean: a map of logits': () => sequential(point(K), gap()),
  'a map of logits and a softmax': () => sequential(point(K), gap(), layers.softmax()),
  'a model in a model': () => {
    const base = sequential(layers.conv2d({ filters: 5, kernelSize: 3, ...weights() }));
    const input = tf.input({ shape: [8, 8, 3] });
    const output = [gap(), dense(K)].reduce<tf.SymbolicTensor>(
      (x, layer) => layer.apply(x) as tf.SymbolicTensor,
      base.apply(input) as tf.SymbolicTensor,
    );
    return tf.model({ inputs: input, outputs: output });
  },
  'a model with the mean in it, and branches before': () => {
    const input = tf.input({ shape: [8, 8, 3] });
    const [a, b] = [body().apply(input), body().apply(input)] as tf.SymbolicTensor[];
    const sum = layers.add().apply([a, b]) as tf.SymbolicTensor;
    const base = tf.model({ inputs: input, outputs: gap().apply(sum) as tf.SymbolicTensor });
    return tf.sequential({ layers: [base, dense(K)] });
  },
};

for (const [name, build] of Object.entries(linear)) {
  t.test(`linear heads: ${name}`, async (t) => {
    const model = build();
    const before = tf.memory().numTensors;
    const student = await openStudent(tf, model, images);
    const teacher = await openTeacher(tf, model, images);
    t.equal(tf.memory().numTensors, before, 'opening keeps no tensors');
    const side = await teacher.outputs(images);
    t.equal(tf.memory().numTensors, before, 'neither do the outputs');
    const isMap = name.includes('map of logits');
    t.same('logitMap' in side, isMap);
    const [own, logits] = tf.tidy(() => {
      const given = student.forward(images, false) as { [name: string]: unknown };
      const read = (x: unknown) => ({ data: (x as tf.Tensor).dataSync(), shape: (x as tf.Tensor).shape });
      const entries = Object.entries(given).map(([key, x]) => [key, x instanceof tf.Tensor ? read(x) : x]);
      return [Object.fromEntries(entries), read(student.logits(images))] as const;
    });
    expectRows(t, own as TfjsSide, logits, 'the student');
    expectRows(t, side as TfjsSide, logits, 'the teacher');
    await teacher.dispose();
    model.dispose();
  });
}

/** What tfjs computes of a student's side: the global logits, and by them the loss that is differentiated. */
function globalLogits(side: TfjsSide<tf.Tensor>): tf.Tensor {
  const { features, weight, bias, logitMap } = side as { [name: string]: tf.Tensor | undefined };
  if (logitMap !== undefined) return tf.mean(logitMap, [1, 2]);
  const product = tf.matMul(tf.mean(present(features), [1, 2]), present(weight) as tf.Tensor2D);
  return bias === undefined ? product : tf.add(product, bias);
}

t.test('gradients reach all variables of a student, through what was folded', async (t) => {
  for (const name of ['several layers', 'rescaling', 'a convolution behind the mean', 'a softmax of the layer']) {
    const model = present(linear[name])();
    const student = await openStudent(tf, model, images);
    const towards = tf.randomNormal([5, K], 0, 1, 'float32', 9);
    const gradients = (f: () => tf.Tensor) =>
      tf.variableGrads(() => tf.sum(tf.square(tf.sub(f(), towards))), student.variables as tf.Variable[]).grads;
    const [own, expected] = [
      gradients(() => globalLogits(student.forward(images, false) as TfjsSide<tf.Tensor>)),
      gradients(() => student.logits(images)),
    ];
    t.ok(student.variables.length >= 4, `${name}: ${student.variables.length} variables`);
    for (const { name: variable } of student.variables as tf.Variable[]) {
      const [a, b] = [own, expected].map((each) => present(each[variable]).dataSync() as Float32Array);
      expectRows(t, { logits: { data: a, shape: [1, a.length] } }, { data: b, shape: [1, b.length] }, variable, 1e-4);
    }
    model.dispose();
  }
});

t.test('training: batch normalization before the mean learns, and that behind it is as at inference', async (t) => {
  const model = tf.sequential({ layers: [body(), norm(), gap(), norm(), dense(K)] });
  const statistics = () => model.getWeights().map((weight) => weight.dataSync().slice());
  const student = await openStudent(tf, model, images);
  const before = statistics();
  tf.tidy(() => void student.forward(images, true));
  const changed = statistics().flatMap((values, i) => (values.some((x, j) => x !== before[i][j]) ? [i] : []));
  t.equal(changed.length, 2, 'two statistics of one layer');
  const frozen = model.layers[0];
  frozen.trainable = false;
  t.equal(student.variables.length, present(model.trainableWeights).length);
  model.dispose();
});

/** A model, and its head: logits of pooled features, [m, C] to [m, K]. */
type Curved = [tf.LayersModel, (rows: tf.Tensor) => tf.Tensor];

const curved: Record<string, () => Curved> = {
  'a hidden layer': () => {
    const [hidden, last] = [dense(6, 'relu'), dense(K)];
    return [sequential(gap(), hidden, last), (rows) => last.apply(hidden.apply(rows)) as tf.Tensor];
  },
  'layer normalization and a softmax': () => {
    const [standard, last] = [layers.layerNormalization({ betaInitializer: random() }), dense(K)];
    return [
      sequential(gap(), standard, last, layers.softmax()),
      (rows) => last.apply(standard.apply(rows)) as tf.Tensor,
    ];
  },
  'two branches behind the mean': () => {
    const [left, right, last] = [dense(5, 'relu'), dense(5), dense(K, 'softmax')];
    const head = (x: tf.Tensor | tf.SymbolicTensor) =>
      layers.multiply().apply([left, right].map((each) => each.apply(x)) as never);
    const input = tf.input({ shape: [8, 8, 3] });
    const mean = gap().apply(body().apply(input)) as tf.SymbolicTensor;
    const model = tf.model({
      inputs: input,
      outputs: last.apply(head(mean) as tf.SymbolicTensor) as tf.SymbolicTensor,
    });
    const [kernel, bias] = last.getWeights();
    return [model, (rows) => tf.add(tf.matMul(head(rows) as tf.Tensor2D, kernel as tf.Tensor2D), bias)];
  },
};

const mapOf = ({ layers }: tf.LayersModel) =>
  present(layers.find((layer) => layer.getClassName() === 'Conv2D')).output as tf.SymbolicTensor;

for (const [name, build] of Object.entries(curved)) {
  t.test(`heads that are not linear: ${name}`, async (t) => {
    const [model, head] = build();
    const teacher = await openTeacher(tf, { model }, images, { grid: [2, 3] });
    const { logits } = (await teacher.outputs(images)) as { logits: TensorLike };
    const map = tf.model({ inputs: model.inputs, outputs: mapOf(model) }).predict(images) as tf.Tensor;
    const { pooled } = pool({ features: { data: map.dataSync(), shape: map.shape }, layout: 'NHWC' }, { grid: [2, 3] });
    const expected = head(tf.tensor(pooled.data, [5 * 7, 6])).dataSync() as Float32Array;
    t.same(logits.shape, [5, 7, K]);
    expectRows(t, { logits: { data: logits.data, shape: [35, K] } }, { data: expected, shape: [35, K] }, name);
    await t.rejects(openStudent(tf, model, images), {
      code: 'ERR_GLD_SPLIT',
      argument: 'student',
      expected: /linear layers alone/,
    });
  });
}

const refused: Record<string, [() => tf.LayersModel, RegExp]> = {
  'a flattened map': [
    () => sequential(layers.flatten(), dense(K)),
    /'flatten_\w+' \[5, 216\] \(Flatten\), which is not the mean over the map 'conv2d_\w+' \[5, 6, 6, 6\]/,
  ],
  'a maximum': [
    () => sequential(layers.globalMaxPooling2d({}), dense(K)),
    /GlobalMaxPooling2D.* is not the mean over the map/,
  ],
  'a mean over a part': [
    () => sequential(layers.averagePooling2d({ poolSize: 5, strides: 5 }), layers.flatten(), dense(K)),
    /AveragePooling2D\), which is not the mean/,
  ],
  'a head with two inputs': [
    () => {
      const input = tf.input({ shape: [8, 8, 3] });
      const map = body().apply(input) as tf.SymbolicTensor;
      const both = [gap(), layers.globalMaxPooling2d({})].map((each) => each.apply(map) as tf.SymbolicTensor);
      const row = layers.concatenate().apply(both) as tf.SymbolicTensor;
      return tf.model({ inputs: input, outputs: dense(K).apply(row) as tf.SymbolicTensor });
    },
    /'concatenate_\w+' \[5, 12\] \(Concatenate\), which is not the mean/,
  ],
  'a map of logits as the output': [() => sequential(point(K)), /'conv2d_\w+' \[5, 6, 6, 4\]/],
  'no map': [() => tf.sequential({ layers: [layers.flatten({ inputShape: [8, 8, 3] }), dense(K)] }), /no map among/],
};

for (const [name, [build, received]] of Object.entries(refused)) {
  t.test(`refused: ${name}`, async (t) => {
    const model = build();
    const before = tf.memory().numTensors;
    const common = { code: 'ERR_GLD_SPLIT', received };
    await t.rejects(openTeacher(tf, model, images), { ...common, argument: 'teacher', expected: /stored outputs/ });
    await t.rejects(openStudent(tf, model, images), { ...common, argument: 'student' });
    t.equal(tf.memory().numTensors, before);
    model.dispose();
  });
}

t.test('a sigmoid: its logits are those of a teacher, and no student ends in it', async (t) => {
  const ends = [[dense(K, 'sigmoid')], [dense(K), layers.activation({ activation: 'sigmoid' })]];
  for (const end of ends) {
    const model = sequential(gap(), ...end);
    const teacher = await openTeacher(tf, model, images);
    const output = model.predict(images) as tf.Tensor;
    const logits = tf.log(tf.div(output, tf.sub(1, output)));
    const read = { data: logits.dataSync(), shape: logits.shape };
    expectRows(t, (await teacher.outputs(images)) as TfjsSide, read, 'the teacher');
    const name = (end.at(-1) as tf.layers.Layer).name;
    await t.rejects(openStudent(tf, model, images), {
      name: 'RangeError',
      code: 'ERR_GLD_SPLIT',
      argument: 'student',
      expected: /end it in a linear layer, or in a softmax/,
      received: new RegExp(`'${name}', a sigmoid`),
    });
  }
});

t.test('refused: images that a model does not take, by what the model says', async (t) => {
  const model = sequential(gap(), dense(K));
  const grey = tf.mean(images, 3, true);
  await t.rejects(openTeacher(tf, model, grey), {
    code: 'ERR_GLD_SPLIT',
    argument: 'teacher',
    expected: 'a model that takes images of shape [5, 8, 8, 1]',
    received: /depth|dimensions|shape/,
  });
  const integers = tf.cast(images, 'int32');
  const dtype = { name: 'TypeError', code: 'ERR_GLD_DTYPE', argument: 'images', received: /^int32, of which/ };
  await t.rejects(openTeacher(tf, model, integers), dtype);
  const scaled = tf.sequential({
    layers: [layers.rescaling({ inputShape: [8, 8, 3], scale: 0.1 }), sequential(gap(), dense(K))],
  });
  const spread = tf.tidy(() => tf.cast(tf.mul(images, 100), 'int32'));
  const before = tf.memory().numTensors;
  t.ok(await openStudent(tf, scaled, spread), 'one that begins with Rescaling takes integers');
  await t.rejects(openStudent(tf, model, integers), dtype);
  await t.rejects(openTeacher(tf, model, grey));
  t.equal(tf.memory().numTensors, before);
  for (const [result, argument] of [
    [undefined, 'teacher.preprocess()'],
    [Promise.resolve(images), 'teacher.preprocess()'],
  ] as const) {
    const preprocess = (() => result) as never;
    await t.rejects(openTeacher(tf, { model, preprocess }, images), { code: 'ERR_GLD_ARG_TYPE', argument });
  }
  const preprocess = (x: tf.Tensor) => tf.slice(x, 0, 2);
  const fewer = { code: 'ERR_GLD_SHAPE', argument: 'teacher.preprocess()', expected: 'a tensor of 5 samples' };
  await t.rejects(openTeacher(tf, { model, preprocess }, images), fewer);
  const student = await openStudent(tf, model, images);
  const teacher = await openTeacher(tf, model, images);
  model.dispose();
  const disposed = (argument: string) => ({ name: 'TypeError', code: 'ERR_GLD_DISPOSED', argument });
  await t.rejects(openStudent(tf, model, images), disposed('student'));
  await t.rejects(openTeacher(tf, model, images), disposed('teacher'));
  await t.rejects(teacher.outputs(images), disposed('teacher'), 'also later');
  t.throws(() => student.forward(images, true), disposed('student'));
});

t.test('refused: images that tell nothing', async (t) => {
  const model = sequential(gap(), dense(K));
  await t.rejects(openTeacher(tf, model, tf.zeros([2, 8, 8, 3])), {
    code: 'ERR_GLD_SPLIT',
    received: /all of whose positions are alike for these images/,
  });
});

t.test('names: of the map, of the logits, and neither', async (t) => {
  const [base, mean, last] = [body(), gap(), dense(K, 'softmax')];
  const model = tf.sequential({ layers: [base, mean, last] });
  const before = tf.memory().numTensors;
  const [found, named, alone] = [
    await openTeacher(tf, { model }, images),
    await openTeacher(tf, { model, features: base.name, logits: `${last.name}/logits` }, images),
    await openTeacher(tf, { model, features: false }, images),
  ];
  t.same(await named.outputs(images), await found.outputs(images));
  t.match(found.description, `feature map '${base.name}' [6, 6, 6]`);
  t.equal(alone.description, `logits '${last.name}/logits'`);
  const { logits } = (await alone.outputs(images)) as { logits: TensorLike };
  expectRows(t, (await found.outputs(images)) as Side, logits, 'logits alone');
  t.equal(tf.memory().numTensors, before);
  for (const [names, error] of [
    [{ features: mean.name }, { code: 'ERR_GLD_SPLIT', received: /whose mean no tensor behind it is/ }],
    [{ features: `${base.name}s` }, { code: 'ERR_GLD_OPTION', received: new RegExp(`did you mean ${base.name}`) }],
    [{ logits: 'z' }, { code: 'ERR_GLD_OPTION', argument: 'teacher.logits' }],
  ] as const) {
    await t.rejects(openTeacher(tf, { model, ...names }, images), error);
  }
  const scaled = await openTeacher(tf, { model, preprocess: (x) => tf.mul(x, 2) }, images);
  t.notSame(await scaled.outputs(images), await found.outputs(images));
  t.equal(tf.memory().numTensors, before);
});

t.test('sequences', async (t) => {
  const words = tf.randomNormal([5, 9, 3], 0, 1, 'float32', 5);
  const model = tf.sequential({
    layers: [
      layers.conv1d({ inputShape: [9, 3], filters: 6, kernelSize: 2, ...weights() }),
      layers.globalAveragePooling1d({}),
      dense(K),
    ],
  });
  const teacher = await openTeacher(tf, model, words);
  t.match(await teacher.outputs(words), { layout: 'NWC' });
  t.match(await openStudent(tf, model, words), { description: /\(linear\)/ });
});
