import t from 'tap';
import {
  areaUnder,
  averagePrecision,
  type Judged,
  meanPrecision,
  precisionAt,
  precisionRecall,
  raised,
} from '../../paper/detection/average-precision.js';
import { type Box, scenes } from '../../data/index.js';
import { defaultBoxes } from '../../paper/detection/default-boxes.js';
import { type Detection, detections, suppressed } from '../../paper/detection/detections.js';
import { match, targets } from '../../paper/detection/matching.js';
import { tf, useBackend } from '../../tfjs/backend.js';
import { present } from '../../present.js';

t.before(() => useBackend('wasm'));

const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

t.test('non-maximum suppression', async (t) => {
  const boxes: Box[] = [
    [0, 0, 10, 10],
    [1, 0, 11, 10],
    [2, 0, 12, 10],
    [30, 30, 40, 40],
    [4, 0, 14, 10],
  ];
  // Overlaps with the first: 9/11, 8/12, none, 6/14.
  t.strictSame(suppressed(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], 0.5), [0, 3, 4]);
  t.strictSame(suppressed(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], 0.4), [0, 3]);
  // The second is best and drops the first (9/11), the third (9/11) and the last (7/13).
  t.strictSame(suppressed(boxes, [0.8, 0.9, 0.7, 0.6, 0.5], 0.5), [1, 3]);
  // What has been dropped drops nothing: the last overlaps the second by 7/13 but the first by 6/14 only.
  t.strictSame(suppressed([boxes[0], boxes[1], boxes[4]], [0.9, 0.8, 0.7], 0.5), [0, 2]);
  t.strictSame(suppressed([], [], 0.5), []);
});

t.test('detections', async (t) => {
  const defaults: Box[] = [
    [0, 0, 10, 10],
    [1, 0, 11, 10],
    [20, 20, 30, 30],
  ];
  const predict = (probabilities: number[][][], offsets: number[][][]) => ({
    classes: tf.tensor3d(probabilities.map((image) => image.map((row) => row.map((p) => Math.log(p))))),
    offsets: tf.tensor3d(offsets),
  });
  const still = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  const before = tf.memory().numTensors;
  const predictions = predict(
    [
      [
        [0.2, 0.7, 0.1],
        [0.35, 0.6, 0.05],
        [0.995, 0.003, 0.002],
      ],
      [
        [0.4, 0.6, 1e-9],
        [0.2, 1e-9, 0.8],
        [0.05, 0.9, 0.05],
      ],
    ],
    [
      still,
      [
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, Math.LN2 / 0.2, 0],
      ],
    ],
  );
  const found = detections(predictions, defaults);
  const rounded = (image: Detection[]) =>
    image.map(({ label, score, box }) => [label, Number(score.toFixed(4)), box.map((edge) => Number(edge.toFixed(4)))]);
  t.strictSame(
    rounded(found[0]),
    [
      [0, 0.7, [0, 0, 10, 10]],
      [1, 0.1, [0, 0, 10, 10]],
    ],
    'of a class the better of two that overlap; each class for itself; what is hardly likely not at all',
  );
  t.strictSame(
    rounded(found[1]),
    [
      [0, 0.9, [15, 20, 35, 30]],
      [1, 0.8, [1, 0, 11, 10]],
      [0, 0.6, [1, 0, 11, 10]],
      [1, 0.05, [15, 20, 35, 30]],
    ],
    'best first, moved by their offsets, the same place for two classes',
  );
  t.strictSame(
    rounded(detections(predictions, defaults, { most: 1, leastScore: 0.5 })[1]),
    [[0, 0.9, [15, 20, 35, 30]]],
    'at most as many as asked for',
  );
  t.equal(tf.memory().numTensors, before + 2, 'no tensor is left behind');
});

const object = (label: number, x: number) => ({ label, box: [x, 0, x + 10, 10] as Box });
const detection = (label: number, x: number, score: number): Detection => ({ ...object(label, x), score });

