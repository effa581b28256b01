import { open, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { type Batch, type BatchOptions, loadDataset, Rng, shapes } from '../../data/index.js';
import { present } from '../../present.js';
import { collect, digest, imagesOf, labelsOf } from './passes.js';

const pixels = 3 * 32 * 32;
const normalise = (byte: number, mean: number, deviation: number): number =>
  Math.fround((byte / 255 - mean) / deviation);
const cifar100Mean = [0.4814, 0.4822, 0.4465];
const cifar100Deviation = [0.2023, 0.1994, 0.201];

/** Any byte will do for a pixel, as long as a test can tell from where it came. */
const pixel = (record: number, at: number): number => (record * 37 + at * 7 + (at >> 8)) % 256;

/** Bytes of a file in CIFAR's form: per record the label bytes, then the pixels. */
function records(labels: number[][], first = 0): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((bytes, r) => [...bytes, ...Array.from({ length: pixels }, (_, at) => pixel(first + r, at))]),
  );
}

const cifar100 = (train = 10, test = 4): { 'train.bin': Buffer; 'test.bin': Buffer } => ({
  'train.bin': Buffer.from(records(Array.from({ length: train }, (_, i) => [i % 20, 99 - i]))),
  'test.bin': Buffer.from(
    records(
      Array.from({ length: test }, (_, i) => [19, i]),
      100,
    ),
  ),
});

t.test('CIFAR-100, byte by byte', async (t) => {
  const names = Array.from({ length: 100 }, (_, i) => `name_${i}`);
  const dir = t.testdir({ 'cifar-100-binary': { ...cifar100(), 'fine_label_names.txt': `${names.join('\n')}\n\n` } });
  const data = await loadDataset('cifar100', { dir, seed: 1 });
  t.match(data, { name: 'cifar100', height: 32, width: 32, channels: 3, classes: names });
  t.match(data.description, /10 of 50,000 training and 4 of 10,000 test images/);
  t.equal(data.train.size, 10);
  t.equal(data.test.size, 4);

  const batches = await collect(data.train, { batchSize: 4 });
  t.strictSame(
    batches.map((batch) => batch.size),
    [4, 4, 2],
  );
  t.strictSame(labelsOf(batches), [99, 98, 97, 96, 95, 94, 93, 92, 91, 90], 'the fine label is the one used');
  const images = imagesOf(batches);
  t.equal(images.length, 10 * pixels);
  let different = 0;
  for (let r = 0; r < 10; r++) {
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        for (let c = 0; c < 3; c++) {
          const byte = pixel(r, c * 1024 + y * 32 + x);
          const expected = normalise(byte, cifar100Mean[c], cifar100Deviation[c]);
          if (images[((r * 32 + y) * 32 + x) * 3 + c] !== expected) different++;
        }
      }
    }
  }
  t.equal(different, 0, 'planes became NHWC, normalised with the constants of the released code');

  const inside = await loadDataset('cifar100', { dir: join(dir, 'cifar-100-binary'), seed: 1 });
  t.strictSame(labelsOf(await collect(inside.test, { batchSize: 3 })), [0, 1, 2, 3], 'the folder itself will do');
});

t.test('CIFAR-10: five training files are one split', async (t) => {
  const files: Record<string, Buffer> = { 'test_batch.bin': Buffer.from(records([[9]], 50)) };
  // Files of different lengths, so that a record number has to be looked up, not divided.
  for (let i = 1; i <= 5; i++) {
    const labels = Array.from({ length: i }, (_, r) => [(i + r) % 10]);
    files[`data_batch_${i}.bin`] = Buffer.from(records(labels, 10 * i));
  }
  const dir = t.testdir({ ...files });
  const data = await loadDataset('cifar10', { dir, seed: 1 });
  t.equal(data.train.size, 15);
  t.equal(data.classes[3], 'class 3', 'without batches.meta.txt the classes go by number');
  const batches = await collect(data.train, { batchSize: 6 });
  t.strictSame(labelsOf(batches), [1, 2, 3, 3, 4, 5, 4, 5, 6, 7, 5, 6, 7, 8, 9]);
  const images = imagesOf(batches);
  t.equal(images[14 * pixels + 1], normalise(pixel(54, 1024), 0.4822, 0.2435), 'green of the last image');
  t.equal((await collect(data.test, { batchSize: 8 }))[0].images[2], normalise(pixel(50, 2048), 0.4465, 0.2616));

  const meta = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
  await writeFile(join(dir, 'batches.meta.txt'), `${meta.join('\r\n')}\r\n\r\n`);
  t.strictSame((await loadDataset('cifar10', { dir, seed: 1 })).classes, meta);
});

