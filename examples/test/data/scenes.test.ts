import t from 'tap';
import { type Scene, scenes, singleObjects } from '../../data/index.js';
import { collect, digest, imagesOf, labelsOf } from './passes.js';

/** Pixels of object `i`, as [x, y]. */
const pixelsOf = ({ owner }: Scene, i: number, side: number): [number, number][] =>
  [...owner.keys()].filter((at) => owner[at] === i + 1).map((at) => [at % side, Math.floor(at / side)]);

t.test('scenes: masks, boxes and labels belong together', async (t) => {
  const side = 40;
  const data = scenes({ seed: 3, trainSize: 60, testSize: 20, side, parts: 7, objects: [2, 5], radius: [4, 9] });
  t.match(data, { height: side, width: side, channels: 3, train: { size: 60 }, test: { size: 20 } });
  t.equal(data.classes.length, 7);
  let hidden = 0;
  let inner = 0;
  for (const scene of [...data.train.scenes, ...data.test.scenes]) {
    t.equal(scene.planes.length, 3 * side * side);
    t.ok(scene.objects.length >= 1 && scene.objects.length <= 5);
    t.equal(Math.max(...scene.owner), scene.objects.length);
    scene.objects.forEach(({ label, box: [left, top, right, bottom] }, i) => {
      t.ok(Number.isInteger(label) && label >= 0 && label < 7);
      const pixels = pixelsOf(scene, i, side);
      const xs = pixels.map(([x]) => x);
      const ys = pixels.map(([, y]) => y);
      t.strictSame(
        [left, top, right, bottom],
        [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1],
        'the box is tight',
      );
      t.ok(right - left <= 19 && bottom - top <= 19, 'a box is no larger than its glyph');
      if (right - left < 7 || bottom - top < 7) hidden++;
    });
    scene.border.forEach((edge, at) => {
      const x = at % side;
      const y = Math.floor(at / side);
      if (edge === 0 || Math.min(x, y) === 0 || Math.max(x, y) === side - 1) return;
      const near = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => scene.owner[at + dy * side + dx]));
      if (new Set(near).size === 1) inner++;
    });
  }
  t.equal(inner, 0, 'borders are where owners meet');
  t.ok(hidden < 30, 'objects stay recognisable');
  const labels = data.train.scenes.flatMap(({ objects }) => objects.map(({ label }) => label));
  t.equal(new Set(labels).size, 7, 'every class occurs');
  t.ok(data.train.scenes.some(({ objects }) => objects.length === 2));
  t.ok(data.train.scenes.some(({ objects }) => objects.length === 5));
});

t.test('scenes: batches carry the numbers of their scenes, and the seed decides every byte', async (t) => {
  const options = { seed: 8, trainSize: 10, testSize: 4, side: 24 };
  const data = scenes(options);
  const batches = await collect(data.train, { batchSize: 4 });
  t.strictSame(labelsOf(batches), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const images = imagesOf(batches);
  const plane = 24 * 24;
  for (const [scene, at, c] of [
    [0, 0, 0],
    [3, 77, 2],
    [9, plane - 1, 1],
  ] as const) {
    const byte = data.train.scenes[scene].planes[c * plane + at];
    t.equal(images[(scene * plane + at) * 3 + c], Math.fround((byte / 255 - 0.4) / 0.25), 'planes became NHWC');
  }
  t.equal(digest(await collect(scenes(options).train, { batchSize: 4 })), digest(batches));
  t.not(digest(await collect(scenes({ ...options, seed: 9 }).train, { batchSize: 4 })), digest(batches));
  t.notSame(data.test.scenes[0], data.train.scenes[0], 'test scenes are others');
});

t.test('singleObjects: one object a picture, its class the label', async (t) => {
  const data = singleObjects({ seed: 8, trainSize: 300, testSize: 10, side: 16, radius: [3, 5] });
  const labels = labelsOf(await collect(data.train, { batchSize: 100 }));
  t.equal(data.classes.length, 5);
  data.classes.forEach((_, k) => t.ok(labels.filter((label) => label === k).length > 30));
  const same = scenes({ seed: 8, trainSize: 300, testSize: 10, side: 16, radius: [3, 5], objects: [1, 1] });
  t.not(
    digest(await collect(data.train, { batchSize: 100 })),
    digest(await collect(same.train, { batchSize: 100 })),
    'a scene of the same seed is another picture',
  );
});

t.test('scenes: wrong options', async (t) => {
  const good = { seed: 1, trainSize: 1, testSize: 1 };
  for (const [options, message] of [
    [{ side: 11 }, /^side: expected an integer of at least 12, got 11/],
    [{ parts: 8 }, /^parts: expected at most 7 glyphs, got 8/],
    [{ parts: 0 }, /^parts: expected an integer of at least 1, got 0/],
    [{ trainSize: 0 }, /^trainSize: /],
    [{ testSize: 1.5 }, /^testSize: /],
    [{ objects: [0, 2] }, /^objects\[0\]: /],
    [{ objects: [3, 2] }, /^objects\[1\]: expected an integer of at least 3, got 2/],
    [{ objects: [1, 256] }, /^objects\[1\]: expected at most 255, got 256/],
    [{ radius: [5, 4] }, /^radius: expected 1 ≤ least ≤ largest ≤ side\/2 = 16, got 5, 4/],
    [{ radius: [0.5, 4] }, /^radius: /],
    [{ radius: [4, 17] }, /^radius: /],
    [{ noise: Number.NaN }, /^noise: /],
  ] as const) {
    t.throws(() => scenes({ ...good, ...options }), { name: 'RangeError', message });
  }
});
