import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadDataset, Rng } from '../../data/index.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { batchNorm } from '../../tfjs/batch-norm.js';
import { restoreTraining, saveTraining } from '../../training/checkpoint.js';
import { readCheckpoint } from '../../training/checkpoint-file.js';
import { buildNetwork } from '../../tfjs/networks.js';
import { crossEntropy } from '../../tfjs/objectives.js';
import { Sgd } from '../../tfjs/optimizer.js';
import { decodeSafetensors, encodeSafetensors } from '../../training/safetensors.js';
import { evaluate } from '../../training/metrics.js';
import { learningRate } from '../../training/schedule.js';
import { newTraining, train, type TrainingState } from '../../training/train.js';
import { present } from '../../present.js';

/** Largest difference, relative to the largest value of `expected`. */
function error(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(got[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}

type Shape4 = [number, number, number, number];
type Pad = Parameters<typeof tf.conv2d>[3];

const convolutions: [Shape4, Shape4, number, Pad][] = [
  [[2, 8, 8, 3], [3, 3, 3, 4], 1, 'same'],
  [[2, 8, 8, 3], [3, 3, 3, 4], 2, 1],
  [[2, 7, 9, 3], [3, 3, 3, 4], 2, 1],
  [[2, 7, 9, 3], [3, 3, 3, 4], 2, 'same'],
  [[2, 8, 8, 3], [1, 1, 3, 5], 1, 'valid'],
  [[2, 8, 8, 3], [1, 1, 3, 5], 2, 'valid'],
  [[2, 9, 8, 2], [5, 3, 2, 4], 2, 'valid'],
  [[2, 10, 8, 2], [5, 4, 2, 4], 3, 'valid'],
  [[3, 9, 9, 2], [2, 2, 2, 4], 2, 'same'],
  [[3, 9, 9, 2], [3, 3, 2, 4], 3, 'same'],
];

t.test('conv2d gradients on wasm are those of the cpu backend', async (t) => {
  for (const [input, filter, stride, pad] of convolutions) {
    const gradients: Float32Array[][] = [];
    for (const backend of ['cpu', 'wasm'] as const) {
      await useBackend(backend);
      const x = tf.randomNormal(input, 0, 1, 'float32', 1) as tf.Tensor4D;
      const w = tf.randomNormal(filter, 0, 1, 'float32', 2) as tf.Tensor4D;
      const before = tf.memory().numTensors;
      const results = tf.grads((x: tf.Tensor, w: tf.Tensor) =>
        tf.sum(tf.sin(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad))),
      )([x, w]);
      gradients.push(results.map((gradient) => Float32Array.from(gradient.dataSync())));
      t.equal(tf.memory().numTensors, before + 2, 'nothing but the results stays');
      tf.dispose([x, w, results]);
    }
    const what = `${input} * ${filter}, stride ${stride}, pad ${String(pad)}`;
    t.ok(error(gradients[1][0], gradients[0][0]) < 1e-5, `dx of ${what}`);
    t.ok(error(gradients[1][1], gradients[0][1]) < 1e-5, `dw of ${what}`);
  }
});

t.test('batch norm and its gradient are those of the composed operations', async (t) => {
  await useBackend('wasm');
  for (const relu of [false, true]) {
    const x = tf.randomNormal([4, 5, 3, 3], 1, 2, 'float32', 1) as tf.Tensor4D;
    const gamma = tf.randomNormal([3], 1, 0.3, 'float32', 2) as tf.Tensor1D;
    const beta = tf.randomNormal([3], 0, 1, 'float32', 3) as tf.Tensor1D;
    const upstream = tf.randomNormal([4, 5, 3, 3], 0, 1, 'float32', 4);
    let statistics: Float32Array[] = [];
    const own = (...[x, gamma, beta]: tf.Tensor[]) =>
      tf.sum(
        tf.mul(
          upstream,
          batchNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, relu, (mean, variance) => {
            statistics = [mean, variance].map((tensor) => Float32Array.from(tensor.dataSync()));
          }),
        ),
      );
    const composed = (...[x, gamma, beta]: tf.Tensor[]) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      const y = tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gamma), beta);
      return tf.sum(tf.mul(upstream, relu ? tf.relu(y) : y));
    };
    t.ok(error(own(x, gamma, beta).dataSync(), composed(x, gamma, beta).dataSync()) < 1e-5, `value, relu ${relu}`);
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    t.ok(error(statistics[0], mean.dataSync()) < 1e-5);
    t.ok(error(statistics[1], variance.dataSync()) < 1e-5);
    const expected = tf.grads(composed)([x, gamma, beta]);
    tf.grads(own)([x, gamma, beta]).forEach((gradient, i) =>
      t.ok(error(gradient.dataSync(), expected[i].dataSync()) < 1e-5, `gradient ${i}, relu ${relu}`),
    );
  }
});

