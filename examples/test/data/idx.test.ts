// Sets of the MNIST kind: what is read is what the files hold, in every view, and what is wrong with files is said.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadDataset, Rng } from '../../data/index.js';
import { present } from '../../present.js';
import { collect, imagesOf, labelsOf } from './passes.js';
import { idx, idxPixel, writeIdxFiles } from './idx-files.js';

const folder = writeIdxFiles(t.testdir(), 60, 20);
const open = (options: object = {}) => loadDataset('fashion-mnist', { dir: folder, seed: 1, ...options });

const normalised = (byte: number) => Math.fround((byte / 255 - 0.286) / 0.353);

t.test('byte by byte, packed or not', async (t) => {
  const data = await open();
  t.match(data, { name: 'fashion-mnist', height: 28, width: 28, channels: 1, train: { size: 60 }, test: { size: 20 } });
  t.equal(data.classes[9], 'ankle boot');
  t.equal(data.validation, undefined);
  t.match(data.description, /60 of 60 training and 20 test images of Fashion-MNIST/);
  for (const [split, first] of [
    [data.train, 0],
    [data.test, 1000],
  ] as const) {
    const batches = await collect(split, { batchSize: 7 });
    t.same(
      labelsOf(batches),
      Array.from({ length: split.size }, (_, i) => (first + i) % 10),
    );
    const wrong = imagesOf(batches).filter((value, i) => {
      const at = i % 784;
      return value !== normalised(idxPixel(first + Math.floor(i / 784), Math.floor(at / 28), at % 28));
    });
    t.equal(wrong.length, 0);
  }
});

t.test('every view of an image', async (t) => {
  const { train } = await open();
  t.equal(train.views, 18);
  const expected = new Set<string>();
  for (const flip of [false, true]) {
    for (const top of [0, -2, 2]) {
      for (const left of [0, -2, 2]) {
        const pixels = Array.from({ length: 784 }, (_, at) => {
          const [y, x] = [Math.floor(at / 28) + top, (flip ? 27 - (at % 28) : at % 28) + left];
          return normalised(y >= 0 && y < 28 && x >= 0 && x < 28 ? idxPixel(5, y, x) : 0);
        });
        expected.add(pixels.join());
      }
    }
  }
  const seen = new Map<number, string>();
  for (let view = 0; view < train.views; view += 1) {
    const [batch] = await collect(train, { batchSize: 60, view });
    t.ok(batch.views.every((one) => one === view));
    seen.set(
      view,
      imagesOf([batch])
        .slice(5 * 784, 6 * 784)
        .join(),
    );
  }
  t.same(new Set(seen.values()), expected, 'shifts by two pixels, as they are and mirrored');
  t.equal(
    seen.get(0),
    (await collect(train, { batchSize: 60 })).map((batch) =>
      imagesOf([batch])
        .slice(5 * 784, 6 * 784)
        .join(),
    )[0],
  );

  const drawn = await collect(train, { batchSize: 8, shuffle: new Rng(3), augment: new Rng(4) });
  const views = drawn.flatMap((batch) => [...batch.views]);
  t.ok(new Set(views).size > 9, 'augmentation draws among them');
  for (const { images, positions, views: own, size } of drawn) {
    for (let i = 0; i < size; i += 1) {
      if (positions[i] !== 5) continue;
      t.equal(Array.from(images.subarray(i * 784, (i + 1) * 784)).join(), seen.get(own[i]), 'and says which it was');
    }
  }
  t.throws(() => train.batches({ batchSize: 1, view: 18 }), /^view: expected less than the 18 views/);
  t.equal((await loadDataset('mnist', { dir: folder, seed: 1 })).train.views, 9, 'digits are not mirrored');
});

t.test('parts of the images', async (t) => {
  const labels = async (options: object, part: 'train' | 'validation') =>
    (await collect(present((await open(options))[part]), { batchSize: 100 })).map(({ images }) =>
      // The first pixel tells the image.
      Array.from({ length: images.length / 784 }, (_, i) => images[i * 784]),
    )[0];
  const small = await labels({ trainSize: 20, validationSize: 10 }, 'train');
  const large = await labels({ trainSize: 40, validationSize: 10 }, 'train');
  const validation = await labels({ trainSize: 40, validationSize: 10 }, 'validation');
  t.same([small.length, large.length, validation.length], [20, 40, 10]);
  t.ok(
    small.every((value) => large.includes(value)),
    'a larger training set contains a smaller one',
  );
  t.notOk(
    validation.some((value) => large.includes(value)),
    'images for validation are others',
  );
  t.same(await labels({ trainSize: 20, validationSize: 10 }, 'validation'), validation);
  t.equal((await open({ validationSize: 10 })).train.size, 50, 'all that are left are to train on');
  t.not((await labels({ trainSize: 20, seed: 2 }, 'train')).join(), small.join(), 'the seed chooses');
  await t.rejects(open({ trainSize: 55, validationSize: 10 }), {
    name: 'RangeError',
    message: /^trainSize: expected at most the 60 images that there are, 10 of which are for validation, got 55/,
  });
  await t.rejects(open({ testSize: 21 }), { name: 'RangeError', message: /at most the 20 images/ });
});

t.test('what is wrong with files', async (t) => {
  const wrong = writeIdxFiles(t.testdir(), 10, 10);
  const [images, labels] = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'].map((name) => join(wrong, name));
  const load = () => loadDataset('fashion-mnist', { dir: wrong, seed: 1 });
  await t.resolves(load());
  writeFileSync(`${images}.gz`, 'no gzip');
  await t.rejects(load(), /train-images-idx3-ubyte\.gz: expected a file packed by gzip/);
  rmSync(`${images}.gz`);
  await t.rejects(
    load(),
    /expected this file, packed by gzip or not, found none \(fashion-mnist: install Debian's package/,
  );
  for (const [bytes, message] of [
    [Buffer.alloc(3), /expected an IDX file of bytes with 3 axes/],
    [idx([10], new Uint8Array(10)), /expected an IDX file of bytes with 3 axes/],
    [idx([10, 28, 27], new Uint8Array(7560)), /expected items of 28 × 28, all there, found 10 of 28 × 27/],
    [idx([10, 28, 28], new Uint8Array(7000)), /expected items of 28 × 28, all there, found .* in 7000 bytes/],
    [idx([9, 28, 28], new Uint8Array(7056)), /expected a label for each of 9 images, got 10/],
  ] as const) {
    writeFileSync(images, bytes);
    await t.rejects(load(), message);
  }
  writeFileSync(images, idx([10, 28, 28], new Uint8Array(7840)));
  writeFileSync(labels, idx([10], Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 10)));
  await t.rejects(load(), /expected labels below 10, got 10/);
});

t.test('the digits of the package', async (t) => {
  const data = await loadDataset('mnist', { seed: 1 });
  t.match(data, { train: { size: 60_000 }, test: { size: 10_000 } });
  const [first] = await collect(data.test, { batchSize: 10_000 });
  const mean = first.images.reduce((sum, value) => sum + value, 0) / first.images.length;
  t.ok(Math.abs(mean) < 0.02, 'normalised');
});
