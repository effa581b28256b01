/** The distiller trains as a model's own fit does. */
import '@tensorflow/tfjs-backend-wasm';
import { Distiller, registerGradients } from 'gld-loss/tfjs';
import t from 'tap';
import { tf } from '../support/tfjs.js';
import { distance, K, network, random, samples, weightsOf } from './networks.js';

/** The task term alone. */
const plain = { alpha: 0, beta: 0, localWeight: 0 };
const quiet = { verbose: 0 } as const;

t.before(async () => {
  registerGradients(tf);
  await tf.setBackend('wasm');
});

t.test('with the task term alone, an epoch gives the weights that the model gets from its own fit', async (t) => {
  const { images, labels } = samples(24);
  const teacher = network({ seed: 5 });
  for (const optimizer of ['sgd', 'adam'] as const) {
    const [ours, theirs] = [network({ l2: 0.1 }), network({ l2: 0.1 })];
    t.equal(distance(ours, theirs), 0);
    const args = { epochs: 2, batchSize: 7, shuffle: false, ...quiet };
    const distiller = new Distiller(tf, {
      teacher,
      student: ours,
      optimizer,
      loss: plain,
      metrics: ['accuracy', 'ce'],
    });
    const got = await distiller.fit(images, labels, args);
    theirs.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const expected = await theirs.fit(images, tf.cast(labels, 'float32'), args);
    const worst = distance(ours, theirs);
    t.ok(worst < 2e-5, `${optimizer}: weights differ by ${worst}`);
    for (const name of ['loss', 'acc'] as const) {
      const [a, b] = [got.history[name], expected.history[name] as number[]];
      t.ok(
        a.every((value, i) => Math.abs(value - b[i]) < 1e-4),
        `${optimizer}: ${name} ${a} and ${b}`,
      );
    }
    t.ok(Math.abs(got.history.ce[0] - got.history.task[0]) < 1e-4, 'the metric ce is the task term');
    await distiller.dispose();
  }
});

t.test('it distils, reports and stays an ordinary model', async (t) => {
  const { images, labels } = samples(48);
  const teacher = network({ filters: 10, seed: 5 });
  teacher.compile({ optimizer: tf.train.adam(0.02), loss: 'sparseCategoricalCrossentropy' });
  await teacher.fit(images, tf.cast(labels, 'float32'), { epochs: 8, shuffle: false, ...quiet });
  const student = network({ dropout: 0.2 });
  const distiller = new Distiller(tf, { teacher, student, optimizer: tf.train.adam(0.02), metrics: 'accuracy' });
  const seen: string[] = [];
  const { epoch, history } = await distiller.fit(images, labels, {
    epochs: 6,
    batchSize: 16,
    shuffle: false,
    validationSplit: 0.25,
    callbacks: {
      onTrainBegin: () => void seen.push('begin'),
      onEpochEnd: (epoch, logs) => void seen.push(`${epoch} ${Object.keys(logs ?? {}).length}`),
      onBatchEnd: async (batch, logs) => void seen.push(`${batch}:${logs?.size}`),
      onTrainEnd: () => void seen.push('end'),
    },
    ...quiet,
  });
  t.strictSame(epoch, [0, 1, 2, 3, 4, 5]);
  const names = ['loss', 'global', 'local', 'relation', 'task', 'acc'];
  t.strictSame(Object.keys(history).sort(), [...names, ...names.map((name) => `val_${name}`)].sort());
  t.ok(Object.values(history).every((values) => values.length === 6 && values.every(Number.isFinite)));
  t.ok(history.val_loss[5] < history.val_loss[0], `${history.val_loss}`);
  t.ok(history.val_acc[5] > 0.5, `${history.val_acc}`);
  t.strictSame(seen.slice(0, 5), ['begin', '0:16', '1:16', '2:4', `0 ${2 * names.length}`]);
  t.equal(seen.at(-1), 'end');

  const logs = await distiller.evaluate(images, labels, { batchSize: 48 });
  t.strictSame(Object.keys(logs).sort(), [...names].sort());
  const hot = await distiller.evaluate(images, tf.oneHot(labels, K), { batchSize: 48 });
  t.ok(
    names.every((name) => Math.abs(logs[name] - hot[name]) < 1e-5),
    'one-hot labels are the same',
  );

  let saved!: tf.io.ModelArtifacts;
  await student.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved));
  const difference = tf.max(tf.abs(tf.sub(student.predict(images) as tf.Tensor, loaded.predict(images) as tf.Tensor)));
  t.equal(difference.dataSync()[0], 0, 'it was saved and loaded');
  await distiller.dispose();
});

