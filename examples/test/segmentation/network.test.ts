import t from 'tap';
import { Rng } from '../../data/index.js';
import { pixelCrossEntropy } from '../../paper/segmentation/loss.js';
import { type HeadOptions, segmentationHead } from '../../paper/segmentation/network.js';
import { pyramidPooling, upsample } from '../../paper/segmentation/pyramid.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { apply, convNorm, Parameters } from '../../tfjs/layers.js';
import { present } from '../../present.js';

t.before(() => useBackend('wasm'));

const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Largest difference, relative to the largest value of `expected`. */
function error(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  const values = Array.from(expected);
  const size = Math.max(...values.map(Math.abs));
  return Math.max(...values.map((value, i) => Math.abs(got[i] - value))) / size;
}

t.test('a layer with a rate: training and evaluation agree', async (t) => {
  const parameters = new Parameters('atrous-layer');
  const layer = convNorm(parameters, new Rng(1), 'a', [8, 8, 3], {
    filters: 4,
    kernel: 3,
    stride: 1,
    rate: 2,
    relu: true,
  });
  t.strictSame(layer.output, [8, 8, 4]);
  const x = random([16, 8, 8, 3], 1) as tf.Tensor4D;
  for (let i = 0; i < 200; i++) tf.dispose(apply(layer, x, true)); // until the running statistics are this batch's
  t.ok(error(apply(layer, x, false).dataSync(), apply(layer, x, true).dataSync()) < 1e-3);
  parameters.dispose();
  t.throws(
    () =>
      convNorm(new Parameters('x'), new Rng(1), 'a', [8, 8, 3], {
        filters: 4,
        kernel: 3,
        stride: 2,
        rate: 2,
        relu: true,
      }),
    { name: 'RangeError', message: /^a: expected stride 1 with rate 2/ },
  );
});

t.test('upsampling: corner to corner, and its gradient is the transpose', async (t) => {
  const row = tf.tensor4d([0, 3, 6, 9], [1, 2, 2, 1]);
  t.strictSame(upsample(row, 2, 4).arraySync(), [
    [
      [[0], [1], [2], [3]],
      [[6], [7], [8], [9]],
    ],
  ]);
  t.ok(
    upsample(tf.fill([2, 1, 1, 3], 7), 3, 4)
      .dataSync()
      .every((value) => value === 7),
    'one pixel fills the map',
  );
  for (const [from, to] of [
    [
      [4, 4],
      [8, 8],
    ],
    [
      [3, 5],
      [7, 6],
    ],
    [
      [1, 1],
      [4, 5],
    ],
  ] as [number[], [number, number]][]) {
    const x = random([2, ...from, 3], 1) as tf.Tensor4D;
    const upstream = random([2, ...to, 3], 2) as tf.Tensor4D;
    const value = (x: tf.Tensor) => tf.sum(tf.mul(upstream, upsample(x as tf.Tensor4D, ...to))) as tf.Scalar;
    const whole = value(x).dataSync()[0];
    t.ok(Math.abs(tf.sum(tf.mul(tf.grad(value)(x), x)).dataSync()[0] - whole) < 2e-6 * Math.abs(whole));
  }
});

t.test('the pyramid sees its rates and the whole image', async (t) => {
  const parameters = new Parameters('pyramid-field');
  const pyramid = pyramidPooling(parameters, new Rng(3), [13, 13, 2], [2, 4], 6);
  t.strictSame(pyramid.output, [13, 13, 6]);
  t.equal(pyramid.flops, 2 * (169 * (2 * 6 + 2 * 9 * 2 * 6 + 24 * 6) + 2 * 6));
  // Without the branch of the whole image, what a pixel changes are the taps of the two rates.
  const image = present(parameters.trainable.find(({ name }) => name.endsWith('pyramid/image/conv')));
  const reached = () => {
    const spot = tf.buffer([1, 13, 13, 2]);
    spot.set(50, 0, 6, 6, 0);
    spot.set(-50, 0, 6, 6, 1);
    const difference = tf.sub(
      pyramid.apply(spot.toTensor() as tf.Tensor4D, false),
      pyramid.apply(tf.zeros([1, 13, 13, 2]), false),
    );
    const map = tf.sum(tf.abs(difference), [0, 3]).arraySync() as number[][];
    return map.flatMap((values, y) => values.flatMap((value, x) => (value > 0 ? [[y - 6, x - 6]] : [])));
  };
  t.equal(reached().length, 169, 'the mean reaches every pixel');
  image.assign(tf.zerosLike(image));
  const taps = [-4, -2, 0, 2, 4];
  const expected = taps
    .flatMap((y) => taps.map((x) => [y, x]))
    .filter(([y, x]) => (Math.abs(y) % 4 === 0 && Math.abs(x) % 4 === 0) || (Math.abs(y) <= 2 && Math.abs(x) <= 2));
  t.strictSame(reached(), expected);
  parameters.dispose();
});

const options = (scope: string): HeadOptions => ({
  early: [8, 8, 3],
  last: [4, 4, 6],
  image: [16, 16],
  classes: 3,
  rates: [1, 2],
  filters: 8,
  skipFilters: 4,
  scope,
  rng: new Rng(1),
});

t.test('the network: shapes, and gradients of maps and weights against finite differences', async (t) => {
  const head = segmentationHead(options('segmentation-head'));
  const early = random([2, 8, 8, 3], 1) as tf.Tensor4D;
  const last = random([2, 4, 4, 6], 2) as tf.Tensor4D;
  t.strictSame(head.logits(early, last, false).shape, [2, 16, 16, 3]);
  const labels = Uint8Array.from({ length: 2 * 256 }, (_, i) => (i % 11 === 0 ? 255 : (i >> 4) % 3));
  const loss = (early: tf.Tensor, last: tf.Tensor) =>
    pixelCrossEntropy(head.logits(early as tf.Tensor4D, last as tf.Tensor4D, true), labels);
  const slopes = tf.grads(loss)([early, last]);
  // Along the gradient of each map itself, where a short step changes the loss most; ReLU's kinks leave about two digits.
  for (const [i, map] of [early, last].entries()) {
    const length = tf.norm(slopes[i]).dataSync()[0];
    const step = 1e-2;
    const at = (sign: number) => {
      const moved = tf.add(map, tf.mul(slopes[i], (sign * step) / length));
      return (i === 0 ? loss(moved, last) : loss(early, moved)).dataSync()[0];
    };
    const numeric = (at(1) - at(-1)) / (2 * step);
    t.ok(Math.abs(numeric - length) < 8e-3 * length, `map ${i}: ${numeric} and ${length}`);
  }
  const { grads } = tf.variableGrads(() => loss(early, last) as tf.Scalar, head.parameters.trainable);
  for (const { name } of head.parameters.trainable) {
    t.ok(
      grads[name].dataSync().some((slope) => slope !== 0),
      `${name} learns`,
    );
  }
  head.parameters.dispose();
});
