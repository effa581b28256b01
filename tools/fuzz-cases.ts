// Random right calls of every entry point for tools/fuzz.ts.
import { present } from './present.js';

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
  | 'gldLoss'
  | 'gldLossAsync'
  | 'compute'
  | 'pool'
  | 'classify'
  | 'crossEntropy'
  | 'normalizedKd'
  | 'relation';

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
  /** Cells per axis of each level; maps have as many axes. */
  levels: number[][];
  large: boolean;
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Rows of a sample. */
const rowsOf = ({ levels }: Sizes): number => levels.reduce((rows, cells) => rows + product(cells), 1);

/** A map of such a number of channels, its layout, and maybe a mask. */
function map(
  dice: Dice,
  { n, levels, large }: Sizes,
  channels: number,
): { map: Loose; layout: unknown; mask: unknown } {
  const size = levels[0].map((_, axis) => {
    const least = Math.max(...levels.map((cells) => cells[axis]));
    return dice.integer(least, least + (large && levels[0].length < 3 ? 9 : 4));
  });
  const spatial = ['W', 'HW', 'DHW'][size.length - 1];
  const layout = dice.pick([`NC${spatial}`, `N${spatial}C`, undefined]);
  const shape = layout?.endsWith('C') ? [n, ...size, channels] : [n, channels, ...size];
  return { map: tensor(dice, shape), layout, mask: dice.chance(0.3) ? mask(dice, [n, ...size]) : undefined };
}

function mask(dice: Dice, shape: number[]): Loose {
  const share = dice.pick([0, 0.2, 0.7, 1]);
  const bytes = Uint8Array.from({ length: product(shape) }, () => (dice.chance(share) ? dice.integer(1, 255) : 0));
  const dense = shape.map((_, axis) => product(shape.slice(axis + 1)));
  return dice.pick<() => Loose>([
    () => ({ data: bytes, shape }),
    () => ({ data: Uint8ClampedArray.from(bytes), dims: shape, type: 'bool' }),
    () => ({ data: Array.from(bytes, Boolean), shape }),
    () => ({ data: bytes.reverse(), shape, strides: dense.map((stride) => -stride), offset: bytes.length - 1 }),
  ])();
}

/** A feature map with its classifier. */
function network(dice: Dice, sizes: Sizes): Loose {
  const { classes, large } = sizes;
  const channels = dice.integer(1, large ? 70 : 9);
  const { map: features, layout, mask } = map(dice, sizes, channels);
  const weightLayout = dice.pick(['KC', 'CK', undefined]);
  const weight = tensor(dice, weightLayout === 'CK' ? [channels, classes] : [classes, channels]);
  return { features, weight, layout, mask, weightLayout, bias: dice.chance(0.5) ? tensor(dice, [classes]) : undefined };
}

/** A map of logits. */
function segmenter(dice: Dice, sizes: Sizes): Loose {
  const { map: logitMap, ...rest } = map(dice, sizes, sizes.classes);
  return { logitMap, ...rest };
}

/** How often each sample, row or class counts. */
function weights(dice: Dice, count: number): unknown {
  const all = Array.from({ length: count }, () => dice.pick([0, 0.25, 1, 1, 2, 7.5]));
  all[dice.integer(0, count - 1)] = 1;
  return dice.pick<() => unknown>([() => all, () => Float32Array.from(all), () => Float64Array.from(all)])();
}

/** Labels, and the index to ignore if some of them have it. */
function labels(dice: Dice, { n, classes }: Sizes): { labels?: unknown; ignoreIndex?: number } {
  if (dice.chance(0.3)) return {};
  if (dice.chance(0.3)) return { labels: tensor(dice, [n, classes]) };
  if (dice.chance(0.2)) {
    const ignoreIndex = dice.pick([-100, -1, 0, 255]);
    const label = () => (dice.chance(0.4) ? ignoreIndex : dice.integer(0, classes - 1));
    return { labels: Array.from({ length: n }, label), ignoreIndex };
  }
  return { labels: indices(dice, n, classes) };
}