t.test('nothing stays behind, also where a callback or the loss throws', async (t) => {
  const { images, labels } = samples(24);
  const teacher = network({ seed: 5 });
  const student = network({ dropout: 0.1 });
  const wrong = tf.tensor1d(
    Array.from({ length: 24 }, () => K),
    'int32',
  );
  const dataset = tf.data.generator(function* () {
    for (let i = 0; i < 3; i += 1) yield { xs: tf.clone(images), ys: tf.clone(labels) };
  } as never);
  const before = tf.memory().numTensors;
  const distiller = new Distiller(tf, { teacher, student, optimizer: 'adam', metrics: ['acc'] });
  const args = { batchSize: 8, ...quiet };
  await distiller.fit(images, labels, { ...args, validationSplit: 0.3 });
  const trained = tf.memory().numTensors;
  await distiller.fit(images, labels, { ...args, validationData: [images, labels] });
  await distiller.fitDataset(dataset as never, { epochs: 2, validationData: dataset as never, ...quiet });
  await distiller.evaluate(images, labels);
  const stop = () => {
    throw new Error('stop');
  };
  for (const hook of ['onTrainBegin', 'onEpochBegin', 'onBatchBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd']) {
    await t.rejects(distiller.fit(images, labels, { ...args, callbacks: { [hook]: stop } }), { message: 'stop' }, hook);
  }
  await t.rejects(distiller.fit(images, wrong, args), { code: 'ERR_GLD_LABEL' });
  await t.rejects(distiller.fit(images, labels, { ...args, classWeight: { 0: 1 } }), { code: 'ERR_GLD_WEIGHT' });
  t.equal(tf.memory().numTensors, trained, 'as many tensors as after the first training');
  await distiller.dispose();
  t.equal(tf.memory().numTensors, before, 'none after dispose()');
});

t.test('callbacks of tfjs, several of them, and epochs from a later one on', async (t) => {
  const { images, labels } = samples(16);
  const student = network();
  const fixed = (labels: tf.Tensor) => tf.zeros([labels.shape[0]]);
  const optimizer = tf.train.sgd(0);
  const distiller = new Distiller(tf, { teacher: network({ seed: 5 }), student, optimizer, metrics: [fixed, 'mse'] });
  const epochs: number[] = [];
  const callbacks = [
    tf.callbacks.earlyStopping({ monitor: 'val_fixed', mode: 'max', patience: 2 }),
    { onEpochBegin: (epoch: number) => void epochs.push(epoch) },
    new tf.CustomCallback({ onEpochEnd: async (epoch) => void epochs.push(-epoch) }),
  ];
  const args = { epochs: 9, initialEpoch: 3, validationData: [images, labels] as const, callbacks, ...quiet };
  const { history } = await distiller.fit(images, labels, args);
  t.strictSame(epochs, [3, -3, 4, -4, 5, -5], 'early stopping stops when its patience is at an end');
  t.strictSame(history.fixed, [0, 0, 0]);
  t.ok(history.mse[0] > 0);
  const stopping = { onBatchEnd: () => void ((student as unknown as { stopTraining: boolean }).stopTraining = true) };
  const { epoch } = await distiller.fit(images, labels, { epochs: 3, batchSize: 4, callbacks: stopping, ...quiet });
  t.strictSame(epoch, [0], 'the model says when to stop');
  await distiller.dispose();
});

t.test('weights of classes and samples count in every term', async (t) => {
  const { images, labels } = samples(12);
  const teacher = network({ seed: 5 });
  const args = { batchSize: 12, shuffle: false, ...quiet };
  const trained = async (more: object, settings: object = {}) => {
    const student = network();
    const distiller = new Distiller(tf, { teacher, student, warmup: 0, ...settings });
    await distiller.fit(images, labels, { ...args, ...more });
    await distiller.dispose();
    return student;
  };
  const sampleWeight = tf.tensor1d(Array.from({ length: 12 }, (_, i) => 1 + (i % K)));
  const byClass = await trained({ classWeight: { 0: 1, 1: 2, 2: 3, 3: 4 } });
  t.equal(distance(byClass, await trained({ sampleWeight })), 0, 'a class weight is a weight of its samples');
  t.ok(distance(byClass, await trained({})) > 1e-6, 'it changes the training');
  const twice = tf.tensor1d(Array.from({ length: 12 }, () => 2));
  t.ok(distance(await trained({ sampleWeight: twice }), await trained({})) < 1e-6, 'equal weights are none');
});

