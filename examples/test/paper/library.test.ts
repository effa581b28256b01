// Parts of the studies of npm run paper that need no run.
import t from 'tap';
import { loadDataset, Rng, shapes } from '../../data/index.js';
import { featureSource, linear, pooledFeatures, scaled, scaling } from '../../paper/transfer/features.js';
import { resolveSettings as detectionSettings } from '../../paper/detection/settings.js';
import { samples } from '../../paper/samples.js';
import { resolveSettings as segmentationSettings } from '../../paper/segmentation/settings.js';
import { present } from '../../present.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { networkTeacher } from '../../teachers/network.js';
import { buildNetwork } from '../../tfjs/networks.js';
import { collect } from '../data/passes.js';

t.test('a picture of every class', async (t) => {
  const data = shapes({ seed: 2, testSize: 40 });
  const found = await samples(data);
  t.ok(
    found.every((bytes) => bytes?.length === 16 * 16 * 3),
    'of every class',
  );
  const {
    images,
    labels,
    shape: [, height, width, channels],
  } = (await collect(data.test, { batchSize: 40 }))[0];
  const at = labels.indexOf(3) * height * width * channels;
  const byte = present(found[3])[5];
  t.ok(Math.abs(byte / 255 - (0.25 * images[at + 5] + 0.4)) < 1e-6, 'its bytes are those before normalisation');
  t.equal((await samples(shapes({ seed: 2, testSize: 3 }))).filter((bytes) => bytes).length, 3);
});

t.test('learning rates of backbones and of what is made of them', async (t) => {
  for (const settings of [detectionSettings, segmentationSettings]) {
    const usual = settings({});
    t.equal(usual.pair.schedule.warmup, 1, 'a warm-up of one epoch');
    t.equal(usual.recipe.schedule.warmup, 1);
    const { pair, recipe } = settings({ 'backbone-lr': 0.2, lr: 0.03, warmup: 0.5 });
    t.strictSame(pair.schedule, { kind: 'cosine', base: 0.2, warmup: 0.5 });
    t.strictSame(recipe.schedule, { kind: 'cosine', base: 0.03, warmup: 0.5 });
  }
});

t.test('pooled features of a frozen network', async (t) => {
  await useBackend('wasm');
  const data = await loadDataset('shapes', { seed: 3, trainSize: 12, testSize: 5 });
  const before = tf.memory().numTensors;
  const options = { input: [16, 16, 3] as [number, number, number], classes: 10, scope: 'student', rng: new Rng(1) };
  const network = buildNetwork('wrn10-0.25', options);
  const features = await pooledFeatures(networkTeacher(network), data.test, 2);
  const { images, shape, labels } = (await collect(data.test, { batchSize: 5 }))[0];
  const expected = tf.tidy(() => tf.mean(network.features(tf.tensor4d(images, shape), false), [1, 2]).dataSync());
  t.equal(features.channels, 16);
  t.same(features.labels, labels);
  t.ok(features.rows.every((value, i) => Math.abs(value - expected[i]) < 5e-7));
  network.dispose();
  t.equal(tf.memory().numTensors, before, 'nothing stays');
});

t.test('the linear classifier', async (t) => {
  await useBackend('wasm');
  const rows = Float32Array.of(1, 10, 7, 3, 10, 7, 5, 10, 7, 7, 10, 7);
  const features = { rows, channels: 3, labels: Int32Array.of(0, 1, 2, 3) };
  const scale = scaling(features);
  t.same(scale.mean, [4, 10, 7]);
  t.same(scale.deviation.slice(1), [1, 1], 'what never changes is left as it is');
  const { rows: standard } = scaled(features, scale);
  t.ok(Math.abs(standard[0] ** 2 + standard[3] ** 2 + standard[6] ** 2 + standard[9] ** 2 - 4) < 1e-5);

  const batches = async (skip: number) => {
    const seen: number[] = [];
    const source = featureSource(features);
    for await (const { rows: batch, labels, size } of source.batches({ batchSize: 3, shuffle: new Rng(6), skip })) {
      t.same(
        Array.from(batch.dataSync()).filter((_, i) => i % 3 === 0),
        Array.from(labels, (label) => 1 + 2 * label),
      );
      t.equal(size, labels.length);
      seen.push(...labels);
    }
    return seen;
  };
  const before = tf.memory().numTensors;
  const all = await batches(0);
  t.same([...all].sort(), [0, 1, 2, 3]);
  t.same(await batches(1), all.slice(3), 'goes on in the middle of a pass');
  t.equal(tf.memory().numTensors, before, 'no batch stays');

  const { parameters, accuracy } = linear(1, 2, new Rng(1));
  const [kernel, bias] = parameters.trainable;
  kernel.assign(tf.tensor2d([[1, -1]]));
  bias.assign(tf.tensor1d([0, 1]));
  t.equal(accuracy({ rows: Float32Array.of(0, 1, 2, 3), channels: 1, labels: Int32Array.of(1, 0, 1, 0) }), 0.75);
  parameters.dispose();
});