t.test('what is wrong with the files is said', async (t) => {
  const load = (dir: string, name: 'cifar10' | 'cifar100' = 'cifar100'): Promise<unknown> =>
    loadDataset(name, { dir, seed: 1 });
  const empty = t.testdir({ other: {} });
  await t.rejects(load(join(empty, 'nowhere')), {
    message: /nowhere: expected the folder with train\.bin, test\.bin of cifar100.*found no such folder.*Download/,
  });
  await t.rejects(load(join(empty, 'other'), 'cifar10'), {
    message: /data_batch_1\.bin.*found none of these files.*cifar-10-binary\.tar\.gz/,
  });

  const dir = t.testdir({ ...cifar100() });
  await truncate(join(dir, 'train.bin'), 2 * (pixels + 2) + 5);
  await t.rejects(load(dir), {
    message: /train\.bin: expected a whole number of records of 3074 bytes.*found 6153 bytes.* 2 records and 5 b/,
  });
  await truncate(join(dir, 'train.bin'), 0);
  await t.rejects(load(dir), { message: /train\.bin: .*found 0 bytes/ });
  await rm(join(dir, 'train.bin'));
  await t.rejects(load(dir), { message: /train\.bin: expected this file of cifar100, found none\. Download/ });
  await writeFile(join(dir, 'train.bin'), records([[0, 0]]));
  await writeFile(join(dir, 'fine_label_names.txt'), 'apple\nbee\n');
  await t.rejects(load(dir), { message: /fine_label_names\.txt: expected 100 class names, one per line, found 2/ });
});

t.test('damage that shows only while reading', async (t) => {
  const dir = t.testdir({ ...cifar100() });
  await writeFile(
    join(dir, 'train.bin'),
    records([
      [0, 0],
      [3, 100],
      [0, 0],
    ]),
  );
  await writeFile(join(dir, 'test.bin'), records([[20, 5]]));
  const data = await loadDataset('cifar100', { dir, seed: 1 });
  await t.rejects(collect(data.train, { batchSize: 2 }), {
    message: /train\.bin: expected a label of 0 to 99 in byte 1 of record 1, found 100/,
  });
  await t.rejects(collect(data.test, { batchSize: 2 }), {
    message: /test\.bin: expected a label of 0 to 19 in byte 0 of record 0, found 20/,
  });
  await truncate(join(dir, 'train.bin'), pixels);
  await t.rejects(collect(data.train, { batchSize: 1 }), {
    message: /train\.bin: expected 3074 bytes at 0, found the end of the file after 3072/,
  });
  await rm(join(dir, 'test.bin'));
  await t.rejects(collect(data.test, { batchSize: 1 }), { code: 'ENOENT' });
});

t.test('calls that cannot be served', async (t) => {
  const dir = t.testdir({ ...cifar100() });
  const bad: [call: () => Promise<unknown>, name: string, message: RegExp][] = [
    [
      () => loadDataset('svhn' as 'shapes', { seed: 1 }),
      'TypeError',
      /^dataset: expected one of fashion-mnist, shapes/,
    ],
    [() => loadDataset('cifar10', { seed: 1 }), 'TypeError', /^dir: expected the folder/],
    [() => loadDataset('shapes', { seed: 1, dir }), 'TypeError', /^dir: .*reads no files/],
    [() => loadDataset('shapes', { seed: 1, trainSize: 0 }), 'RangeError', /^trainSize: expected an int/],
    [() => loadDataset('cifar100', { seed: 1, dir, testSize: 5 }), 'RangeError', /^testSize: .*at most the 4/],
    [() => loadDataset('cifar100', { seed: 1, dir, trainSize: 1.5 }), 'RangeError', /^trainSize: expected an/],
    [async () => shapes({ seed: 1, parts: 8 }), 'RangeError', /^parts: expected at most 7/],
    [async () => shapes({ seed: 1, side: 4 }), 'RangeError', /^side: expected an integer of at least 12/],
    [async () => shapes({ seed: 1, noise: -1 }), 'RangeError', /^noise:/],
  ];
  for (const [call, name, message] of bad) await t.rejects(call(), { name, message });
  const { train } = await loadDataset('cifar100', { seed: 1, dir });
  t.throws(() => train.batches({ batchSize: 0 }), { name: 'RangeError', message: /^batchSize: / });
  t.throws(() => train.batches({ batchSize: 1, skip: -1 }), { name: 'RangeError', message: /^skip: / });
});