function indices(dice: Dice, n: number, classes: number): unknown {
  const indices = Array.from({ length: n }, () => dice.integer(0, classes - 1));
  const Kind = dice.pick([Int32Array, Uint8Array, Int16Array, Uint32Array]);
  return dice.pick<() => unknown>([
    () => indices,
    () => Kind.from(indices),
    () => BigInt64Array.from(indices, BigInt),
    () => ({ data: Kind.from(indices).reverse(), shape: [n], strides: [-1], offset: n - 1 }),
    () => ({ data: dice.pick([Kind, Float32Array]).from(indices), shape: dice.pick([[n], [n, 1]]) }),
  ])();
}

/** Buffers for some of the gradients, each inside memory filled with a pattern. */
function lend(dice: Dice, student: Loose): { out: Loose | undefined; lent: Lent[] } {
  if (dice.chance(0.5)) return { out: undefined, lent: [] };
  const out: Loose = {};
  const lent = ['features', 'weight', 'bias', 'logits', 'logitMap'].flatMap((name) => {
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
    { kind: 'std' },
    { unbiased: false },
    { kind: 'std', compensated: dice.chance(0.5), temperature: dice.pick([0.5, 4]) },
    { kind: 'temperature', temperature: dice.pick([0.5, 4]) },
  ]);
}

function relationOptions(dice: Dice): Loose {
  const metric = dice.pick(['sqeuclidean', 'euclidean', undefined]);
  const method = dice.pick(['auto', 'pairwise', metric === 'euclidean' ? undefined : 'moments']);
  return { metric, method, reduction: dice.pick(['matrix', 'row', { rows: 320 }, undefined]) };
}

/** Some of the options. */
function some(dice: Dice, all: { [name: string]: () => unknown }): Loose {
  return Object.fromEntries(Object.entries(all).flatMap(([name, draw]) => (dice.chance(0.5) ? [[name, draw()]] : [])));
}

function wholeLoss(dice: Dice, sizes: Sizes): Omit<Case, 'entry' | 'broken'> {
  const { n, classes } = sizes;
  const withoutCells = dice.chance(0.1);
  const logits = (): Loose => ({ logits: tensor(dice, withoutCells ? [n, classes] : [n, rowsOf(sizes), classes]) });
  const others = withoutCells ? [] : [() => segmenter(dice, sizes), () => network(dice, sizes)];
  const side = (): Loose => dice.pick([logits, logits, ...others])();
  const inputs: Loose = { teacher: side(), student: side() };
  const { labels: given, ignoreIndex } = labels(dice, sizes);
  if (given !== undefined) inputs.labels = given;
  if (dice.chance(0.3)) inputs.sampleWeights = weights(dice, n);
  if (given !== undefined && dice.chance(0.3)) inputs.classWeights = weights(dice, classes);
  const options = some(dice, {
    labelSmoothing: () => dice.pick([0, 0.1, 0.9]),
    alpha: () => dice.pick([0, 0.3, 1]),
    beta: () => dice.pick([0, 1, 500]),
    localWeight: () => dice.pick([0, 0.5, 2]),
    normalization: () => normalization(dice),
    relation: () => relationOptions(dice),
    threads: () => dice.integer(1, 4),
    device: () => dice.pick(['cpu', 'auto']),
  });
  if (ignoreIndex !== undefined) options.ignoreIndex = ignoreIndex;
  const pooled = !('logits' in inputs.student && 'logits' in inputs.teacher);
  if (pooled || (!withoutCells && dice.chance(0.5))) options.grid = gridOf(dice, sizes);
  const { out, lent } = lend(dice, inputs.student);
  if (out !== undefined) options.out = out;
  return { inputs, options, lent };
}

