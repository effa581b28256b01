import t from 'tap';
import { detectionLoss, mined, type Predictions, smoothL1 } from '../../paper/detection/loss.js';
import type { Targets } from '../../paper/detection/matching.js';
import { Rng } from '../../data/index.js';
import { tf, useBackend } from '../../tfjs/backend.js';

t.before(() => useBackend('wasm'));

t.test('hard negatives', async (t) => {
  // Two images of six boxes. The first has one object: its three worst of five background boxes count, of equal ones
  // the first. The second has none, so nothing counts.
  const losses = [9, 1, 3, 2, 2, 5, 7, 7, 7, 7, 7, 7];
  const classes = Int32Array.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
  t.strictSame([...mined(Float32Array.from(losses), classes, 6)], [1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
  t.strictSame([...mined([1, 2, 2, 1, 2], Int32Array.from([0, 0, 0, 1, 0]), 5)], [0, 1, 1, 1, 1]);
  t.strictSame([...mined([1, 1, 1], Int32Array.from([2, 0, 1]), 3)], [1, 1, 1], 'fewer than three to one there are');
});

t.test('smooth L1 and its gradient', async (t) => {
  const x = tf.tensor1d([-3, -1, -0.5, 0, 0.25, 1, 2]);
  t.strictSame([...smoothL1(x).dataSync()], [2.5, 0.5, 0.125, 0, 0.03125, 0.5, 1.5]);
  const gradient = tf.grad((x: tf.Tensor) => tf.sum(smoothL1(x)))(x);
  t.strictSame(
    [...gradient.dataSync()].map((value) => value + 0),
    [-1, -1, -0.5, 0, 0.25, 1, 1],
  );
});

const value = (predictions: Predictions, wanted: Targets): [number, number] => {
  const { classes, offsets } = detectionLoss(predictions, wanted);
  return [classes.dataSync()[0], offsets.dataSync()[0]];
};

t.test('the loss of a case worked out by hand', async (t) => {
  // One image, five boxes, two classes and the background. Box 0 has an object of class 1.
  const wanted: Targets = { classes: Int32Array.from([2, 0, 0, 0, 0]), offsets: new Float32Array(20) };
  wanted.offsets.set([1, 2, 0, 0]);
  const logs = [
    [0.2, 0.3, 0.5],
    [0.5, 0.25, 0.25],
    [0.9, 0.05, 0.05],
    [0.6, 0.2, 0.2],
    [0.7, 0.1, 0.2],
  ];
  const predictions: Predictions = {
    classes: tf.tensor3d([logs.map((row) => row.map((p) => Math.log(p) + 3))]),
    offsets: tf.tensor3d([[[1.5, 0, 0, 0], ...Array.from({ length: 4 }, () => [9, 9, 9, 9])]]),
  };
  const [classes, offsets] = value(predictions, wanted);
  // The object, and the three boxes with the least certain background; the one with 0.9 is left out.
  t.ok(Math.abs(classes + Math.log(0.5) + Math.log(0.5) + Math.log(0.6) + Math.log(0.7)) < 1e-6);
  t.ok(Math.abs(offsets - (0.125 + 1.5)) < 1e-6, 'only the box with an object is placed');

  const twice: Targets = { classes: Int32Array.from([2, 1, 0, 0, 0]), offsets: wanted.offsets };
  const [halved, placed] = value(predictions, twice);
  t.ok(
    Math.abs(halved + (Math.log(0.5) + Math.log(0.25) + Math.log(0.9) + Math.log(0.6) + Math.log(0.7)) / 2) < 1e-5,
    'divided by the boxes with objects',
  );
  t.ok(Math.abs(placed - (1.625 + 4 * 8.5) / 2) < 1e-5);
  const nothing: Targets = { classes: new Int32Array(5), offsets: new Float32Array(20) };
  t.strictSame(value(predictions, nothing), [0, 0], 'no object, no loss');
});

t.test('gradients agree with finite differences', async (t) => {
  const rng = new Rng(3);
  const [images, boxes, classes] = [2, 9, 4];
  const normal = (size: number): Float32Array => Float32Array.from({ length: size }, () => rng.normal(0, 1.5));
  const wanted: Targets = {
    classes: Int32Array.from({ length: images * boxes }, (_, i) => (i % 8 === 1 ? 1 + (i % 3) : 0)),
    offsets: normal(images * boxes * 4),
  };
  const logits = normal(images * boxes * classes);
  const offsets = normal(images * boxes * 4);
  const loss = (logits: Float32Array, offsets: Float32Array): number =>
    tf.tidy(() => {
      const [a, b] = value(
        {
          classes: tf.tensor3d(logits, [images, boxes, classes]),
          offsets: tf.tensor3d(offsets, [images, boxes, 4]),
        },
        wanted,
      );
      return a + b;
    });
  const before = tf.memory().numTensors;
  const gradients = tf.grads((...[classes, offsets]: tf.Tensor[]) => {
    const parts = detectionLoss({ classes: classes as tf.Tensor3D, offsets: offsets as tf.Tensor3D }, wanted);
    return tf.add(parts.classes, parts.offsets);
  })([tf.tensor3d(logits, [images, boxes, classes]), tf.tensor3d(offsets, [images, boxes, 4])]);
  t.equal(tf.memory().numTensors, before + 4, 'nothing but arguments and gradients stays');
  const step = 1e-2;
  for (const [which, values] of [logits, offsets].entries()) {
    const exact = gradients[which].dataSync();
    let worst = 0;
    values.forEach((kept, i) => {
      const at = (x: number): number => {
        values[i] = x;
        return loss(logits, offsets);
      };
      const slope = (at(kept + step) - at(kept - step)) / (2 * step);
      values[i] = kept;
      worst = Math.max(worst, Math.abs(slope - exact[i]));
    });
    t.ok(worst < 3e-4, `${which === 0 ? 'logits' : 'offsets'}: ${worst}`);
    t.ok(
      exact.some((value) => value === 0),
      'boxes that do not count have no gradient',
    );
  }
});
