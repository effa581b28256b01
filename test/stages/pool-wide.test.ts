/** Stage `pool` on maps of one to three axes, with pyramids and masks, against the reference. */
import { pool, type MapLayout } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { countCells, levelsOf } from '../reference/grid.js';
import { fromChannelsFirst, layoutOf, mapShape, toChannelsFirst } from '../reference/layout.js';
import * as reference from '../reference/pool.js';
import type { GridOption, MaskTensor } from '../reference/types.js';
import { arrayError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { problem, type MaskKind } from '../support/problems.js';
import { Random } from '../support/random.js';
import { dtypes, encode, encodeMask, placements } from '../support/tensors.js';

const tolerance = { float32: 4e-7, float64: 1e-15 };

const cases: { channels: number; size: number[]; grid: GridOption; mask?: MaskKind }[] = [
  { channels: 1, size: [1], grid: 1 },
  { channels: 5, size: [16], grid: 4 },
  { channels: 17, size: [31], grid: [1, 2, 5] },
  { channels: 8, size: [8, 8], grid: [1, 2, 4] },
  { channels: 33, size: [7, 9], grid: { pyramid: [[2, 3], 1, [7, 4]] } },
  { channels: 3, size: [5, 5], grid: { pyramid: [1, 2, 3, 4, 5, 1, 2, 3] } },
  { channels: 6, size: [4, 4, 4], grid: 2 },
  { channels: 18, size: [5, 3, 7], grid: [2, 3, 2] },
  { channels: 3, size: [3, 4, 5], grid: { pyramid: [1, 2, [3, 2, 4]] } },
  { channels: 4, size: [12], grid: 3, mask: 'padded' },
  { channels: 35, size: [13], grid: [1, 2, 4], mask: 'scattered' },
  { channels: 9, size: [6, 8], grid: 2, mask: 'scattered' },
  { channels: 16, size: [7, 5], grid: [3, 2], mask: 'padded' },
  { channels: 20, size: [5, 7], grid: [1, 2, 4], mask: 'scattered' },
  { channels: 5, size: [3, 4, 5], grid: 2, mask: 'padded' },
];

for (const { channels, size, grid, mask: kind } of cases) {
  const samples = 3;
  const axes = size.length;
  const levels = levelsOf(grid, axes);
  const name = `${channels} channels of ${size.join('x')}, grid ${JSON.stringify(grid)}${kind ? `, ${kind} mask` : ''}`;
  t.test(name, async (t) => {
    const errors = new Errors();
    const random = new Random(channels);
    const upstreamShape = [samples, 1 + countCells(levels), channels];
    const upstreamData = random.normals(upstreamShape.reduce((product, extent) => product * extent));
    for (const channelsLast of [false, true]) {
      const layout = layoutOf(axes, channelsLast);
      const spec = { logitMap: size, layout, ...(kind && { mask: kind }) };
      const { student } = problem({ samples, classes: channels, grid: 1, student: spec, labels: 'none' });
      const { logitMap: map, mask } = student as {
        logitMap: { data: Float64Array; shape: number[] };
        mask?: MaskTensor;
      };
      const shape = mapShape(map.shape, layout);
      for (const dtype of dtypes) {
        for (const placement of placements) {
          const computed = dtype === 'float64' ? 'float64' : 'float32';
          const features = encode(map, dtype, placement);
          const upstream = encode({ data: upstreamData, shape: upstreamShape }, computed, placement);
          const inputs = { features: features.tensor, layout, mask: mask && encodeMask(mask, placement) };
          const got = pool(inputs, { grid, upstream: upstream.tensor });
          const what = `${layout} ${dtype} ${placement}`;

          const pooled = reference.pool(toChannelsFirst(features.exact.data, shape, layout), shape, levels, mask?.data);
          t.match(got.pooled, { shape: upstreamShape, dtype: computed }, what);
          errors.add(`pooled ${computed}`, arrayError(got.pooled.data, pooled), tolerance[computed], what);

          const gradient = reference.poolGradient(upstream.exact.data, shape, levels, mask?.data);
          const expected = fromChannelsFirst(gradient, shape, layout);
          t.match(got.gradients?.features, { shape: map.shape, dtype: computed }, what);
          const gradientOff = arrayError(got.gradients?.features.data ?? [], expected);
          errors.add(`gradient ${computed}`, gradientOff, tolerance[computed], what);
        }
      }
    }
    errors.check(t);
  });
}

t.test('what a mask leaves out may be NaN; masks of every kind mean the same', async (t) => {
  const values = Float32Array.of(1, NaN, 3, Infinity, 5, NaN);
  const features = { data: values, shape: [1, 1, 6] };
  const bytes = Uint8Array.of(1, 0, 9, 0, 255, 0);
  const upstream = { data: Float32Array.of(3, 2, 1), shape: [1, 3, 1] };
  const expected = pool({ features, mask: { data: bytes, shape: [1, 6] } }, { upstream });
  t.same([...expected.pooled.data], [3, 2, 5]);
  t.same([...present(expected.gradients).features.data], [2, 0, 2, 0, 2, 0]);
  const masks = [
    { data: Uint8ClampedArray.from(bytes), dims: [1, 6], type: 'bool' },
    { data: Array.from(bytes, Boolean), shape: [1, 6] },
    {
      data: Uint8Array.of(7, 1, 7, 0, 7, 1, 7, 0, 7, 1, 7, 0),
      shape: [1, 6],
      strides: [12, 2],
      offset: 1,
      dtype: 'bool',
    },
    { data: Uint8Array.from(bytes).reverse(), shape: [1, 6], strides: [6, -1], offset: 5, dtype: 'uint8' },
  ];
  for (const mask of masks) t.same(pool({ features, mask }, { upstream }), expected);
});

t.test('a mask that counts nothing: rows and gradient are 0', async (t) => {
  const features = { data: new Float32Array(2 * 3 * 16).fill(NaN), shape: [2, 3, 4, 4] };
  const mask = { data: new Uint8Array(32), shape: [2, 4, 4] };
  const upstream = { data: new Float32Array(30).fill(1), shape: [2, 5, 3] };
  const { pooled, gradients } = pool({ features, mask }, { upstream });
  t.ok(pooled.data.every((value) => value === 0));
  t.ok(gradients?.features.data.every((value) => value === 0));
});

t.test('one-dimensional maps are two-dimensional ones of height 1, volumes of depth 1 are maps', async (t) => {
  const data = Float32Array.from(new Random(3).normals(2 * 6 * 20));
  const upstream = (rows: number) => ({
    data: Float32Array.from(new Random(4).normals(2 * rows * 6)),
    shape: [2, rows, 6],
  });
  const same = (
    wide: number[],
    narrow: number[],
    wideGrid: number[],
    grid: number[],
    layout?: [MapLayout, MapLayout],
  ) => {
    const rows = 1 + grid.reduce((product, cells) => product * cells, 1);
    const of = (shape: number[], cells: number[], order?: MapLayout) =>
      pool({ features: { data, shape }, layout: order }, { grid: { pyramid: [cells] }, upstream: upstream(rows) });
    const [a, b] = [of(wide, wideGrid, layout?.[0]), of(narrow, grid, layout?.[1])];
    t.same([...a.pooled.data], [...b.pooled.data]);
    t.same([...present(a.gradients).features.data], [...present(b.gradients).features.data]);
  };
  same([2, 6, 1, 20], [2, 6, 20], [1, 3], [3]);
  same([2, 1, 20, 6], [2, 20, 6], [1, 3], [3], ['NHWC', 'NWC']);
  same([2, 6, 1, 4, 5], [2, 6, 4, 5], [1, 2, 3], [2, 3]);
  same([2, 1, 4, 5, 6], [2, 4, 5, 6], [1, 2, 3], [2, 3], ['NDHWC', 'NHWC']);
});