t.test('the terms warm up over a tenth of the epochs unless told otherwise', async (t) => {
  const { images, labels } = samples(16);
  const steps: number[] = [];
  const schedule = Object.assign((step: number) => {
    steps.push(step);
    return { alpha: 0.5, beta: 1, localWeight: 0 };
  });
  const student = network();
  const config = { teacher: network({ seed: 5 }), student };
  const scheduled = new Distiller(tf, { ...config, schedule: schedule as never });
  await scheduled.fit(images, labels, { epochs: 3, initialEpoch: 1, batchSize: 8, ...quiet });
  t.strictSame(steps, [2, 3, 4, 5]);
  const losses: Record<string, number[]> = {};
  for (const warmup of [undefined, 0, 1]) {
    const distiller = new Distiller(tf, {
      ...config,
      optimizer: tf.train.sgd(0),
      loss: { alpha: 0.7 },
      ...(warmup === undefined ? {} : { warmup }),
    });
    const logs: { loss: number; task: number; global: number; local: number; relation: number }[] = [];
    const onBatchEnd = (_: number, values?: object) => void logs.push({ ...(values as (typeof logs)[0]) });
    await distiller.fit(images, labels, { batchSize: 8, shuffle: false, callbacks: { onBatchEnd }, ...quiet });
    losses[`${warmup}`] = logs.map(({ loss, task, global, local, relation }) => {
      // What share of the distillation terms is in the loss: loss = task + share · (0.7 (global - task) + local + 500 relation).
      return (loss - task) / (0.7 * (global - task) + local + 500 * relation);
    });
    await distiller.dispose();
  }
  const close = (got: number[], expected: number[]) => got.every((value, i) => Math.abs(value - expected[i]) < 1e-3);
  t.ok(close(losses.undefined, [0, 1]), `a tenth of an epoch: ${losses.undefined}`);
  t.ok(close(losses['0'], [1, 1]), `none: ${losses['0']}`);
  t.ok(close(losses['1'], [0, 0.5]), `one epoch: ${losses['1']}`);
});

t.test('a further training goes on where the one before ended, unless it is told an epoch', async (t) => {
  const { images, labels } = samples(16);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const steps: number[] = [];
  const schedule = (step: number) => {
    steps.push(step);
    return { alpha: 0.5, beta: 1, localWeight: 0 };
  };
  const scheduled = new Distiller(tf, { teacher, student, schedule: schedule as never });
  const epochs: number[] = [];
  const callbacks = { onEpochBegin: (epoch: number) => void epochs.push(epoch) };
  for (const more of [{}, { epochs: 2 }, { initialEpoch: 0 }, {}, { epochs: 4, initialEpoch: 3 }, {}]) {
    await scheduled.fit(images, labels, { batchSize: 8, callbacks, ...more, ...quiet });
  }
  t.strictSame(steps, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 6, 7, 8, 9]);
  t.strictSame(epochs, [0, 0, 1, 0, 0, 3, 0], 'epochs are numbered as by tfjs');

  const shares = async (distiller: Distiller<tf.Tensor, tf.Scalar>, args: object) => {
    const found: number[] = [];
    const onBatchEnd = (_: number, logs: { [name: string]: number } = {}) => {
      const { loss, task, global, local, relation } = logs;
      found.push((loss - task) / (0.7 * (global - task) + local + 500 * relation));
    };
    await distiller.fit(images, labels, { shuffle: false, callbacks: { onBatchEnd }, ...args, ...quiet });
    return found.map((share) => Math.round(share * 1000) / 1000);
  };
  const make = (more: object = {}) =>
    new Distiller<tf.Tensor, tf.Scalar>(tf, { teacher, student, optimizer: tf.train.sgd(0), ...more });
  const usual = make();
  t.strictSame(await shares(usual, { batchSize: 8 }), [0, 1]);
  t.strictSame(await shares(usual, { batchSize: 4, epochs: 40 }).then((all) => all.slice(0, 3)), [1, 1, 1]);
  t.strictSame(await shares(usual, { batchSize: 8, initialEpoch: 0 }), [0, 1], 'asked for');
  const long = make({ warmup: 2 });
  t.strictSame(await shares(long, { batchSize: 8 }), [0, 0.25]);
  t.strictSame(await shares(long, { batchSize: 8 }), [0.5, 0.75]);
  t.strictSame(await shares(long, { batchSize: 8 }), [1, 1]);
  for (const each of [scheduled, usual, long]) await each.dispose();
});

t.test(
  'batch norm that is frozen does what it does in the own fit of a model: its running statistics move',
  async (t) => {
    const { images, labels } = samples(16);
    const [ours, theirs, before] = [network(), network(), network()];
    for (const model of [ours, theirs]) model.layers[1].trainable = false;
    const args = { batchSize: 8, shuffle: false, ...quiet };
    const distiller = new Distiller(tf, { teacher: network({ seed: 5 }), student: ours, loss: plain });
    await distiller.fit(images, labels, args);
    theirs.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    await theirs.fit(images, tf.cast(labels, 'float32'), args);
    t.ok(distance(ours, theirs) < 2e-5);
    const values = (model: tf.LayersModel) => model.layers[1].weights.map((weight) => weight.read().dataSync());
    const [gamma, beta, mean, variance] = values(ours);
    const [firstGamma, firstBeta, firstMean, firstVariance] = values(before);
    t.same([gamma, beta], [firstGamma, firstBeta]);
    t.notSame(mean, firstMean);
    t.notSame(variance, firstVariance);
    await distiller.dispose();
  },
);

