// The distance term of relational knowledge distillation against its definition.
import t from 'tap';
import { Rng } from '../../data/index.js';
import { distanceLoss, relativeDistances } from '../../distill/relational.js';
import { tf, useBackend } from '../../tfjs/backend.js';

/** Distances between rows over their mean, in float64. */
function distances(rows: number[][]): number[][] {
  const all = rows.map((a) => rows.map((b) => Math.hypot(...a.map((value, i) => value - b[i]))));
  const mean = all.flat().reduce((sum, value) => sum + value, 0) / (rows.length * (rows.length - 1));
  return all.map((row) => row.map((value) => value / mean));
}

function loss(student: number[][], teacher: number[][]): number {
  const [s, target] = [distances(student).flat(), distances(teacher).flat()];
  const huber = (d: number) => (Math.abs(d) < 1 ? 0.5 * d * d : Math.abs(d) - 0.5);
  return s.reduce((sum, value, i) => sum + huber(value - target[i]), 0) / s.length;
}

const random = (rng: Rng, n: number, c: number, scale = 1): number[][] =>
  Array.from({ length: n }, () => Array.from({ length: c }, () => rng.normal(0, scale)));

t.test('loss and gradient', async (t) => {
  await useBackend('wasm');
  const rng = new Rng(1);
  const student = random(rng, 7, 5);
  student[6] = student[6].map((value) => 8 * value); // far from the others: the loss's linear part
  const teacher = random(rng, 7, 3, 4);
  const of = (rows: number[][]) => tf.tensor2d(rows);
  const before = tf.memory().numTensors;
  const { value, grad } = tf.valueAndGrad((rows: tf.Tensor) => distanceLoss(rows as tf.Tensor2D, of(teacher)))(
    of(student),
  );
  const expected = loss(student, teacher);
  t.ok(Math.abs(value.dataSync()[0] - expected) < 5e-7 * expected, 'the loss');
  const got = grad.dataSync();
  const step = 1e-5;
  let worst = 0;
  student.forEach((row, i) =>
    row.forEach((at, j) => {
      const moved = (by: number) =>
        loss(
          student.map((r, k) => (k === i ? r.with(j, at + by) : r)),
          teacher,
        );
      worst = Math.max(worst, Math.abs(got[i * row.length + j] - (moved(step) - moved(-step)) / (2 * step)));
    }),
  );
  t.ok(worst < 1e-6 * Math.max(...got.map(Math.abs)), `finite differences, ${worst}`);
  tf.dispose([value, grad]);
  t.ok(tf.memory().numTensors <= before + 3, 'nothing but the inputs stays');
});

t.test('rows that do not differ', async (t) => {
  await useBackend('wasm');
  const equal = tf.tensor2d([
    [1, 2],
    [1, 2],
    [5, -1],
  ]);
  t.ok(relativeDistances(equal).dataSync().every(Number.isFinite));
  for (const rows of [equal, tf.ones([3, 2]) as tf.Tensor2D, tf.zeros([1, 2]) as tf.Tensor2D]) {
    const gradient = tf.grad((x: tf.Tensor) => distanceLoss(x as tf.Tensor2D, tf.add(rows, rows) as tf.Tensor2D))(rows);
    t.ok(gradient.dataSync().every(Number.isFinite), `gradient of ${JSON.stringify(rows.arraySync())}`);
  }
});
