import { parseHTML } from 'linkedom';
import t from 'tap';
import { type Scene, scenes } from '../../data/index.js';
import { Confusion } from '../../paper/segmentation/confusion.js';
import { ignored, labelMap, labelMaps, pixelClasses } from '../../paper/segmentation/labels.js';
import { pixelCrossEntropy } from '../../paper/segmentation/loss.js';
import { classColour, maskPicture } from '../../paper/segmentation/pictures.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { present } from '../../present.js';
import { decodePng } from '../report/png.js';

t.before(() => useBackend('wasm'));

const bytes = (...values: number[]) => Uint8Array.from(values);

t.test('the class of every pixel', async (t) => {
  const scene: Scene = {
    planes: new Uint8Array(12),
    owner: bytes(0, 1, 2, 2),
    border: bytes(0, 0, 0, 1),
    objects: [
      { label: 4, box: [1, 0, 2, 1] },
      { label: 0, box: [0, 1, 2, 2] },
    ],
  };
  t.strictSame([...labelMap(scene)], [0, 5, 1, ignored]);
  t.strictSame([...labelMaps([scene, scene])], [0, 5, 1, ignored, 0, 5, 1, ignored]);
  t.strictSame(pixelClasses(['ring', 'plus']), ['background', 'ring', 'plus']);
  const { classes, train } = scenes({ seed: 4, trainSize: 20, testSize: 1 });
  const labels = labelMaps(train.scenes);
  t.strictSame(
    [...new Set(labels)].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, ignored],
  );
  t.equal(pixelClasses(classes).length, 6);
});

t.test('cross-entropy of pixels: a case by hand, and its gradient', async (t) => {
  const logits = tf.tensor4d([0, 0, Math.log(3), 0, 5, -7, 0, Math.log(7)], [1, 2, 2, 2]);
  const labels = bytes(0, 0, ignored, 0);
  const loss = (x: tf.Tensor) => pixelCrossEntropy(x as tf.Tensor4D, labels);
  // Probabilities of the labels: 1/2, 3/4 and 1/8.
  const expected = (Math.log(2) + Math.log(4 / 3) + Math.log(8)) / 3;
  t.ok(Math.abs(loss(logits).dataSync()[0] - expected) < 2e-7);
  const third = 1 / 3;
  const slopes = [-third / 2, third / 2, -third / 4, third / 4, 0, 0, (-third * 7) / 8, (third * 7) / 8];
  tf.grad(loss)(logits)
    .dataSync()
    .forEach((slope, i) => t.ok(Math.abs(slope - slopes[i]) < 1e-7, `slope ${i}`));

  const nothing = (x: tf.Tensor) => pixelCrossEntropy(x as tf.Tensor4D, bytes(ignored, ignored, ignored, ignored));
  t.equal(nothing(logits).dataSync()[0], 0, 'nothing to learn is no loss');
  t.ok(
    tf
      .grad(nothing)(logits)
      .dataSync()
      .every((slope) => slope === 0),
  );
  t.throws(() => pixelCrossEntropy(logits, bytes(0, 1)), {
    name: 'RangeError',
    message: /^labels: expected one for each of 4/,
  });
  t.throws(() => pixelCrossEntropy(logits, bytes(0, 1, 2, 0)), {
    name: 'RangeError',
    message: /^labels: expected classes below 2 or 255, got 2/,
  });
});

t.test('mean intersection over union: cases by hand', async (t) => {
  const confusion = new Confusion(4);
  t.ok(Number.isNaN(confusion.meanIntersectionOverUnion()), 'nothing counted');
  confusion.add([0, 0, 0, 1, 1], [0, 0, 1, 1, 0]);
  confusion.add([2, ignored, 0], [1, 2, 0]);
  // Class 0: three right, one missed, one too many. Class 1: one right, one missed, two too many. Class 2: none right.
  t.strictSame(confusion.intersectionOverUnion(), [3 / 5, 1 / 4, 0, undefined]);
  t.ok(
    Math.abs(confusion.meanIntersectionOverUnion() - (3 / 5 + 1 / 4) / 3) < 1e-15,
    'a class that is nowhere is left out',
  );

  const perfect = new Confusion(2);
  perfect.add([0, 1, ignored], [0, 1, 0]);
  t.equal(perfect.meanIntersectionOverUnion(), 1, 'what is said about ignored pixels does not count');
  const flat = new Confusion(2);
  flat.add([0, 0, 0, 1], [0, 0, 0, 0]);
  t.equal(flat.meanIntersectionOverUnion(), 3 / 8, 'the background alone is worth its share by half');
  t.throws(() => flat.add([0], [0, 1]), { name: 'RangeError', message: /^predicted: expected 1 classes/ });
  t.throws(() => flat.add([2], [0]), {
    name: 'RangeError',
    message: /^labels: expected classes below 2 or 255, got 2/,
  });
  t.throws(() => flat.add([0], [2]), { name: 'RangeError', message: /^predicted: expected classes below 2, got 2/ });
});

t.test('pictures with masks', async (t) => {
  const rgb = bytes(100, 100, 100, 100, 100, 100, 0, 10, 200, 100, 100, 100);
  const page = maskPicture(2, rgb, bytes(0, 1, 2, ignored), 'Scene <1>');
  const svg = present(parseHTML(`<body>${page}</body>`).document.querySelector('svg'));
  t.equal(svg.getAttribute('aria-label'), 'Scene <1>');
  const { rows } = decodePng(present(svg.querySelector('image')?.getAttribute('href')));
  t.strictSame(rows, [
    [30, 30, 30, 191, 141, 30],
    [60, 129, 223, 209, 209, 209],
  ]);
  t.equal(classColour(1), 'rgb(230,159,0)');
});
