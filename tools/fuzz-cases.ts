// Random right calls of every entry point for tools/fuzz.ts.

/** A seeded generator (mulberry32) with the draws that the cases need. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [from, to]. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)];
  }
}

export type Floats = Float32Array | Float64Array;
export type Loose = { [name: string]: any };

/** A buffer lent for a gradient, in the middle of memory whose rest must stay as it is. */
export interface Lent {
  view: Floats;
  /** All of the memory around and under it. */
  memory: Uint8Array;
}

export type Entry =
  | 'gldLoss' | 'gldLossAsync' | 'compute' | 'pool' | 'classify' | 'crossEntropy' | 'normalizedKd' | 'relation';

export interface Case {
  entry: Entry;
  inputs: Loose;
  options: Loose;
  lent: Lent[];
  /** What was broken; undefined for a right call, which must succeed with finite numbers. */
  broken: string | undefined;
}

type Kind = 'float32' | 'float64' | 'float16' | 'bfloat16';

const arrays = { float32: Float32Array, float64: Float64Array, float16: Uint16Array, bfloat16: Uint16Array };

/** A value of moderate size as an element of that type. */
function element(dice: Dice, kind: Kind): number {
  const value = 4 * (dice.unit() + dice.unit() + dice.unit()) - 6;
  if (kind === 'float32' || kind === 'float64') return value;
  // Sign, an exponent that keeps it between 2^-3 and 2^2, and any fraction.
  if (kind === 'float16') return (dice.integer(0, 1) << 15) | (dice.integer(12, 17) << 10) | dice.integer(0, 1023);
  return (dice.integer(0, 1) << 15) | (dice.integer(124, 129) << 7) | dice.integer(0, 127);
}

/** A right tensor: dense, or with its axes in any order, gaps between them, reversed, or repeated. */
function tensor(dice: Dice, shape: number[]): Loose {
  const kind = dice.pick<Kind>(['float32', 'float32', 'float32', 'float64', 'float16', 'bfloat16']);
  const strided = dice.chance(0.3);
  const order = shape.map((_, axis) => axis);
  if (strided) order.sort(() => dice.unit() - 0.5);
  const strides = new Array<number>(shape.length);
  let length = 1;
  for (const axis of order.reverse()) {
    strides[axis] = strided && dice.chance(0.05) ? 0 : length;
    if (strides[axis] !== 0) length *= shape[axis] + (strided && dice.chance(0.3) ? 1 : 0);
  }
  let offset = dice.chance(0.3) ? dice.integer(1, 9) : 0;
  length += offset;
  if (strided) {
    for (const [axis, size] of shape.entries()) {
      if (!dice.chance(0.2)) continue;
      offset += (size - 1) * strides[axis];
      strides[axis] = -strides[axis];
    }
  }
  const before = dice.chance(0.3) ? dice.integer(1, 5) : 0;
  const data = new arrays[kind](before + length).subarray(before);
  for (let i = 0; i < data.length; i++) data[i] = element(dice, kind);
  const name = dice.pick(['shape', 'shape', 'dims']);
  const result: Loose = { data, shape: undefined, [name]: shape };
  if (kind === 'float16' || kind === 'bfloat16' || dice.chance(0.3)) result[dice.pick(['dtype', 'type'])] = kind;
  if (strided) result[dice.pick(['strides', 'stride'])] = strides;
  if (offset > 0) Object.assign(result, dice.pick([{ offset }, { storage: { offset } }]));
  return result;
}

interface Sizes {
  n: number;
  classes: number;
  grid: [number, number];
  large: boolean;
}

/** A feature map with its classifier. */
function network(dice: Dice, { n, classes, grid, large }: Sizes): Loose {
  const channels = dice.integer(1, large ? 70 : 9);
  const height = dice.integer(grid[0], grid[0] + (large ? 9 : 4));
  const width = dice.integer(grid[1], grid[1] + (large ? 9 : 4));
  const layout = dice.pick(['NCHW', 'NHWC', undefined]);
  const weightLayout = dice.pick(['KC', 'CK', undefined]);
  const features = tensor(dice, layout === 'NHWC' ? [n, height, width, channels] : [n, channels, height, width]);
  const weight = tensor(dice, weightLayout === 'CK' ? [channels, classes] : [classes, channels]);
  return { features, weight, layout, weightLayout, bias: dice.chance(0.5) ? tensor(dice, [classes]) : undefined };
}

function labels(dice: Dice, { n, classes }: Sizes): unknown {
  if (dice.chance(0.3)) return undefined;
  if (dice.chance(0.3)) return tensor(dice, [n, classes]);
  const indices = Array.from({ length: n }, () => dice.integer(0, classes - 1));
  const Kind = dice.pick([Int32Array, Uint8Array, Int16Array, Uint32Array]);
  return dice.pick<() => unknown>([
    () => indices,
    () => Kind.from(indices),
    () => BigInt64Array.from(indices, BigInt),
    () => ({ data: Kind.from(indices).reverse(), shape: [n], strides: [-1], offset: n - 1 }),
  ])();
}