/** One of the ways to say the same grid. */
function gridOf(dice: Dice, { levels }: Sizes): unknown {
  const even = levels.map((cells) => (cells.every((each) => each === cells[0]) ? cells[0] : undefined));
  const [axes, count] = [levels[0].length, levels.length];
  // Where there is no map, numbers stand for two axes.
  if (axes === 2 && count > 2 && even.every((cells) => cells !== undefined) && dice.chance(0.5)) return even;
  if (axes === 2 && count === 1 && dice.chance(0.5))
    return dice.chance(0.5) && even[0] !== undefined ? even[0] : levels[0];
  return { pyramid: levels.map((cells, level) => (axes === 2 && dice.chance(0.5) ? (even[level] ?? cells) : cells)) };
}

const stages: { [name in Entry]?: (dice: Dice, sizes: Sizes) => { inputs: Loose; options: Loose } } = {
  pool: (dice, sizes) => {
    const channels = dice.integer(1, 9);
    const { map: features, layout, mask } = map(dice, sizes, channels);
    const upstream = (): Loose => tensor(dice, [sizes.n, rowsOf(sizes), channels]);
    const options = { grid: gridOf(dice, sizes), ...some(dice, { upstream, threads: () => 2 }) };
    return { inputs: { features, layout, mask }, options };
  },
  classify: (dice, sizes) => {
    const { weight, bias, weightLayout } = network(dice, sizes);
    const channels = (weight.shape ?? weight.dims)[weightLayout === 'CK' ? 0 : 1] as number;
    const shape = dice.pick([[sizes.n], [sizes.n, 3]]);
    const inputs = { pooled: tensor(dice, [...shape, channels]), weight, bias, weightLayout };
    return { inputs, options: some(dice, { upstream: () => tensor(dice, [...shape, sizes.classes]) }) };
  },
  crossEntropy: (dice, sizes) => {
    const { n, classes } = sizes;
    const { labels: given = new Int32Array(n), ignoreIndex } = labels(dice, sizes);
    const options = some(dice, { gradients: () => false, threads: () => 1, labelSmoothing: () => 0.1 });
    if (ignoreIndex !== undefined) options.ignoreIndex = ignoreIndex;
    const sampleWeights = dice.chance(0.3) ? weights(dice, n) : undefined;
    const classWeights = dice.chance(0.3) ? weights(dice, classes) : undefined;
    return { inputs: { logits: tensor(dice, [n, classes]), labels: given, sampleWeights, classWeights }, options };
  },
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
  const shape = dice.pick([
    [n, classes],
    [n, 3, classes],
  ]);
  const given = dice.chance(0.3) ? weights(dice, product(shape.slice(0, -1))) : undefined;
  return { teacher: tensor(dice, shape), student: tensor(dice, shape), weights: given };
}

/** Mostly a plain grid on an image. */
function levels(dice: Dice): number[][] {
  const axes = dice.pick([1, 2, 2, 2, 3]);
  const count = dice.chance(0.7) ? 1 : dice.integer(2, 4);
  return Array.from({ length: count }, () => {
    const even = dice.integer(1, 3);
    return Array.from({ length: axes }, () => (dice.chance(0.5) ? even : dice.integer(1, 3)));
  });
}

/** A right call. */
export function rightCase(dice: Dice): Case {
  const large = dice.chance(0.1);
  const sizes: Sizes = {
    n: dice.integer(1, large ? 40 : 5),
    classes: dice.integer(2, large ? 150 : 12),
    levels: levels(dice),
    large,
  };
  const stage = dice.pick(Object.keys(stages) as Entry[]);
  if (dice.chance(0.3)) return { entry: stage, ...present(stages[stage])(dice, sizes), lent: [], broken: undefined };
  const entry = dice.pick(['gldLoss', 'gldLoss', 'gldLossAsync', 'compute'] as const);
  return { entry, ...wholeLoss(dice, sizes), broken: undefined };
}
