/** Stage `pool`: maps of one to three axes, pyramids and masks. */
import { pool } from 'gld-loss';
import { countCells, levelsOf } from '../../reference/grid.js';
import { fromChannelsFirst, layoutOf, toChannelsFirst } from '../../reference/layout.js';
import * as reference from '../../reference/pool.js';
import type { GridOption } from '../../reference/types.js';
import { problem, type MaskKind } from '../../support/problems.js';
import { encodeMask } from '../../support/tensors.js';
import { stageCheck, type Kit } from './kit.js';

interface Case {
  samples: number;
  channels: number;
  size: number[];
  grid: GridOption;
  mask?: MaskKind;
}

const images: Case[] = [
  { samples: 1, channels: 1, size: [1, 1], grid: 1 },
  { samples: 3, channels: 5, size: [8, 8], grid: 2 },
  { samples: 2, channels: 64, size: [8, 8], grid: 4 },
  { samples: 2, channels: 33, size: [7, 7], grid: 2 },
  { samples: 2, channels: 17, size: [7, 5], grid: [3, 2] },
  { samples: 2, channels: 9, size: [3, 14], grid: [1, 14] },
  { samples: 2, channels: 31, size: [5, 4], grid: [4, 3] },
  { samples: 3, channels: 33, size: [4, 6], grid: 4 },
  { samples: 1, channels: 130, size: [2, 1], grid: [2, 1] },
  { samples: 1, channels: 3, size: [56, 56], grid: 7 },
];

const others: Case[] = [
  { samples: 3, channels: 1, size: [1], grid: 1 },
  { samples: 3, channels: 5, size: [16], grid: 4 },
  { samples: 3, channels: 17, size: [31], grid: [1, 2, 5] },
  { samples: 3, channels: 8, size: [8, 8], grid: [1, 2, 4] },
  { samples: 3, channels: 33, size: [7, 9], grid: { pyramid: [[2, 3], 1, [7, 4]] } },
  { samples: 3, channels: 3, size: [5, 5], grid: { pyramid: [1, 2, 3, 4, 5, 1, 2, 3] } },
  { samples: 3, channels: 6, size: [4, 4, 4], grid: 2 },
  { samples: 3, channels: 18, size: [5, 3, 7], grid: [2, 3, 2] },
  { samples: 3, channels: 3, size: [3, 4, 5], grid: { pyramid: [1, 2, [3, 2, 4]] } },
  { samples: 3, channels: 4, size: [12], grid: 3, mask: 'padded' },
  { samples: 3, channels: 35, size: [13], grid: [1, 2, 4], mask: 'scattered' },
  { samples: 3, channels: 9, size: [6, 8], grid: 2, mask: 'scattered' },
  { samples: 3, channels: 16, size: [7, 5], grid: [3, 2], mask: 'padded' },
  { samples: 3, channels: 20, size: [5, 7], grid: [1, 2, 4], mask: 'scattered' },
  { samples: 3, channels: 5, size: [3, 4, 5], grid: 2, mask: 'padded' },
];

const run = (limits: { float32: number; float64: number }) => (kit: Kit, one: Case) => {
  const { samples, channels, size, grid, mask: kind } = one;
  const levels = levelsOf(grid, size.length);
  const shape = { samples, channels, size };
  const limit = limits[kit.form.computed];
  const rows = [samples, 1 + countCells(levels), channels];
  const upstream = kit.give(kit.normals(rows), kit.form.computed);
  for (const channelsLast of [false, true]) {
    const layout = layoutOf(size.length, channelsLast);
    const spec = { logitMap: size, layout, ...(kind && { mask: kind }) };
    const { student } = problem({ samples, classes: channels, grid: 1, student: spec, labels: 'none' });
    if (!('logitMap' in student)) continue;
    const { logitMap: map, mask } = student;
    const features = kit.give(map);
    const got = pool(
      { features: features.given, layout, ...(mask && { mask: encodeMask(mask, kit.form.placement) }) },
      { grid, upstream: upstream.given, ...kit.options() },
    );
    const pooled = reference.pool(toChannelsFirst(features.exact, shape, layout), shape, levels, mask?.data);
    kit.array('pooled', got.pooled, rows, pooled, limit);
    const gradient = reference.poolGradient(upstream.exact, shape, levels, mask?.data);
    kit.array('gradient', got.gradients?.features, map.shape, fromChannelsFirst(gradient, shape, layout), limit);
  }
};

export const poolChecks = [
  stageCheck({ name: 'pool', cases: images, run: run({ float32: 1e-6, float64: 1e-14 }) }),
  stageCheck({
    name: 'pool, other maps, pyramids and masks',
    cases: others,
    wide: () => true,
    run: run({ float32: 4e-7, float64: 1e-15 }),
  }),
];