/** Buffers for some of the gradients, each inside memory filled with a pattern. */
function lend(dice: Dice, student: Loose): { out: Loose | undefined; lent: Lent[] } {
  if (dice.chance(0.5)) return { out: undefined, lent: [] };
  const out: Loose = {};
  const lent = ['features', 'weight', 'bias', 'logits'].flatMap((name) => {
    if (student[name] === undefined || dice.chance(0.4)) return [];
    const { data, shape, dims } = student[name] as Loose;
    const Kind = data instanceof Float64Array ? Float64Array : Float32Array;
    const length = ((shape ?? dims) as number[]).reduce((product, size) => product * size, 1);
    const guard = 8 * dice.integer(4, 40);
    const memory = new Uint8Array(2 * guard + length * Kind.BYTES_PER_ELEMENT).fill(0xa5);
    const view = new Kind(memory.buffer, guard, length);
    out[name] = view;
    return [{ view, memory }];
  });
  return { out, lent };
}

function normalization(dice: Dice): object {
  return dice.pick<object>([
    { kind: 'std' }, { unbiased: false }, { kind: 'temperature', temperature: dice.pick([0.5, 4]) },
  ]);
}

function relationOptions(dice: Dice): Loose {
  const metric = dice.pick(['sqeuclidean', 'euclidean', undefined]);
  const method = dice.pick(['auto', 'pairwise', metric === 'euclidean' ? undefined : 'moments']);
  return { metric, method, reduction: dice.pick(['matrix', 'row', undefined]) };
}

/** Some of the options. */
function some(dice: Dice, all: { [name: string]: () => unknown }): Loose {
  return Object.fromEntries(Object.entries(all).flatMap(([name, draw]) => (dice.chance(0.5) ? [[name, draw()]] : [])));
}

function wholeLoss(dice: Dice, sizes: Sizes): Omit<Case, 'entry' | 'broken'> {
  const { n, classes, grid } = sizes;
  const logits = (): Loose => ({ logits: tensor(dice, [n, 1 + grid[0] * grid[1], classes]) });
  const side = (): Loose => (dice.chance(0.4) ? logits() : network(dice, sizes));
  const inputs: Loose = { teacher: side(), student: side() };
  const given = labels(dice, sizes);
  if (given !== undefined) inputs.labels = given;
  const options = some(dice, {
    alpha: () => dice.pick([0, 0.3, 1]),
    beta: () => dice.pick([0, 1, 500]),
    localWeight: () => dice.pick([0, 0.5, 2]),
    normalization: () => normalization(dice),
    relation: () => relationOptions(dice),
    threads: () => dice.integer(1, 4),
    device: () => dice.pick(['cpu', 'auto']),
  });
  const pooled = 'features' in inputs.student || 'features' in inputs.teacher;
  if (pooled || dice.chance(0.5)) options.grid = grid[0] === grid[1] && dice.chance(0.5) ? grid[0] : grid;
  const { out, lent } = lend(dice, inputs.student);
  if (out !== undefined) options.out = out;
  return { inputs, options, lent };
}

const stages: { [name in Entry]?: (dice: Dice, sizes: Sizes) => { inputs: Loose; options: Loose } } = {
  pool: (dice, sizes) => {
    const { features, layout } = network(dice, sizes);
    const { n, grid } = sizes;
    const channels = (features.shape ?? features.dims)[layout === 'NHWC' ? 3 : 1] as number;
    const upstream = (): Loose => tensor(dice, [n, 1 + grid[0] * grid[1], channels]);
    return { inputs: { features, layout }, options: { grid, ...some(dice, { upstream, threads: () => 2 }) } };
  },
  classify: (dice, sizes) => {
    const { weight, bias, weightLayout } = network(dice, sizes);
    const channels = (weight.shape ?? weight.dims)[weightLayout === 'CK' ? 0 : 1] as number;
    const shape = dice.pick([[sizes.n], [sizes.n, 3]]);
    const inputs = { pooled: tensor(dice, [...shape, channels]), weight, bias, weightLayout };
    return { inputs, options: some(dice, { upstream: () => tensor(dice, [...shape, sizes.classes]) }) };
  },
  crossEntropy: (dice, sizes) => ({
    inputs: { logits: tensor(dice, [sizes.n, sizes.classes]), labels: labels(dice, sizes) ?? new Int32Array(sizes.n) },
    options: some(dice, { gradients: () => false, threads: () => 1 }),
  }),
  normalizedKd: (dice, sizes) => ({
    inputs: pair(dice, sizes),
    options: some(dice, { gradients: () => dice.chance(0.5), normalization: () => normalization(dice) }),
  }),
  relation: (dice, sizes) => ({
    inputs: pair(dice, sizes),
    options: { ...relationOptions(dice), ...some(dice, { gradients: () => dice.chance(0.5) }) },
  }),
};

function pair(dice: Dice, { n, classes }: Sizes): Loose {
  const shape = dice.pick([[n, classes], [n, 3, classes]]);
  return { teacher: tensor(dice, shape), student: tensor(dice, shape) };
}

/** A right call. */
export function rightCase(dice: Dice): Case {
  const large = dice.chance(0.1);
  const sizes: Sizes = {
    n: dice.integer(1, large ? 40 : 5),
    classes: dice.integer(2, large ? 150 : 12),
    grid: [dice.integer(1, 3), dice.integer(1, 3)],
    large,
  };
  const stage = dice.pick(Object.keys(stages) as Entry[]);
  if (dice.chance(0.3)) return { entry: stage, ...stages[stage]!(dice, sizes), lent: [], broken: undefined };
  const entry = dice.pick(['gldLoss', 'gldLoss', 'gldLossAsync', 'compute'] as const);
  return { entry, ...wholeLoss(dice, sizes), broken: undefined };
}
