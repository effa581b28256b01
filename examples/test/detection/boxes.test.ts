import t, { type Test } from 'tap';
import type { Box } from '../../data/index.js';
import { area, moved, offsets, overlap } from '../../paper/detection/boxes.js';
import { boxesPerCell, defaultBoxes, scalesOf } from '../../paper/detection/default-boxes.js';
import { match, targets } from '../../paper/detection/matching.js';

const near = (t: Test, got: readonly number[], expected: readonly number[], what: string): void => {
  t.equal(got.length, expected.length, `${what}: how many`);
  t.ok(
    expected.every((value, i) => Math.abs(got[i] - value) < 1e-9),
    `${what}: ${got.join(', ')}`,
  );
};

t.test('overlap', async (t) => {
  const box: Box = [0, 0, 4, 4];
  t.equal(area(box), 16);
  t.equal(area([3, 0, 1, 4]), 0, 'right of left there is nothing');
  t.equal(overlap(box, box), 1);
  t.equal(overlap(box, [2, 0, 6, 4]), 8 / 24, 'half of each');
  t.equal(overlap(box, [1, 1, 3, 3]), 4 / 16, 'one inside of the other');
  t.equal(overlap(box, [4, 0, 8, 4]), 0, 'neighbours');
  t.equal(overlap(box, [5, 5, 6, 6]), 0, 'apart in both directions');
  t.equal(overlap([1, 1, 1, 1], [1, 1, 1, 1]), 0, 'empty boxes');
});

t.test('offsets', async (t) => {
  // From (5, 5), 10 × 10, to (7, 6), 20 × 5: (0.2, 0.1) of a side, twice as wide, half as high.
  const base: Box = [0, 0, 10, 10];
  const box: Box = [-3, 3.5, 17, 8.5];
  near(t, offsets(box, base), [2, 1, Math.LN2 / 0.2, -Math.LN2 / 0.2], 'offsets');
  near(t, moved(offsets(box, base), base), box, 'and back');
  near(t, offsets(base, base), [0, 0, 0, 0], 'none from itself');
});

t.test('default boxes', async (t) => {
  near(t, scalesOf(3, [0.2, 0.6]), [0.2, 0.4, 0.6, 0.8], 'scales and the next one');
  near(t, scalesOf(1, [0.2, 0.6]), [0.2, 0.6], 'of one map');
  const options = { side: 32, scales: [0.25, 0.5], ratios: [1, 4] } as const;
  const boxes = defaultBoxes(
    [
      [2, 4, 7],
      [1, 1, 9],
    ],
    options,
  );
  t.equal(boxesPerCell(options), 3);
  t.equal(boxes.length, 3 * (2 * 4 + 1));
  // Cell in row 0, column 1 of the first map: centre (12, 8), scale 8, ratio 4: 16 × 4; second square √(8 · 16).
  near(t, boxes[3], [8, 4, 16, 12], 'square');
  near(t, boxes[4], [4, 6, 20, 10], 'wide');
  const half = Math.sqrt(128) / 2;
  near(t, boxes[5], [12 - half, 8 - half, 12 + half, 8 + half], 'second square');
  near(t, boxes[3 * 4], [0, 20, 8, 28], 'the second row comes after the first');
  near(t, boxes[3 * 8], [8, 8, 24, 24], 'the second map has the next scale');
  const last = Math.sqrt(16 * 24) / 2;
  near(t, boxes[3 * 8 + 2], [16 - last, 16 - last, 16 + last, 16 + last], 'and goes on beyond the last');
});

t.test('matching', async (t) => {
  const defaults: Box[] = [
    [0, 0, 4, 4],
    [1, 0, 5, 4],
    [0, 0, 4, 3],
    [10, 10, 14, 14],
    [20, 20, 24, 24],
  ];
  // The object is the first box; the second overlaps it by 12/20, the third by 12/16.
  t.strictSame([...match([[0, 0, 4, 4]], defaults)], [0, 0, 0, -1, -1], 'by more than half');
  t.strictSame([...match([[0, 0, 4, 4]], defaults, 0.7)], [0, -1, 0, -1, -1], 'another threshold');
  t.strictSame([...match([[12, 12, 18, 18]], defaults)], [-1, -1, -1, 0, -1], 'the best box, even by 4/48');
  t.strictSame([...match([[30, 30, 40, 40]], defaults)], [-1, -1, -1, -1, -1], 'an object that overlaps no box');
  t.strictSame([...match([], defaults)], [-1, -1, -1, -1, -1], 'no object');
  // Both objects overlap the first box most, the second of them more: the first one gets its next best, the third box.
  t.strictSame(
    [
      ...match(
        [
          [0, 0, 4, 3.5],
          [0, 0, 4, 4],
        ],
        defaults.slice(0, 3),
        0.9,
      ),
    ],
    [1, -1, 0],
    'one box each',
  );
  t.strictSame(
    [
      ...match(
        [
          [0, 0, 2, 2],
          [0, 0, 4, 4],
        ],
        [[0, 0, 4, 4]],
      ),
    ],
    [1],
    'more objects than boxes',
  );
  const reached = match(
    [
      [0, 0, 4, 4],
      [1, 0, 5, 4],
    ],
    [
      [0, 0, 4, 4],
      [1, 0, 5, 4],
      [0.4, 0, 4.4, 4],
    ],
  );
  t.strictSame([...reached], [0, 1, 0], 'a box takes the object that it overlaps most');
});

t.test('targets', async (t) => {
  const defaults: Box[] = [
    [0, 0, 10, 10],
    [20, 20, 30, 30],
  ];
  const images = [[], [{ label: 2, box: [1, 0, 11, 10] as Box }]].map((objects) => ({
    objects,
    owner: match(
      objects.map(({ box }) => box),
      defaults,
    ),
  }));
  const { classes, offsets: wanted } = targets(images, defaults);
  t.strictSame([...classes], [0, 0, 3, 0]);
  near(
    t,
    [...wanted.subarray(8, 12)].map((value) => Number(value.toFixed(6))),
    [1, 0, 0, 0],
    'offsets',
  );
  t.ok(
    wanted.every((value, i) => (i >= 8 && i < 12) || value === 0),
    'zero elsewhere',
  );
});
