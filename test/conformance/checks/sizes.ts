/** Sizes around the borders of vectors, warps and tiles. */
import { relations } from '../../support/hostile.js';
import { problem } from '../../support/problems.js';
import type { Target } from '../target.js';
import { judgeCall } from './options.js';
import type { Check } from '../check.js';
import type { Judge } from '../judge.js';
import { hostile, usual } from '../limits.js';

const edges = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];
const few = [1, 3, 31, 33, 65, 127];

/** Of both sides' logits: m = rows of a sample and samples, K classes. */
async function logits(judge: Judge, target: Target, samples: number, classes: number): Promise<void> {
  const inputs = problem({ samples, classes, grid: 1, labels: 'hard', seed: samples * 1000 + classes });
  for (const relation of relations) {
    const options = { grid: 1, beta: (500 / 320) * 2 * samples, relation };
    // Of two classes nearly all of the gradient cancels.
    const limits = classes === 2 ? hostile.float32 : usual.float32;
    await judgeCall(
      judge,
      target,
      { inputs, options },
      `n ${samples}, K ${classes}, ${JSON.stringify(relation)}`,
      limits,
    );
  }
}

async function features(
  judge: Judge,
  target: Target,
  channels: number,
  classes: number,
  map: readonly [number, number],
  layout: 'NCHW' | 'NHWC',
): Promise<void> {
  const side = { channels, map, layout } as const;
  const grid = Math.min(...map) < 2 ? 1 : 2;
  const options = { grid, beta: (500 / 320) * 3 * (1 + grid * grid), relation: { method: 'pairwise' } } as const;
  const inputs = problem({ samples: 3, classes, grid, teacher: side, student: side, seed: channels * 1000 + classes });
  const where = `C ${channels}, K ${classes}, ${map.join('x')}, ${layout}`;
  await judgeCall(judge, target, { inputs, options }, where);
}

export const sizeChecks: Check[] = [
  {
    group: 'sizes',
    name: 'rows and classes, each with a few of the other: the rest',
    quick: false,
    async run(judge, target) {
      for (const edge of edges) {
        for (const other of few) {
          // Those of 'a few' are in there.
          if (few.includes(edge)) continue;
          // The API refuses a single class, and of two rows of two classes all gradients but the task's are zero in theory.
          for (const [samples, classes] of [
            [edge, other],
            [other, edge],
          ] as const) {
            if (classes > 2 || (classes === 2 && samples > 2)) await logits(judge, target, samples, classes);
          }
        }
      }
    },
  },
  {
    group: 'sizes',
    name: 'rows and classes, a few',
    quick: true,
    async run(judge, target) {
      for (const samples of few)
        for (const classes of few) if (classes > 1) await logits(judge, target, samples, classes);
    },
  },
  {
    group: 'sizes',
    name: 'channels and maps',
    quick: true,
    async run(judge, target) {
      for (const layout of ['NCHW', 'NHWC'] as const) {
        for (const channels of few) {
          for (const classes of [3, 33, 65]) await features(judge, target, channels, classes, [4, 6], layout);
        }
        for (const height of [1, 2, 3, 7, 31, 33]) {
          for (const width of [1, 2, 5, 8, 65]) await features(judge, target, 3, 5, [height, width], layout);
        }
      }
    },
  },
];
