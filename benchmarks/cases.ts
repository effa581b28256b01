/** What is measured: every case of the suite, in the order in which they run. */
import type { DType, Group, Mode, Sizes } from './record.js';

export type Operation = 'gld' | 'pool' | 'classifier' | 'cross_entropy' | 'normalized_kd' | 'relation';
export type Layout = 'NCHW' | 'NHWC';

/** What inputs and reference depend on: cases that agree in this share both. */
export interface Workload {
  operation: Operation;
  sizes: Sizes;
  layout: Layout;
}

export interface Case extends Workload {
  /** What --case selects; several cases may share a name and differ in mode, dtype or layout. */
  name: string;
  group: Group;
  title: string;
  mode: Mode;
  dtype: DType;
  /** Part of a --quick run. */
  quick: boolean;
}

export type Features = Required<Pick<Sizes, 'n' | 'K' | 'm' | 'C' | 'H' | 'W' | 'grid'>>;

function features(n: number, C: number, side: number, K: number, grid: number): Features {
  return { n, K, m: n * (1 + grid * grid), C, H: side, W: side, grid };
}

/** m rows of logits, one per sample. */
const rows = (m: number, K: number): Sizes => ({ n: m, K, m });

const shapes = {
  cifar: features(64, 256, 8, 100, 2),
  'cifar-d4': features(64, 256, 8, 100, 4),
  m4352: features(256, 256, 8, 100, 4),
  imagenet: features(256, 512, 7, 1000, 2),
  wide: features(1024, 2048, 7, 1000, 2),
};

const modes: Mode[] = ['forward', 'gradients'];

type Basic = Pick<Case, 'name' | 'group' | 'operation' | 'sizes' | 'title'> & Partial<Case>;

function one(basic: Basic): Case {
  return { mode: 'gradients', dtype: 'float32', layout: 'NCHW', quick: false, ...basic };
}

function describe({ n, C, H, W, K, grid }: Features): string {
  return `n ${n}, C ${C}, ${H}×${W}, K ${K}, grid ${grid}`;
}

function steps(): Case[] {
  const all = Object.entries(shapes).flatMap(([name, sizes]) => {
    const step = { name, group: 'step', operation: 'gld', sizes, title: `One step: ${describe(sizes)}` } as const;
    const quick = name === 'cifar' || name === 'imagenet';
    const plain = modes.map((mode) => one({ ...step, mode, quick: quick && mode === 'gradients' }));
    if (name !== 'cifar') return plain;
    const doubled = modes.map((mode) => one({ ...step, mode, dtype: 'float64', title: `${step.title}, float64` }));
    const last = modes.map((mode) => one({ ...step, mode, layout: 'NHWC', title: `${step.title}, NHWC` }));
    return [...plain, ...doubled, ...last];
  });
  return all;
}

function stages(): Case[] {
  return (['cifar', 'm4352', 'imagenet'] as const).flatMap((shape) => {
    const sizes = shapes[shape];
    const stage = (operation: Operation, title: string, of: Sizes, layout: Layout = 'NCHW') =>
      one({ name: `${shape}/${operation}`, group: 'stage', operation, sizes: of, layout, title: `${title}, ${shape}` });
    const logits = rows(sizes.m, sizes.K);
    return [
      stage('pool', 'Pool', sizes),
      stage('pool', 'Pool, NHWC', sizes, 'NHWC'),
      stage('classifier', 'Classifier', sizes),
      stage('cross_entropy', 'Cross-entropy', rows(sizes.n, sizes.K)),
      stage('normalized_kd', 'Normalized distillation', logits),
      stage('relation', 'Relation', logits),
    ];
  });
}

const relationRows = [100, 320, 1000, 3200, 10_000, 32_000, 100_000, 1_000_000];
const relationClasses = [10, 100, 1000];

function relations(): Case[] {
  return relationClasses.flatMap((K) =>
    relationRows.map((m) =>
      one({
        name: `relation/m=${m},K=${K}`,
        group: 'relation',
        operation: 'relation',
        sizes: rows(m, K),
        title: `Relation alone: m ${m.toLocaleString('en')}, K ${K}`,
        quick: K === 100 && [320, 1000].includes(m),
      }),
    ),
  );
}

/** Small enough that what is left is what a call costs by itself. */
const single = features(1, 16, 4, 10, 2);

export const cases: Case[] = [
  ...steps(),
  one({
    name: 'calls/cifar',
    group: 'calls',
    operation: 'gld',
    sizes: shapes.cifar,
    title: `Ways to call: ${describe(shapes.cifar)}`,
  }),
  ...stages(),
  ...relations(),
  one({
    name: 'overhead/n=1',
    group: 'overhead',
    operation: 'gld',
    sizes: single,
    quick: true,
    title: `One call: ${describe(single)}`,
  }),
];

/** The points of the curves of peak memory; one name for --case. */
export const memoryName = 'memory/K=100';
export const memorySizes = [1000, 3200, 10_000, 32_000, 100_000, 320_000, 1_000_000].map((m) => ({ m, K: 100 }));