t.test('labels and weights are judged by their places in the data set, before any work starts', async (t) => {
  const { images, labels } = samples(12);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const distiller = new Distiller(tf, { teacher, student, optimizer: tf.train.sgd(0) });
  let begun = 0;
  const args = { batchSize: 5, callbacks: { onTrainBegin: () => void (begun += 1) }, ...quiet };
  const at = (place: number, value: number, of: tf.Tensor = labels) =>
    tf.tensor1d(Array.from(of.dataSync(), (own, i) => (i === place ? value : own)));
  const range = (argument: string, received: string) => ({
    name: 'RangeError',
    code: 'ERR_GLD_LABEL',
    argument,
    received,
    expected: 'an integer in [0, 4)',
  });
  for (const value of [-1, 4, 1.5, Number.NaN]) {
    await t.rejects(distiller.fit(images, at(7, value), args), range('y[7]', `${value}`));
  }
  await t.rejects(distiller.fit(images, tf.reshape(at(11, 9), [12, 1]), args), range('y[11]', '9'));
  await t.rejects(distiller.evaluate(images, at(9, 4)), range('y[9]', '4'));
  const validationData = [images, at(6, 4)] as const;
  await t.rejects(distiller.fit(images, labels, { ...args, validationData }), range('validationData[1][6]', '4'));
  const dataset = tf.data.zip({ xs: tf.data.array([1]), ys: tf.data.array([1]) }) as never;
  await t.rejects(
    distiller.fitDataset(dataset, { callbacks: args.callbacks, validationData, ...quiet }),
    range('validationData[1][6]', '4'),
  );
  const soft = tf.zeros([12, 3]);
  await t.rejects(distiller.fit(images, soft, args), { code: 'ERR_GLD_SHAPE', argument: 'y', expected: /\[n, 4\]/ });
  const ones = tf.ones([12]);
  for (const value of [-1, Infinity, Number.NaN]) {
    const wrong = { code: 'ERR_GLD_WEIGHT', argument: 'sampleWeight[8]', received: `${value}` };
    await t.rejects(distiller.fit(images, labels, { ...args, sampleWeight: at(8, value, ones) }), wrong);
  }
  const weights = [images, labels, at(3, -1, ones)] as const;
  const wrong = { code: 'ERR_GLD_WEIGHT', argument: 'validationData[2][3]' };
  await t.rejects(distiller.fit(images, labels, { ...args, validationData: weights }), wrong);
  t.equal(begun, 0);
  const lenient = new Distiller(tf, { teacher, student, loss: { ignoreIndex: -1 } });
  t.ok(await lenient.fit(images, at(7, -1), quiet), 'an index for no label');
  for (const each of [distiller, lenient]) await each.dispose();
});

t.test('teachers that are functions or stored outputs get the places of the samples', async (t) => {
  const { images, labels } = samples(12);
  const logits = random([12, 5, K], 3);
  const places: number[] = [];
  const distiller = new Distiller(tf, {
    teacher: (_: tf.Tensor, indices: readonly number[] | undefined) => {
      places.push(...(indices ?? []));
      return { logits: tf.gather(logits, tf.tensor1d([...(indices ?? [])], 'int32')) };
    },
    student: network(),
    optimizer: tf.train.sgd(0),
  });
  const args = { batchSize: 5, shuffle: false, validationSplit: 0.25, ...quiet };
  const { history } = await distiller.fit(images, labels, args);
  t.strictSame(
    places,
    Array.from({ length: 12 }, (_, i) => i),
  );
  const stored = new Distiller(tf, { teacher: { logits }, student: network(), optimizer: tf.train.sgd(0) });
  const same = await stored.fit(images, labels, args);
  t.ok(Math.abs(history.val_loss[0] - same.history.val_loss[0]) < 1e-6);
});

