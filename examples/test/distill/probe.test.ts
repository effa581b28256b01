// What the report shows of test images, against softmaxes that tfjs computes, and the choice of the images.
import t from 'tap';
import { type Batch, type Dataset, loadDataset, Rng } from '../../data/index.js';
import { choosePictures } from '../../distill/pictures.js';
import { candidates, probe } from '../../distill/probe.js';
import { unpackBytes } from '../../report/packed-bytes.js';
import type { Answer } from '../../report/types.js';
import type { Grid } from '../../teachers/logits.js';
import { networkTeacher } from '../../teachers/network.js';
import type { Teacher } from '../../teachers/types.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { buildNetwork, type Network } from '../../tfjs/networks.js';

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-4;

const read = (tensor: () => tf.Tensor): number[][] => tf.tidy(() => tensor().arraySync() as number[][]);

async function first({ test }: Dataset, batchSize: number): Promise<Batch> {
  for await (const batch of test.batches({ batchSize })) return batch;
  throw new Error('there are no test images');
}

/** Softmax of the logits of a part of the map: [n, classes]. */
const softmaxOf = ({ classifier: { kernel, bias } }: Network, map: tf.Tensor4D): tf.Tensor =>
  tf.softmax(tf.add(tf.matMul(tf.mean(map, [1, 2]) as tf.Tensor2D, kernel), bias) as tf.Tensor2D);

t.test('answers are softmaxes of the logits of the whole map and of its cells', async (t) => {
  await useBackend('wasm');
  const data = await loadDataset('shapes', { seed: 3, trainSize: 10, testSize: 230 });
  const network = buildNetwork('cnn3', { input: [16, 16, 3], classes: 10, scope: 'student', rng: new Rng(2) });
  t.teardown(() => network.dispose());
  const { images, shape, labels } = await first(data, 200);
  const features = () => network.features(tf.tensor4d(images, shape), false);
  const global = read(() => softmaxOf(network, features()));
  t.same(network.map, [8, 8, 12]);

  const grids: Grid[] = [
    [2, 4],
    [0, 0],
  ];
  for (const [rows, columns] of grids) {
    const { answers, relationMatrix } = await probe(networkTeacher(network), data, [rows, columns], 1);
    t.equal(answers.length, 200, 'of the first 200 test images');
    t.equal(relationMatrix.size, 16 * (1 + rows * columns));
    t.ok(
      answers.every(({ class: taken, probability }, i) => {
        const top = Math.max(...global[i]);
        return near(global[i][taken], top) && near(probability, top);
      }),
      'the class of the largest probability, and that probability',
    );
    t.ok(answers.every(({ cells }) => cells.length === rows * columns));
    for (let cell = 0; cell < rows * columns; cell++) {
      const begin = [0, (Math.floor(cell / columns) * 8) / rows, ((cell % columns) * 8) / columns, 0];
      const local = read(() =>
        softmaxOf(network, tf.slice(features(), begin, [200, 8 / rows, 8 / columns, 12]) as tf.Tensor4D),
      );
      t.ok(
        answers.every(({ cells }, i) => near(cells[cell], local[i][labels[i]])),
        `cell ${cell}: the probability of the true class`,
      );
    }
  }

  const small = await loadDataset('shapes', { seed: 3, trainSize: 10, testSize: 5 });
  t.equal((await probe(networkTeacher(network), small, [2, 2], 1)).answers.length, 5, 'or of as many as there are');
});

t.test('logits that are not finite', async (t) => {
  const data = await loadDataset('shapes', { seed: 3, trainSize: 10, testSize: 2 });
  const teacher: Teacher = {
    form: { kind: 'logits', shape: [1, 10] },
    outputs: async () => new Float32Array(20).fill(Number.NaN),
    dispose: async () => undefined,
  };
  const { answers } = await probe(teacher, data, [0, 0], 1);
  t.same(answers, Array(2).fill({ class: -1, probability: Number.NaN, cells: [] }));
});

t.test('candidates have the pixels that the images were made of', async (t) => {
  const data = await loadDataset('shapes', { seed: 3, trainSize: 10, testSize: 4 });
  const images = await candidates(data);
  const batch = await first(data, 4);
  t.same(
    images.map(({ label }) => label),
    [...batch.labels],
  );
  const pixels = images.flatMap(({ pixels: packed }) => [...unpackBytes(packed)]);
  t.equal(pixels.length, batch.images.length);
  t.ok(pixels.every((byte, at) => near((byte / 255 - data.mean[at % 3]) / data.deviation[at % 3], batch.images[at])));
});

t.test('the choice: by who agrees with whom, the first of each kind', async (t) => {
  const answers = (classes: number[]): Answer[] =>
    classes.map((taken) => ({ class: taken, probability: 0.5, cells: [] }));
  const images = Array.from({ length: 12 }, (_, i) => ({ label: i % 2, pixels: `image ${i}` }));
  const teacher = answers([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const arms = [answers([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), answers([0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0])];
  const { candidates: count, groups } = choosePictures(images, teacher, arms);
  t.equal(count, 12);
  t.same(
    groups.map((group) => [group.agreement, group.count, group.shown.map(({ position }) => position)]),
    [
      ['arms differ', 7, [0, 3, 4, 5, 6, 7]],
      ['teacher differs', 2, [1, 10]],
      ['all agree', 3, [2, 9, 11]],
    ],
  );
  t.same(groups[0].shown[1], {
    position: 3,
    label: 1,
    pixels: 'image 3',
    teacher: teacher[3],
    arms: [arms[0][3], arms[1][3]],
  });
  const [one] = choosePictures(images, teacher, [arms[0]]).groups;
  t.same(one.shown, [], 'a single arm differs from none');
});