t.test('networks by name', async (t) => {
  await useBackend('wasm');
  const build = (name: string, side = 32, classes = 100) =>
    buildNetwork(name, { input: [side, side, 3], classes, scope: 'student', rng: new Rng(1) });
  const sizes: [string, number, [number, number, number], number][] = [
    // The paper gives 0.27M and 1.7M parameters for ResNet-20 and ResNet-110.
    ['resnet20', 32, [8, 8, 64], 278324],
    ['resnet110', 32, [8, 8, 64], 1736564],
    ['resnet8', 16, [4, 4, 64], 83892],
    ['cnn4', 16, [8, 8, 16], 3304],
    ['cnn4', 32, [8, 8, 16], 3304],
    // And the one on WideResNets 0.6M and 2.2M for depth 40 and widths 1 and 2.
    ['wrn40-1', 32, [8, 8, 64], 569780],
    ['wrn10-0.5', 16, [4, 4, 32], 23764],
    ['resnet8x0.25', 16, [4, 4, 16], 6744],
    ['wrn40-2', 32, [8, 8, 128], 2255156],
  ];
  for (const [name, side, map, count] of sizes) {
    const before = tf.memory().numTensors;
    const network = build(name, side);
    t.same(network.map, map, `map of ${name}`);
    t.equal(network.parameters.count, count, `parameters of ${name}`);
    const shapes = tf.tidy(() => {
      const features = network.features(tf.zeros([2, side, side, 3]), false);
      const maps = network.maps(tf.zeros([2, 2 * side, side, 3]), false);
      return [[features.shape, network.logits(features).shape], maps.map((stage) => stage.shape)];
    });
    t.same(shapes[0], [
      [2, ...map],
      [2, 100],
    ]);
    t.same(
      shapes[1],
      network.stages.map(([height, width, channels]) => [2, 2 * height, width, channels]),
      'maps of the stages, of larger images too',
    );
    network.dispose();
    t.equal(tf.memory().numTensors, before, `${name} leaves nothing`);
  }
  t.throws(() => build('resnet9'), /expected cnn<width> .* got 'resnet9'/);
});

for (const name of ['cnn2', 'resnet8', 'wrn10-1']) {
  t.test(`evaluation of ${name} uses the running statistics, training those of the batch`, async (t) => {
    await useBackend('wasm');
    const network = buildNetwork(name, { input: [8, 8, 3], classes: 4, scope: 'student', rng: new Rng(2) });
    const x = tf.randomNormal([32, 8, 8, 3], 0, 1, 'float32', 5) as tf.Tensor4D;
    const output = (training: boolean) => tf.tidy(() => Float32Array.from(network.features(x, training).dataSync()));
    t.ok(error(output(false), output(true)) > 0.05, 'they begin apart');
    for (let i = 0; i < 200; i++) tf.tidy(() => void network.features(x, true));
    t.ok(error(output(false), output(true)) < 0.01, 'and meet when the same batch comes again and again');
    network.dispose();
  });
}

t.test('SGD is that of the recipe', async (t) => {
  await useBackend('wasm');
  const variable = tf.variable(tf.tensor1d([1, -2]), true, 'sgd-test');
  const sgd = new Sgd([variable], { momentum: 0.9, weightDecay: 0.1 });
  const expected = [1, -2];
  const velocity = [0, 0];
  for (const rate of [0.5, 0.1, 0.1]) {
    t.ok(
      Math.abs(
        sgd.step(rate, () => tf.sum(tf.mul(variable, [3, 4])) as tf.Scalar) - (3 * expected[0] + 4 * expected[1]),
      ) < 1e-5,
    );
    for (const i of [0, 1]) {
      velocity[i] = 0.9 * velocity[i] + [3, 4][i] + 0.1 * expected[i];
      expected[i] -= rate * velocity[i];
    }
    t.ok(error(variable.dataSync(), expected) < 1e-6);
  }
});