t.test('a backend that is read asynchronously gives the same weights', async (t) => {
  const { images, labels } = samples(16);
  const teacher = network({ seed: 5 });
  const elsewhere = { ...tf, getBackend: () => 'webgpu' } as typeof tf;
  const trained = async (framework: typeof tf, dropout: number) => {
    const student = network({ dropout });
    const optimizer = tf.train.sgd(0.05);
    const distiller = new Distiller(framework, { teacher, student, optimizer, metrics: ['acc'], loss: { grid: 2 } });
    const before = tf.memory().numTensors;
    const { history } = await distiller.fit(images, labels, { epochs: 2, batchSize: 8, shuffle: false, ...quiet });
    t.equal(tf.memory().numTensors, before, 'no tensors stay');
    await distiller.dispose();
    return { student, history };
  };
  const here = await trained(tf, 0);
  const there = await trained(elsewhere, 0);
  const worst = distance(here.student, there.student);
  t.ok(worst < 1e-6, `weights and moving averages differ by ${worst}`);
  t.ok(Math.abs(here.history.loss[1] - there.history.loss[1]) < 1e-4);
  t.equal(here.history.acc[1], there.history.acc[1]);
  t.ok(
    weightsOf((await trained(elsewhere, 0.3)).student).every((values) => values.every(Number.isFinite)),
    'dropout',
  );

  const noisy = tf.sequential({
    layers: [...network().layers.slice(0, -2), tf.layers.gaussianNoise({ stddev: 1 }), ...network().layers.slice(-2)],
  });
  const distiller = new Distiller(elsewhere, { teacher, student: noisy });
  await t.rejects(distiller.fit(images, labels, quiet), { code: 'ERR_GLD_ADAPTER', argument: 'student' });
});

t.test('a data set of the same batches gives the same weights, epoch by epoch or going on', async (t) => {
  const { images, labels } = samples(16);
  const teacher = network({ seed: 5 });
  const trained = async (fit: (distiller: Distiller<tf.Tensor, tf.Scalar>) => Promise<unknown>) => {
    const student = network();
    const distiller = new Distiller(tf, { teacher, student });
    await fit(distiller);
    await distiller.dispose();
    return student;
  };
  const batches = tf.data.zip({
    xs: tf.data.array(tf.unstack(images)),
    ys: tf.data.array(Array.from(labels.dataSync())),
  });
  const dataset = (batches as tf.data.Dataset<tf.TensorContainer>).batch(8);
  const expected = await trained((distiller) =>
    distiller.fit(images, labels, { epochs: 2, batchSize: 8, shuffle: false, ...quiet }),
  );
  const whole = await trained((distiller) => distiller.fitDataset(dataset, { epochs: 2, ...quiet }));
  t.equal(distance(whole, expected), 0);
  const goingOn = dataset.repeat();
  const parts = await trained((distiller) =>
    distiller.fitDataset(goingOn, { epochs: 2, batchesPerEpoch: 2, validationData: dataset, ...quiet }),
  );
  t.equal(distance(parts, expected), 0);
  const short = trained((distiller) => distiller.fitDataset(dataset, { epochs: 2, batchesPerEpoch: 2, ...quiet }));
  await t.rejects(short, { code: 'ERR_GLD_ARG_TYPE', argument: 'dataset' }, 'a data set that ends too early');
});

t.test('a line after every epoch, unless it is to be quiet', async (t) => {
  const { images, labels } = samples(8);
  const printed = t.capture(console, 'log', () => undefined);
  const distiller = new Distiller(tf, { teacher: network({ seed: 5 }), student: network(), metrics: ['acc'] });
  await distiller.fit(images, labels, { epochs: 2 });
  await distiller.fit(images, labels, quiet);
  await distiller.dispose();
  const lines = printed().map(({ args }) => String(args[0]));
  t.equal(lines.length, 2);
  t.match(lines[1], /^Epoch 2 \/ 2, \d+\.\d s: loss=[\d.]+ global=.* acc=[\d.]+$/);
});

