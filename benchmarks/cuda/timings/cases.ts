/** What is timed: the sizes of the CPU's suite, and what a GPU alone is fast enough for. */
import type { Features, Operation, Workload } from '../../cases.js';

export interface TimedCase extends Workload {
  name: string;
  title: string;
  quick: boolean;
  /** Stages alone, from the same sizes. */
  stages: boolean;
}

function features(n: number, C: number, side: number, K: number, grid: number): Features {
  return { n, K, m: n * (1 + grid * grid), C, H: side, W: side, grid };
}

function step(name: string, sizes: Features, quick = false): TimedCase {
  const { n, C, H, W, K, grid, m } = sizes;
  const title = `n ${n}, C ${C}, ${H}x${W}, K ${K}, grid ${grid}, m ${m}, forward and gradients`;
  return {
    name,
    title,
    operation: 'gld',
    sizes,
    layout: 'NCHW',
    quick,
    stages: name === 'cifar' || name === 'imagenet',
  };
}

export const cases: TimedCase[] = [
  step('cifar', features(64, 256, 8, 100, 2), true),
  step('imagenet', features(256, 512, 7, 1000, 2)),
  step('m4352', features(256, 256, 8, 100, 4)),
  step('wide', features(1024, 2048, 7, 1000, 2)),
  {
    name: 'm65536',
    title: 'the relation alone, m 65,536, K 100, forward and gradients',
    operation: 'relation',
    sizes: { n: 65_536, K: 100, m: 65_536 },
    layout: 'NCHW',
    quick: false,
    stages: false,
  },
];

/** The stages of a step, each on inputs of its own. */
export const stageOperations: Operation[] = ['pool', 'classifier', 'cross_entropy', 'normalized_kd', 'relation'];

export function stageOf({ sizes, layout }: TimedCase, operation: Operation): Workload {
  const { n, K, m } = sizes;
  if (operation === 'cross_entropy') return { operation, layout, sizes: { n, K, m: n } };
  if (operation === 'normalized_kd' || operation === 'relation') return { operation, layout, sizes: { n: m, K, m } };
  return { operation, layout, sizes };
}