t.test('order, subsets and going on in the middle', async (t) => {
  const dir = t.testdir({ ...cifar100(40, 8) });
  const { train } = await loadDataset('cifar100', { dir, seed: 1 });
  const stored = labelsOf(await collect(train, { batchSize: 7 }));
  const shuffle = new Rng(3);
  const before = shuffle.state();
  const first = labelsOf(await collect(train, { batchSize: 7, shuffle }));
  const second = labelsOf(await collect(train, { batchSize: 7, shuffle }));
  t.notSame(first, stored);
  t.notSame(second, first, 'every pass has its own order');
  t.strictSame(
    [...first].sort((a, b) => b - a),
    stored,
    'and every image once',
  );
  t.strictSame(labelsOf(await collect(train, { batchSize: 9, shuffle: Rng.fromState(before) })), first);

  const options = (skip: number): BatchOptions => ({ batchSize: 8, shuffle: new Rng(1), augment: new Rng(2), skip });
  const whole = await collect(train, options(0));
  t.equal(digest(await collect(train, options(3))), digest(whole.slice(3)), 'skip leaves the rest as it was');
  t.strictSame(await collect(train, options(9)), []);
  const narrow = await collect(train, { ...options(0), batchSize: 5 });
  const bytes = (batches: Batch[]): Buffer => Buffer.from(imagesOf(batches).buffer);
  t.ok(bytes(narrow).equals(bytes(whole)), 'augmentation does not depend on the batch size');

  const some = await loadDataset('cifar100', { dir, seed: 1, trainSize: 9, testSize: 8 });
  const chosen = labelsOf(await collect(some.train, { batchSize: 20 }));
  t.equal(new Set(chosen).size, 9);
  t.notSame(chosen, stored.slice(0, 9), 'a subset is drawn from everywhere');
  const again = await loadDataset('cifar100', { dir, seed: 1, trainSize: 9 });
  t.strictSame(labelsOf(await collect(again.train, { batchSize: 4 })), chosen);
  const other = await loadDataset('cifar100', { dir, seed: 2, trainSize: 9 });
  t.notSame(labelsOf(await collect(other.train, { batchSize: 4 })), chosen);
});

t.test('augmentation is a window of the padded image, flipped or not', async (t) => {
  const dir = t.testdir({ ...cifar100(1, 1) });
  const { train } = await loadDataset('cifar100', { dir, seed: 1 });
  const augment = new Rng(11);
  const seen = new Map<string, number>();
  const passes = 2000;
  const red = (y: number, x: number): number => normalise(pixel(0, y * 32 + x), cifar100Mean[0], cifar100Deviation[0]);
  const black = normalise(0, cifar100Mean[0], cifar100Deviation[0]);
  const matches = (image: Float32Array, top: number, left: number, flip: boolean): boolean => {
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const fromY = y + top;
        const fromX = (flip ? 31 - x : x) + left;
        const inside = fromY >= 0 && fromY < 32 && fromX >= 0 && fromX < 32;
        if (image[(y * 32 + x) * 3] !== (inside ? red(fromY, fromX) : black)) return false;
      }
    }
    return true;
  };
  let unexplained = 0;
  for (let i = 0; i < passes; i++) {
    const [{ images }] = await collect(train, { batchSize: 1, augment });
    let found: string | undefined;
    for (let top = -4; top <= 4 && found === undefined; top++) {
      for (let left = -4; left <= 4 && found === undefined; left++) {
        for (const flip of [false, true]) if (matches(images, top, left, flip)) found = `${top},${left},${flip}`;
      }
    }
    if (found === undefined) unexplained++;
    else seen.set(found, (seen.get(found) ?? 0) + 1);
  }
  t.equal(unexplained, 0);
  t.equal(seen.size, 9 * 9 * 2, 'all 81 windows occur, each both ways');
  t.ok(Math.max(...seen.values()) < 40, 'about equally often');
});

t.test('streaming: no more than two batches in memory, files closed at the end of a pass', async (t) => {
  const dir = t.testdir({ ...cifar100() });
  const path = join(dir, 'train.bin');
  const count = 30_000;
  // A hole in the file reads as zeros: labels 0, black pixels.
  const file = await open(path, 'w');
  await file.truncate(count * (pixels + 2));
  await file.close();
  const descriptors = async (): Promise<number> => {
    const targets = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => '')),
    );
    return targets.filter((target) => target === path).length;
  };
  const { train } = await loadDataset('cifar100', { dir, seed: 1 });
  t.equal(train.size, count);
  t.equal(await descriptors(), 0, 'nothing is open between passes');

  const batchSize = 500;
  // Raw bytes of the batch that is being read and, as it arrives, once more by record; floats of the batch in use.
  const bound = batchSize * pixels * (2 + 2 * 4) + 4 * count;
  present(gc)();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let images = 0;
  for await (const batch of train.batches({ batchSize, shuffle: new Rng(1) })) {
    images += batch.size;
    if (images % 5000 === 0) {
      // The collector gives buffers back in the background, so what is held shows only after a few rounds.
      let held = Infinity;
      for (let round = 0; round < 20 && held >= bound; round++) {
        present(gc)();
        await setImmediate();
        held = process.memoryUsage().arrayBuffers - before;
      }
      most = Math.max(most, held);
    }
  }
  t.equal(images, count);
  t.ok(most < bound, `at most ${most} bytes of buffers, the file has ${count * (pixels + 2)}`);
  t.equal(await descriptors(), 0);
  for await (const batch of train.batches({ batchSize: 10 })) {
    t.equal(batch.size, 10);
    t.equal(await descriptors(), 1);
    break;
  }
  t.equal(await descriptors(), 0, 'also when a pass is left early');
});