t.test('wrong calls', async (t) => {
  const { images, labels } = samples(8);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const make = (config: object) => () => new Distiller(tf, { teacher, student, ...config } as never);
  t.throws(make({ optimizer: 'adan' }), {
    code: 'ERR_GLD_OPTION',
    argument: 'optimizer',
    message: /did you mean adam/,
  });
  t.throws(make({ optimizer: 3 }), { code: 'ERR_GLD_ARG_TYPE', argument: 'optimizer' });
  t.throws(make({ metrics: ['accurcy'] }), { code: 'ERR_GLD_OPTION', argument: 'metrics[0]' });
  t.throws(make({ student: {} }), { code: 'ERR_GLD_ARG_TYPE', argument: 'student' });
  t.throws(make({ los: {} }), { code: 'ERR_GLD_OPTION', argument: 'los' });
  t.throws(make({ loss: { alpa: 1 } }), { code: 'ERR_GLD_OPTION', argument: 'loss.alpa' });
  t.throws(make({ warmup: -1 }), { code: 'ERR_GLD_OPTION', argument: 'warmup' });
  t.throws(make({ schedule: 3 }), { code: 'ERR_GLD_ARG_TYPE', argument: 'schedule' });
  const distiller = new Distiller(tf, { teacher, student });
  const fit = (args: object) => distiller.fit(images, labels, args);
  await t.rejects(fit({ epoch: 3 }), { code: 'ERR_GLD_OPTION', argument: 'epoch', message: /did you mean epochs/ });
  await t.rejects(fit({ batchSize: 0 }), { code: 'ERR_GLD_OPTION', argument: 'batchSize' });
  await t.rejects(fit({ validationSplit: 1 }), { code: 'ERR_GLD_OPTION', argument: 'validationSplit' });
  await t.rejects(fit({ validationData: images }), { code: 'ERR_GLD_ARG_TYPE', argument: 'validationData' });
  await t.rejects(fit({ callbacks: 'none' }), { code: 'ERR_GLD_ARG_TYPE', argument: 'callbacks' });
  await t.rejects(distiller.fit(images, tf.slice(labels, 0, 3)), { code: 'ERR_GLD_SHAPE', argument: 'y' });
  await t.rejects(distiller.fit([1] as never, labels), { code: 'ERR_GLD_ARG_TYPE', argument: 'x' });
  await t.rejects(distiller.fitDataset([] as never), { code: 'ERR_GLD_ARG_TYPE', argument: 'dataset' });
  const [output] = student.outputs;
  const two = tf.model({
    inputs: student.inputs,
    outputs: [output, tf.layers.dense({ units: K }).apply(output) as tf.SymbolicTensor],
  });
  const ofTwo = new Distiller(tf, { teacher, student: two });
  await t.rejects(ofTwo.fit(images, labels, quiet), { code: 'ERR_GLD_SPLIT', argument: 'student' });
  const first = distiller.fit(images, labels, quiet);
  await t.rejects(distiller.fit(images, labels, quiet), { code: 'ERR_GLD_OPTION', argument: 'fit()' });
  await first;
  await distiller.dispose();
});