t.test('schedules', async (t) => {
  // A thousand steps in an epoch, one epoch.
  const steps = (progress: number) => learningRate({ kind: 'steps', base: 0.1 }, 1000 * progress, 1000, 1);
  t.same(
    [0, 0.499, 0.5, 0.749, 0.75, 0.999].map(steps).map((rate) => Number(rate.toPrecision(6))),
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.001],
  );
  const cosine = (progress: number) => learningRate({ kind: 'cosine', base: 0.1 }, 1000 * progress, 1000, 1);
  t.equal(cosine(0), 0.1);
  t.ok(Math.abs(cosine(0.5) - 0.05) < 1e-12);
  t.ok(cosine(0.999) < 1e-5);
  const warm = (step: number) => learningRate({ kind: 'steps', base: 0.1, warmup: 2 }, step, 5, 10);
  t.same(
    [0, 4, 9, 10, 24, 25].map(warm).map((rate) => Number(rate.toPrecision(6))),
    [0.01, 0.05, 0.1, 0.1, 0.1, 0.01],
  );
});

t.test('safetensors', async (t) => {
  const tensors = new Map([
    ['a/b', { data: Float32Array.of(1.5, -0, NaN, 3), shape: [2, 2] }],
    ['empty', { data: new Float32Array(0), shape: [0] }],
    ['ü', { data: Float32Array.of(1e-40), shape: [1] }],
  ]);
  const bytes = encodeSafetensors({ tensors, metadata: { state: '{"x":1}' } });
  t.same(decodeSafetensors(bytes, 'f'), { tensors, metadata: { state: '{"x":1}' } });
  t.equal((8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))) % 8, 0, 'tensors are aligned');
  t.same(decodeSafetensors(Buffer.concat([Buffer.alloc(4), bytes]).subarray(4), 'f').tensors, tensors, 'from a Buffer');
  t.throws(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1), 'f'), /^f: not a whole safetensors file: /);
  t.throws(() => decodeSafetensors(bytes.subarray(0, 40), 'f'), /^f: not a whole safetensors file: /);
  t.throws(() => decodeSafetensors(Uint8Array.of(...bytes, 0), 'f'), /after the last tensor/);
});

t.test('a training saved at any step goes on with the same bits', async (t) => {
  await useBackend('wasm');
  const data = await loadDataset('shapes', { seed: 3, trainSize: 40, testSize: 20 });
  const path = join(t.testdir(), 'training.safetensors');
  const setUp = () => {
    const rng = new Rng(5);
    const network = buildNetwork('cnn2', { input: [16, 16, 3], classes: 10, scope: 'student', rng });
    const optimizer = new Sgd(network.parameters.trainable, { momentum: 0.9, weightDecay: 5e-4 });
    const evaluation = () => evaluate(network, data.test);
    return { network, optimizer, state: newTraining(rng), objective: crossEntropy(network), evaluate: evaluation };
  };
  const schedule = { kind: 'cosine' as const, base: 0.1 };
  const common = { source: data.train, epochs: 3, batchSize: 16, schedule, augment: true };
  const result = ({ network, state }: ReturnType<typeof setUp>) => ({
    epochs: state.epochs.map(({ seconds: _, ...epoch }) => epoch),
    weights: [...network.parameters.trainable, ...network.parameters.statistics].map((v) => [...v.dataSync()]),
  });
  const finish = ({ network, optimizer }: ReturnType<typeof setUp>) => {
    optimizer.dispose();
    network.dispose();
  };

  const whole = setUp();
  t.equal(await train({ ...whole, ...common }), true);
  const expected = result(whole);
  finish(whole);

  for (const stopAfter of [1, 3, 5]) {
    const first = setUp();
    let steps = 0;
    const stopped = await train({ ...first, ...common, onStep: () => void steps++, stopped: () => steps >= stopAfter });
    t.equal(stopped, false);
    await saveTraining(path, [first.network.parameters], first.optimizer, first.state);
    finish(first);
    const checkpoint = await readCheckpoint<TrainingState>(path);
    const second = { ...setUp(), state: present(checkpoint).state };
    await restoreTraining(present(checkpoint), [second.network.parameters], second.optimizer);
    t.equal(await train({ ...second, ...common }), true);
    t.same(result(second), expected, `stopped after ${stopAfter} steps`);
    finish(second);
  }

  const bytes = await readFile(path);
  bytes[bytes.length - 3] ^= 1;
  await writeFile(path, bytes);
  await t.rejects(readCheckpoint(path), /the checkpoint's content does not match its digest/);
  t.equal(await readCheckpoint(`${path}.none`), undefined);
});