t.test('what the targets say is found again', async (t) => {
  const data = scenes({ seed: 4, trainSize: 1, testSize: 40 });
  const defaults = defaultBoxes(
    [
      [16, 16, 1],
      [8, 8, 1],
      [4, 4, 1],
    ],
    { side: 32, scales: [0.2, 0.5], ratios: [1, 2, 0.5] },
  );
  const matched = data.test.scenes.map(({ objects }) => ({
    objects,
    owner: match(
      objects.map(({ box }) => box),
      defaults,
    ),
  }));
  const { classes, offsets } = targets(matched, defaults);
  const shape = [40, defaults.length] as const;
  const predictions = {
    classes: tf.mul(tf.oneHot(tf.tensor2d(classes, [...shape], 'int32'), 6), 20) as tf.Tensor3D,
    offsets: tf.tensor3d(offsets, [...shape, 4]),
  };
  const judged = detections(predictions, defaults).map((found, i) => ({ found, objects: data.test.scenes[i].objects }));
  // Two objects of a class that overlap so much that one of them is suppressed are the exception.
  t.ok(averagePrecision(judged, 5).mean > 0.97);
});

t.test('average precision', async (t) => {
  // Class 0 has three objects in two images. By score: right, wrong (overlap 4/16), right, wrong (second time), right.
  const images: Judged[] = [
    {
      objects: [object(0, 0), object(0, 40), object(1, 80)],
      found: [detection(0, 1, 0.9), detection(0, 0, 0.6), detection(0, 41, 0.5), detection(1, 0, 0.99)],
    },
    { objects: [object(0, 100)], found: [detection(0, 106, 0.8), detection(0, 102, 0.7)] },
  ];
  const curve = present(precisionRecall(images, 0));
  t.ok(curve.recall.every((value, i) => close(value, [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1][i])));
  t.ok(curve.precision.every((value, i) => close(value, [1, 1 / 2, 2 / 3, 1 / 2, 3 / 5][i])));
  // Raised to the largest on the right: 1 up to a third, 2/3 up to two thirds, 3/5 up to the end.
  t.ok(close(areaUnder(curve), (1 + 2 / 3 + 3 / 5) / 3));
  t.ok(raised(curve).precision.every((value, i) => close(value, [1, 2 / 3, 2 / 3, 3 / 5, 3 / 5][i])));
  t.ok(precisionAt(curve, [0, 0.3, 0.4, 0.9, 1]).every((value, i) => close(value, [1, 1, 2 / 3, 3 / 5, 3 / 5][i])));
  t.strictSame(
    precisionAt({ recall: [0.5], precision: [1] }, [0, 0.5, 0.6]),
    [1, 1, 0],
    'a recall that is not reached',
  );
  // Class 1 is never right: half of class 0.
  t.ok(meanPrecision(images, 3, [0, 0.9]).every((value, i) => close(value, [1 / 2, 3 / 10][i])));
  t.strictSame(meanPrecision([], 2, [0, 1]), [0, 0]);
  const { mean, perClass } = averagePrecision(images, 3);
  t.ok(close(present(perClass[0]), (1 + 2 / 3 + 3 / 5) / 3));
  t.equal(perClass[1], 0, 'an object that was not found');
  t.equal(perClass[2], null, 'a class that does not occur');
  t.ok(close(mean, present(perClass[0]) / 2), 'the mean leaves it out');

  t.ok(close(areaUnder({ recall: [0.5, 0.5, 1], precision: [1, 0.5, 2 / 3] }), 0.5 + 1 / 3));
  t.equal(
    areaUnder({ recall: [0, 0.5], precision: [0, 0.5] }),
    0.25,
    'not found: the rest of the recall counts nothing',
  );
  t.equal(areaUnder({ recall: [], precision: [] }), 0, 'nothing found');
  const perfect: Judged[] = [
    { objects: [object(0, 0), object(1, 20)], found: [detection(1, 20, 0.2), detection(0, 0, 0.1)] },
  ];
  t.strictSame(averagePrecision(perfect, 2), { mean: 1, perClass: [1, 1] });
  t.strictSame(averagePrecision([], 2), { mean: 0, perClass: [null, null] });
  const other: Judged[] = [
    { objects: [object(0, 0)], found: [] },
    { objects: [], found: [detection(0, 0, 1)] },
  ];
  t.equal(averagePrecision(other, 1).mean, 0, 'the right place in another image is wrong');
  // An overlap of exactly one half counts: 10 × 10 and 10 × 5 inside of it.
  const half: Judged[] = [{ objects: [object(0, 0)], found: [{ label: 0, score: 1, box: [0, 0, 10, 5] }] }];
  t.equal(averagePrecision(half, 1).mean, 1);
});