t.test('wrong calls are refused before any work starts', async (t) => {
  const { images, labels } = samples(8);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const make = (config: object, framework: object = tf) => new Distiller(framework as never, config as never);
  const { History, ...less } = tf;
  t.ok(History);
  const wrong: readonly [make: () => unknown, code: string, argument: string][] = [
    [() => make({ teacher, student }, {}), 'ERR_GLD_ARG_TYPE', 'tf'],
    [() => make({ teacher, student }, less), 'ERR_GLD_ARG_TYPE', 'tf'],
    [() => make({ teacher: null, student }), 'ERR_GLD_ARG_TYPE', 'teacher'],
    [() => make({ student }), 'ERR_GLD_ARG_TYPE', 'teacher'],
    [() => make({ teacher, student, loss: { alpha: 2 } }), 'ERR_GLD_OPTION', 'loss.alpha'],
    [() => make({ teacher, student, metrics: [function loss() {}] }), 'ERR_GLD_OPTION', 'metrics[0]'],
    [() => make({ teacher, student, metrics: ['mse', { mse() {} }.mse] }), 'ERR_GLD_OPTION', 'metrics[0]'],
  ];
  for (const [make, code, argument] of wrong) t.throws(make, { code, argument });

  const distiller = new Distiller(tf, { teacher, student, optimizer: tf.train.sgd(0) });
  const refused: readonly [args: object, code: string, argument: string][] = [
    [{ callbacks: [{}, { onEpochEnd: 3 }] }, 'ERR_GLD_ARG_TYPE', 'callbacks[1].onEpochEnd'],
    [{ callbacks: Promise.resolve({}) }, 'ERR_GLD_ARG_TYPE', 'callbacks'],
    [{ classWeight: { a: 1 } }, 'ERR_GLD_OPTION', 'classWeight.a'],
    [{ classWeight: { 0: 1, 3: -1 } }, 'ERR_GLD_WEIGHT', 'classWeight[3]'],
    [{ classWeight: { 0: '1' } }, 'ERR_GLD_ARG_TYPE', 'classWeight[0]'],
    [{ classWeight: { 0: 1, 1: 1, 2: 1, 3: 1, 4: 1 } }, 'ERR_GLD_OPTION', 'classWeight[4]'],
    [{ classWeight: { 0: 1, 1: 1, 2: 1, 3: 1e300 } }, 'ERR_GLD_WEIGHT', 'classWeight[3]'],
    [
      { classWeight: { 0: 1, 1: 1, 2: 1, 3: 1e38 }, sampleWeight: tf.fill([8], 1e3) },
      'ERR_GLD_WEIGHT',
      'classWeight[3]',
    ],
    [{ classWeight: { 0: 0, 1: 0, 2: 0, 3: 0 } }, 'ERR_GLD_WEIGHT', 'classWeight'],
    [{ sampleWeight: tf.zeros([8]) }, 'ERR_GLD_WEIGHT', 'sampleWeight'],
    [{ yieldEvery: 'never', callbacks: [{}, { onYield() {} }] }, 'ERR_GLD_OPTION', 'yieldEvery'],
  ];
  for (const [args, code, argument] of refused) {
    await t.rejects(distiller.fit(images, labels, { ...args, ...quiet }), { code, argument });
  }
  const larger = tf.zeros([8, 9, 9, 3]);
  const shape = { code: 'ERR_GLD_SHAPE', argument: 'x', message: /\[n, 8, 8, 3\].*\[8, 9, 9, 3\]/ };
  await t.rejects(distiller.fit(larger, labels, quiet), shape);
  await t.rejects(distiller.evaluate(larger, labels), shape);
  await t.rejects(distiller.evaluate(labels, labels), { code: 'ERR_GLD_SHAPE', argument: 'x' });
  const batch = { iterator: async () => ({ next: async () => ({ value: { xs: larger, ys: tf.clone(labels) } }) }) };
  await t.rejects(distiller.fitDataset(batch, quiet), { code: 'ERR_GLD_SHAPE', argument: 'dataset.xs' });
  for (const [iterator, argument] of [
    [() => undefined, 'dataset.iterator()'],
    [async () => undefined, 'dataset.iterator()'],
    [async () => ({ next: async () => undefined }), 'dataset.iterator().next()'],
  ] as const) {
    const nothing = { iterator } as never;
    await t.rejects(distiller.fitDataset(nothing, quiet), { name: 'TypeError', code: 'ERR_GLD_ARG_TYPE', argument });
    await t.rejects(distiller.evaluateDataset(nothing), { code: 'ERR_GLD_ARG_TYPE', argument });
  }
  const before = tf.memory().numTensors;
  const pairs = { iterator: async () => ({ next: async () => ({ value: [tf.clone(images), tf.clone(labels)] }) }) };
  await t.rejects(distiller.fitDataset(pairs, quiet), { code: 'ERR_GLD_ARG_TYPE', argument: 'dataset.xs' });
  t.equal(tf.memory().numTensors, before, 'tensors of a batch that is none are disposed');
  const words = tf.tensor1d(Array.from({ length: 8 }, () => 'a'));
  await t.rejects(distiller.fit(images, words as tf.Tensor, quiet), { code: 'ERR_GLD_DTYPE', argument: 'y' });
  await distiller.dispose();

  const fresh = new Distiller(tf, { teacher, student });
  const unknown = fresh.fit(tf.fill([8, 8, 8, 3], Number.NaN), labels, quiet);
  await t.rejects(unknown, { code: 'ERR_GLD_SPLIT', argument: 'student', received: /^NaN in/ });
  const integers = fresh.fit(tf.cast(images, 'int32'), labels, quiet);
  await t.rejects(integers, {
    code: 'ERR_GLD_DTYPE',
    argument: 'images',
    received: /^int32, of which the student says/,
  });
  await fresh.evaluate(images, labels);
  const later = fresh.evaluate(tf.cast(images, 'int32'), labels);
  await t.rejects(later, { code: 'ERR_GLD_DTYPE', argument: 'images', received: 'int32' });
  await fresh.dispose();

  const changed = new Distiller(tf, { teacher, student, optimizer: 'adam' });
  await changed.fit(images, labels, quiet);
  student.layers[0].trainable = false;
  await t.rejects(changed.fit(images, labels, quiet), { code: 'ERR_GLD_OPTION', argument: 'student' });
  student.layers[0].trainable = true;
  t.equal((await changed.fit(images, labels, quiet)).epoch.length, 1, 'the optimizer is as it was');
  await changed.dispose();

  const gone = network();
  const disposed = { name: 'TypeError', code: 'ERR_GLD_DISPOSED', argument: 'student' };
  const late = new Distiller(tf, { teacher, student: gone });
  gone.dispose();
  await t.rejects(late.fit(images, labels, quiet), disposed);
  await t.rejects(late.evaluate(images, labels), disposed);
  t.throws(() => make({ teacher, student: gone }), disposed);

  const frozen = network();
  frozen.trainable = false;
  const idle = new Distiller(tf, { teacher, student: frozen });
  await t.rejects(idle.fit(images, labels, quiet), { code: 'ERR_GLD_OPTION', argument: 'student' });
  t.ok(Number.isFinite((await idle.evaluate(images, labels)).loss), 'it can be evaluated');
  await idle.dispose();
});

