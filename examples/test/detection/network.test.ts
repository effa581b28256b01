import t from 'tap';
import { Rng } from '../../data/index.js';
import { detectionLoss } from '../../paper/detection/loss.js';
import { detectorHead, type DetectorOptions } from '../../paper/detection/network.js';
import { tf, useBackend } from '../../tfjs/backend.js';

t.before(() => useBackend('wasm'));

const options = (scope: string): DetectorOptions => ({
  maps: [
    [6, 6, 2],
    [3, 3, 4],
  ],
  extraMaps: 1,
  classes: 3,
  scope,
  rng: new Rng(1),
  side: 24,
  scales: [0.2, 0.6],
  ratios: [1],
});

t.test('predictions are in the order of the default boxes', async (t) => {
  const head = detectorHead(options('order'));
  t.equal(head.defaults.length, 2 * (36 + 9 + 4), 'the extra map is half as large, rounded up');
  // Predictors that copy: only the centre of the filter and the map's first channel count, for the first class.
  for (const variable of head.parameters.trainable.filter(({ name }) => /predictor\d\/conv/.test(name))) {
    const [, , channels, filters] = variable.shape;
    const values = new Float32Array(variable.size);
    for (const box of [0, 1]) values[4 * channels * filters + box * 8 + 1] = 1 + box;
    variable.assign(tf.tensor(values, variable.shape));
  }
  const fine = tf.buffer([2, 6, 6, 2]);
  fine.set(5, 0, 2, 4, 0);
  const coarse = tf.buffer([2, 3, 3, 4]);
  coarse.set(7, 1, 2, 1, 0);
  const { classes, offsets } = head.predict([fine.toTensor() as tf.Tensor4D, coarse.toTensor() as tf.Tensor4D], false);
  t.strictSame(classes.shape, [2, head.defaults.length, 4]);
  t.strictSame(offsets.shape, [2, head.defaults.length, 4]);
  const values = classes.arraySync();
  const centre = (index: number) => {
    const [left, top, right, bottom] = head.defaults[index];
    return [(left + right) / 2, (top + bottom) / 2].map((value) => Math.round(value));
  };
  // What the extra map makes of the random weights before it is left out.
  const seen = values.map((image) =>
    image.slice(0, 2 * (36 + 9)).flatMap((row, index) => (row[1] === 0 ? [] : [[row[1], centre(index)]])),
  );
  t.strictSame(
    seen[0],
    [
      [5, [18, 10]],
      [10, [18, 10]],
    ],
    'row 2, column 4 of 6',
  );
  t.strictSame(
    seen[1],
    [
      [7, [12, 20]],
      [14, [12, 20]],
    ],
    'row 2, column 1 of 3',
  );
  head.parameters.dispose();
});

t.test('every weight learns', async (t) => {
  const head = detectorHead(options('learning'));
  const maps = options('').maps.map(
    (shape, i) => tf.randomNormal([2, ...shape], 0, 1, 'float32', i + 1) as tf.Tensor4D,
  );
  const boxes = head.defaults.length;
  const classes = Int32Array.from({ length: 2 * boxes }, (_, i) => ((i % boxes) % 9 === 0 ? 1 + (i % 3) : 0));
  const { value, grads } = tf.variableGrads(() => {
    const loss = detectionLoss(head.predict(maps, true), { classes, offsets: new Float32Array(8 * boxes).fill(1) });
    return tf.add(loss.classes, loss.offsets) as tf.Scalar;
  }, head.parameters.trainable);
  t.ok(Number.isFinite(value.dataSync()[0]));
  for (const { name } of head.parameters.trainable) {
    t.ok(
      grads[name].dataSync().some((slope) => slope !== 0),
      name,
    );
  }
  head.parameters.dispose();
});
