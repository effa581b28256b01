/** Stage `pool` against the reference. */
import { pool } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import { fromChannelsFirst, toChannelsFirst } from '../reference/layout.js';
import * as reference from '../reference/pool.js';
import { arrayError } from '../support/compare.js';
import { Errors } from '../support/errors.js';
import { Random } from '../support/random.js';
import { dtypes, encode, placements } from '../support/tensors.js';

const tolerance = { float32: 1e-6, float64: 1e-14 };

const cases = [
  { samples: 1, channels: 1, height: 1, width: 1, rows: 1, cols: 1 },
  { samples: 3, channels: 5, height: 8, width: 8, rows: 2, cols: 2 },
  { samples: 2, channels: 64, height: 8, width: 8, rows: 4, cols: 4 },
  { samples: 2, channels: 33, height: 7, width: 7, rows: 2, cols: 2 },
  { samples: 2, channels: 17, height: 7, width: 5, rows: 3, cols: 2 },
  { samples: 2, channels: 9, height: 3, width: 14, rows: 1, cols: 14 },
  { samples: 2, channels: 31, height: 5, width: 4, rows: 4, cols: 3 },
  { samples: 1, channels: 130, height: 2, width: 1, rows: 2, cols: 1 },
  { samples: 1, channels: 3, height: 56, width: 56, rows: 7, cols: 7 },
];

for (const { rows, cols, samples, channels, height, width } of cases) {
  const shape = { samples, channels, size: [height, width] };
  const name = `${samples}x${channels}x${height}x${width}, grid ${rows}x${cols}`;
  t.test(name, async (t) => {
    const grid = [[rows, cols]];
    const errors = new Errors();
    const random = new Random(height * 100 + width);
    const upstreamShape = [samples, 1 + rows * cols, channels];
    for (const layout of ['NCHW', 'NHWC'] as const) {
      const featureShape = layout === 'NCHW' ? [samples, channels, height, width] : [samples, height, width, channels];
      const data = random.normals(samples * channels * height * width);
      const upstreamData = random.normals(samples * (1 + rows * cols) * channels);
      for (const dtype of dtypes) {
        for (const placement of placements) {
          const computed = dtype === 'float64' ? 'float64' : 'float32';
          const features = encode({ data, shape: featureShape }, dtype, placement);
          const upstream = encode({ data: upstreamData, shape: upstreamShape }, computed, placement);
          const got = pool({ features: features.tensor, layout }, { grid: [rows, cols], upstream: upstream.tensor });
          const what = `${layout} ${dtype} ${placement}`;

          const pooled = reference.pool(toChannelsFirst(features.exact.data, shape, layout), shape, grid);
          t.match(got.pooled, { shape: upstreamShape, dtype: computed }, what);
          errors.add(`pooled ${computed}`, arrayError(got.pooled.data, pooled), tolerance[computed], what);

          const expected = fromChannelsFirst(reference.poolGradient(upstream.exact.data, shape, grid), shape, layout);
          const gradient = got.gradients?.features;
          t.match(gradient, { shape: featureShape, dtype: computed }, what);
          errors.add(`gradient ${computed}`, arrayError(gradient?.data ?? [], expected), tolerance[computed], what);
        }
      }
    }
    errors.check(t);
  });
}

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
