/** Stage `pool`: masks, maps of other axes, large gradients. Its accuracy is a matter of test/conformance. */
import { pool, type MapLayout } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { fromChannelsFirst } from '../reference/layout.js';
import * as reference from '../reference/pool.js';
import { arrayError } from '../support/compare.js';
import { Random } from '../support/random.js';
import { encode } from '../support/tensors.js';

const tolerance = { float32: 1e-6, float64: 1e-14 };

t.test('without an upstream there are no gradients; the default grid is 2', async (t) => {
  const { tensor } = encode({ data: new Random(1).normals(32), shape: [1, 2, 4, 4] }, 'float32');
  const got = pool({ features: tensor });
  t.same(got.pooled.shape, [1, 5, 2]);
  t.equal(got.gradients, undefined);
});

// Gradients of 8 MB and more go past the caches, their planes in pieces: of 512 channels and of what is left, here 188.
t.test('a gradient that is written past the caches', async (t) => {
  const shape = { samples: 66, channels: 700, size: [7, 7] };
  const upstream = new Random(2).normals(66 * 5 * 700);
  const inNchw = { data: new Float32Array(66 * 700 * 49), shape: [66, 700, 7, 7] };
  for (const dtype of ['float32', 'float64'] as const) {
    const { tensor, exact } = encode({ data: upstream, shape: [66, 5, 700] }, dtype);
    const data = dtype === 'float64' ? Float64Array.from(inNchw.data) : inNchw.data;
    const expected = reference.poolGradient(exact.data, shape, [[2, 2]]);
    for (const layout of ['NCHW', 'NHWC'] as const) {
      const features = { data, shape: layout === 'NCHW' ? inNchw.shape : [66, 7, 7, 700] };
      for (const threads of [1, 2]) {
        const { gradients } = pool({ features, layout }, { upstream: tensor, threads });
        const error = arrayError(gradients?.features.data ?? [], fromChannelsFirst(expected, shape, layout));
        t.ok(error <= tolerance[dtype], `${layout} ${dtype}, ${threads} threads: ${error}`);
      }
    }
  }
});

t.test('channels that are equal have equal gradients, wherever they lie', async (t) => {
  const of = (channels: number) => {
    const rows = [...new Random(3).normals(10)];
    const data = rows.flatMap((value) => Array<number>(channels).fill(value));
    const upstream = encode({ data, shape: [1, 10, channels] }, 'float32');
    const features = { data: new Float32Array(channels * 49), shape: [1, channels, 7, 7] };
    return present(pool({ features }, { grid: 3, upstream: upstream.tensor }).gradients).features.data;
  };
  const alone = of(1);
  const many = of(13);
  for (let channel = 0; channel < 13; channel++) t.same(many.subarray(49 * channel, 49 * (channel + 1)), alone);
});

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