t.test('what functions of the caller give is checked', async (t) => {
  const { images, labels } = samples(8);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const wrong: readonly [config: object, code: string, argument: string][] = [
    [{ schedule: () => undefined }, 'ERR_GLD_ARG_TYPE', 'schedule()'],
    [{ schedule: async () => ({}) }, 'ERR_GLD_ARG_TYPE', 'schedule()'],
    [{ schedule: () => ({ grid: 1 }) }, 'ERR_GLD_OPTION', 'schedule().grid'],
    [{ metrics: [() => undefined] }, 'ERR_GLD_ARG_TYPE', 'metrics[0]()'],
  ];
  for (const [config, code, argument] of wrong) {
    const distiller = new Distiller(tf, { teacher, student, ...config } as never);
    await t.rejects(distiller.fit(images, labels, quiet), { code, argument });
    await distiller.dispose();
  }
  const distiller = new Distiller(tf, { teacher, student, metrics: ['acc', 'sparseCategoricalAccuracy'] });
  const { acc, sparseCategoricalAccuracy } = await distiller.evaluate(images, labels);
  t.equal(sparseCategoricalAccuracy, acc);
  await distiller.dispose();
});

t.test('stored outputs are of the samples of fit and evaluate, and of no others', async (t) => {
  const { images, labels } = samples(8);
  const distiller = new Distiller(tf, { teacher: { logits: random([8, 5, K], 3) }, student: network() });
  const few = [tf.slice(images, 0, 4), tf.slice(labels, 0, 4)] as const;
  const mismatch = { code: 'ERR_GLD_SHAPE', argument: 'x', expected: /^8 samples/ };
  await t.rejects(distiller.fit(...few, quiet), mismatch);
  await t.rejects(distiller.evaluate(...few), mismatch);
  const apart = { code: 'ERR_GLD_OPTION', argument: 'validationData' };
  await t.rejects(distiller.fit(images, labels, { validationData: few, ...quiet }), apart);
  const dataset = tf.data.array([1]) as never;
  const unordered = { code: 'ERR_GLD_OPTION', argument: 'dataset' };
  await t.rejects(distiller.fitDataset(dataset, quiet), unordered);
  await t.rejects(distiller.evaluateDataset(dataset), unordered);
  await distiller.dispose();
});

t.test('a teacher of global logits alone teaches those of the student', async (t) => {
  const { images, labels } = samples(12);
  const model = network({ filters: 10, seed: 5 });
  const args = { batchSize: 12, shuffle: false, validationData: [images, labels] as const, ...quiet };
  const trained = async (framework: typeof tf, teacher: object, loss: object) => {
    const student = network();
    const settings = { optimizer: tf.train.sgd(0.1), metrics: ['acc'], warmup: 0, loss };
    const distiller = new Distiller(framework, { teacher: teacher as typeof model, student, ...settings });
    const { history } = await distiller.fit(images, labels, args);
    await distiller.dispose();
    return { student, history };
  };
  const alone = await trained(tf, { model, features: false }, {});
  t.equal(alone.history.local[0], 0);
  t.ok(alone.history.relation[0] > 0);
  t.ok(alone.history.val_acc[0] >= 0);
  const elsewhere = { ...tf, getBackend: () => 'webgpu' } as typeof tf;
  const there = await trained(elsewhere, { model, features: false }, {});
  t.ok(distance(alone.student, there.student) < 1e-6, 'a backend that is read asynchronously gives the same weights');
  const globally = { localWeight: 0, beta: 0 };
  const map = await trained(tf, model, globally);
  const logits = await trained(tf, { model, features: false }, globally);
  t.ok(distance(map.student, logits.student) < 1e-5, 'the global term is that of the maps');
  await t.rejects(trained(tf, { model, features: false }, { grid: 2 }), { code: 'ERR_GLD_GRID' });
});

t.test('dispose() ends what goes on before its next batch, and everything after it', async (t) => {
  const { images, labels } = samples(16);
  const [teacher, student] = [network({ seed: 5 }), network()];
  const disposed = { code: 'ERR_GLD_DISPOSED', argument: 'Distiller' };
  const before = tf.memory().numTensors;
  const distiller = new Distiller(tf, { teacher, student, optimizer: 'adam' });
  const batches: number[] = [];
  const onBatchEnd = async (batch: number) => {
    batches.push(batch);
    if (batch === 1) await distiller.dispose();
  };
  await t.rejects(distiller.fit(images, labels, { batchSize: 4, callbacks: { onBatchEnd }, ...quiet }), disposed);
  t.strictSame(batches, [0, 1]);
  t.equal(tf.memory().numTensors, before, 'nothing stays');
  await t.rejects(distiller.fit(images, labels, quiet), disposed);
  await t.rejects(distiller.evaluate(images, labels), disposed);
  await distiller.dispose();
  t.equal(tf.memory().numTensors, before);

  const other = new Distiller(tf, { teacher, student, optimizer: 'adam' });
  const training = other.fit(images, labels, quiet);
  await other.dispose();
  await t.rejects(training, disposed, 'also where it has hardly begun');
  t.equal(tf.memory().numTensors, before);
});
