import t from 'tap';
import { loadDataset, Rng, shapes } from '../../data/index.js';
import { collect, digest, imagesOf, labelsOf } from './passes.js';

t.test('the generator of random numbers', async (t) => {
  // From the state 1, 2, 3, 4 the generator's recurrence, worked out by hand, gives these first three numbers.
  const rng = Rng.fromState([1, 2, 3, 4]);
  t.strictSame([rng.bits(), rng.bits(), rng.bits()], [11520, 0, 5927040], 'follows the published recurrence');

  const a = new Rng(1, 2);
  for (let i = 0; i < 10; i++) a.normal();
  const saved = JSON.parse(JSON.stringify(a.state())) as number[];
  const b = Rng.fromState(saved);
  t.strictSame(
    [b.uniform(), b.normal(), b.int(9), b.shuffle([1, 2, 3, 4, 5])],
    [a.uniform(), a.normal(), a.int(9), a.shuffle([1, 2, 3, 4, 5])],
    'goes on from a saved state',
  );
  const firsts = [[], [0], [1], [-1], [1, 0], [0, 1], [0.5], [2 ** 40]].map((seeds) => new Rng(...seeds).bits());
  t.equal(new Set(firsts).size, firsts.length, 'every list of seeds has a stream of its own');
  t.throws(() => new Rng(Number.NaN), { name: 'TypeError', message: /^seed: expected a finite number, got NaN/ });
  for (const state of [
    [1, 2, 3],
    [0, 0, 0, 0],
    [1, 2, 3, -1],
    [1, 2, 3, 0.5],
  ]) {
    t.throws(() => Rng.fromState(state), { name: 'TypeError', message: /^state: expected four 32-bit/ });
  }
});

t.test('its distributions', async (t) => {
  const rng = new Rng(7);
  const count = 100_000;
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const uniform = Array.from({ length: count }, () => rng.uniform(-1, 3));
  t.ok(uniform.every((value) => value >= -1 && value < 3));
  t.ok(Math.abs(mean(uniform) - 1) < 0.02);
  const normal = Array.from({ length: count }, () => rng.normal(5, 2));
  t.ok(Math.abs(mean(normal) - 5) < 0.03);
  t.ok(Math.abs(mean(normal.map((value) => (value - 5) ** 2)) - 4) < 0.1);
  const dice = new Array<number>(6).fill(0);
  for (let i = 0; i < count; i++) dice[rng.int(6)]++;
  t.ok(
    dice.every((times) => Math.abs(times - count / 6) < 600),
    'int is even',
  );
  const first = new Array<number>(4).fill(0);
  for (let i = 0; i < count; i++) first[rng.shuffle([0, 1, 2, 3])[0]]++;
  t.ok(
    first.every((times) => Math.abs(times - count / 4) < 700),
    'shuffle is even',
  );
});

t.test('shapes', async (t) => {
  const data = await loadDataset('shapes', { seed: 5, trainSize: 205, testSize: 30 });
  t.match(data, { name: 'shapes', height: 16, width: 16, channels: 3 });
  t.equal(data.classes.length, 10);
  t.equal(new Set(data.classes).size, 10);
  const batches = await collect(data.train, { batchSize: 64 });
  const labels = labelsOf(batches);
  const counts = data.classes.map((_, k) => labels.filter((label) => label === k).length);
  t.strictSame([...counts].sort(), [20, 20, 20, 20, 20, 21, 21, 21, 21, 21], 'classes are equally frequent');
  const images = imagesOf(batches);
  t.equal(images.length, 205 * 16 * 16 * 3);
  t.ok(
    images.every((value) => value > -1.61 && value < 2.41),
    'pixels of 0 to 255, normalised',
  );

  const again = await loadDataset('shapes', { seed: 5, trainSize: 205, testSize: 30 });
  t.equal(digest(await collect(again.train, { batchSize: 64 })), digest(batches), 'the seed decides every byte');
  const test = await collect(data.test, { batchSize: 64 });
  t.equal(digest(await collect(again.test, { batchSize: 64 })), digest(test));
  const other = await loadDataset('shapes', { seed: 6, trainSize: 205, testSize: 30 });
  t.not(digest(await collect(other.train, { batchSize: 64 })), digest(batches));
  t.notSame([...imagesOf(test).slice(0, 768)], [...images.slice(0, 768)], 'test images are not training images');

  const wide = shapes({ seed: 1, side: 24, parts: 7, trainSize: 42, testSize: 1 });
  t.equal(wide.classes.length, 21);
  t.equal((await collect(wide.train, { batchSize: 42 }))[0].images.length, 42 * 24 * 24 * 3);
});

t.test('shapes: no place of the image tells the class, so the mean image of a class is that of all', async (t) => {
  const { train, classes } = shapes({ seed: 2, trainSize: 6000, testSize: 1, noise: 0 });
  const sums = classes.map(() => new Float64Array(768));
  for (const { images, labels } of await collect(train, { batchSize: 500 })) {
    labels.forEach((label, i) => sums[label].forEach((_, at) => (sums[label][at] += images[i * 768 + at] / 600)));
  }
  const overall = sums[0].map((_, at) => sums.reduce((sum, one) => sum + one[at], 0) / classes.length);
  const apart = sums.map((one) => Math.sqrt(one.reduce((sum, value, at) => sum + (value - overall[at]) ** 2, 0) / 768));
  t.ok(
    apart.every((distance) => distance < 0.15),
    `mean images differ by ${Math.max(...apart).toFixed(3)} at most`,
  );
});
