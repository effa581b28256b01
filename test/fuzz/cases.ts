/** Random right calls of every entry point for tools/fuzz.ts, drawn from the choices that conformance covers and from more. */
import type { TensorLike } from 'gld-loss';
import { present } from '../../tools/present.js';
import { choices, settingOf, type Row } from '../conformance/generator.js';
import { openTarget } from '../conformance/target.js';
import type { Setting } from '../conformance/call.js';
import type { Dense, Inputs, LogitSide, MaskTensor } from '../reference/types.js';
import { draw } from '../support/combinations.js';
import { labelOptions } from '../support/options.js';
import type { Random } from '../support/random.js';
import { anywhere, dtypes, encode, encodeBy, encodeMask, placements, type Encoded } from '../support/tensors.js';

export type Floats = Float32Array | Float64Array;
export type Loose = { [name: string]: any };

/** A buffer lent for a gradient, in the middle of memory whose rest must stay as it is. */
export interface Lent {
  view: Floats;
  /** All of the memory around and under it. */
  memory: Uint8Array;
}

const ways = { sync: 'gldLoss', async: 'gldLossAsync', object: 'compute', 'object async': 'computeAsync' } as const;

export type Entry =
  | (typeof ways)[keyof typeof ways]
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

const all = choices(openTarget('cpu'), { extremes: true });
const below = (most: number, sizes: readonly number[]) => sizes.filter((size) => size < most);
/** What most calls are, because there are more of them in a second. */
const small = {
  ...all,
  samples: below(6, all.samples),
  classes: below(20, all.classes),
  channels: below(20, all.channels),
};

/** The same tensor in one of the ways to say it. */
function said(random: Random, { data, shape, dtype, strides, offset }: Loose): Loose {
  const tensor: Loose = { data, shape: undefined, [random.pick(['shape', 'shape', 'dims'])]: shape };
  if (data instanceof Uint16Array || random.chance(0.3)) tensor[random.pick(['dtype', 'type'])] = dtype;
  if (strides !== undefined) tensor[random.pick(['strides', 'stride'])] = strides;
  if (offset) Object.assign(tensor, random.pick([{ offset }, { storage: { offset } }]));
  return tensor;
}

const somewhere = (random: Random) => (random.chance(0.5) ? anywhere(random) : random.pick(placements));

/** A tensor of any type, anywhere. */
function tensor(random: Random, dense: Dense): Encoded {
  const { tensor, exact } = encode(dense, random.pick(['float32', 'float32', ...dtypes]), somewhere(random));
  return { tensor: said(random, tensor) as unknown as TensorLike, exact };
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

const normals = (random: Random, shape: readonly number[]) =>
  tensor(random, { data: random.normals(product(shape)), shape }).tensor as Loose;

function mask(random: Random, given: MaskTensor): Loose {
  const { data, shape } = given;
  return random.pick<() => Loose>([
    () => encodeMask(given, somewhere(random)),
    () => ({ data: Uint8ClampedArray.from(data as Uint8Array), dims: shape, type: 'bool' }),
    () => ({ data: Array.from(data as Uint8Array, Boolean), shape }),
  ])();
}

/** How often each sample, row or class counts. */
function weights(random: Random, all: ArrayLike<number>, shape: readonly number[] = [all.length]): unknown {
  return random.pick<() => unknown>([
    () => Array.from(all),
    () => Float32Array.from(all),
    () => Float64Array.from(all),
    () => encode({ data: all, shape }, random.pick(['float32', 'float64']), random.pick(placements)).tensor,
  ])();
}

/** Class indices in one of the forms that they may have. */
function indices(random: Random, given: ArrayLike<number>): unknown {
  const [all, n] = [Array.from(given), given.length];
  const signed = all.some((index) => index < 0);
  const Kind = random.pick(signed ? [Int32Array, Int16Array] : [Int32Array, Uint8Array, Int16Array, Uint32Array]);
  return random.pick<() => unknown>([
    () => all,
    () => Kind.from(all),
    () => BigInt64Array.from(all, BigInt),
    () => ({ data: Kind.from(all).reverse(), shape: [n], strides: [-1], offset: n - 1 }),
    () => ({ data: random.pick([Kind, Float32Array]).from(all), shape: random.pick([[n], [n, 1]]) }),
  ])();
}

/** The index to ignore may be one that no class has. */
function ignore(random: Random, { labels, ...inputs }: Inputs, options: Loose): Inputs {
  const { ignoreIndex } = options;
  if (ignoreIndex === undefined || labels === undefined || 'data' in labels || random.chance(0.3))
    return { ...inputs, ...(labels && { labels }) };
  options.ignoreIndex = random.pick([-100, -1, 255]);
  return { ...inputs, labels: Array.from(labels, (label) => (label === ignoreIndex ? options.ignoreIndex : label)) };
}

/** The inputs as what a caller may have, each tensor in a form of its own. */
function given(random: Random, inputs: Inputs): Loose {
  const { labels, sampleWeights, classWeights, ...sides } = inputs;
  const any = (dense: Dense) => tensor(random, dense);
  const { teacher, student } = encodeBy(sides, {
    teacher: any,
    student: any,
    mask: (of) => mask(random, of) as never,
  }).given;
  return {
    teacher,
    student,
    ...(labels && { labels: 'data' in labels ? any(labels).tensor : indices(random, labels) }),
    ...(sampleWeights && { sampleWeights: weights(random, sampleWeights) }),
    ...(classWeights && { classWeights: weights(random, classWeights) }),
  };
}

/** Buffers for some of the gradients that are asked for, each inside memory filled with a pattern. */
function lend(random: Random, student: Loose, gradients: Setting['gradients']): { out?: Loose; lent: Lent[] } {
  if (gradients === false || random.chance(0.5)) return { lent: [] };
  const out: Loose = {};
  const all = ['features', 'weight', 'bias', 'logits', 'logitMap'];
  const lent = all.flatMap((name) => {
    const asked = gradients === true || gradients === undefined || (gradients as string[]).includes(name);
    if (!asked || student[name] === undefined || random.chance(0.4)) return [];
    const { data, shape, dims } = student[name] as Loose;
    const Kind = data instanceof Float64Array ? Float64Array : Float32Array;
    const length = product((shape ?? dims) as number[]);
    const guard = 8 * random.between(4, 40);
    const memory = new Uint8Array(2 * guard + length * Kind.BYTES_PER_ELEMENT).fill(0xa5);
    const view = new Kind(memory.buffer, guard, length);
    out[name] = view;
    return [{ view, memory }];
  });
  return { out, lent };
}

/** Some of the options, and all that the inputs need. */
function some(random: Random, options: Loose, needed: readonly string[]): Loose {
  return Object.fromEntries(Object.entries(options).filter(([name]) => needed.includes(name) || random.chance(0.6)));
}

/** One row of logits per sample, without cells. */
function withoutCells({ teacher, student, ...others }: Inputs): Inputs {
  const first = ({ logits: { data, shape } }: LogitSide): LogitSide => {
    const [n, , classes] = shape;
    return { logits: { data: Array.from(data).slice(0, n * classes), shape: [n, classes] } };
  };
  return { ...others, teacher: first(teacher as LogitSide), student: first(student as LogitSide) };
}

function wholeLoss(random: Random, row: Row, { inputs: all, options: asked, gradients, way = 'sync' }: Setting): Case {
  const single = row.student === 'logits' && row.teacher === 'logits' && random.chance(0.3);
  const { grid, ...others } = asked as Loose;
  const options = some(random, { ...others, ...(!single && { grid }), gradients }, [
    'grid',
    'ignoreIndex',
    'gradients',
  ]);
  const inputs = given(random, ignore(random, single ? withoutCells(all) : all, options));
  if (random.chance(0.5)) options.device = random.pick(['cpu', 'auto']);
  const { out, lent } = lend(random, inputs.student, gradients);
  if (out !== undefined) options.out = out;
  return { entry: ways[way], inputs, options, lent, broken: undefined };
}

type Stage = Exclude<Entry, (typeof ways)[keyof typeof ways]>;

/** Weights of the rows of such logits. */
function rowWeights(random: Random, shape: readonly number[]): unknown {
  const rows = shape.slice(0, -1);
  const all = Array.from({ length: product(rows) }, () => random.pick([0, 0.25, 1, 1, 2, 7.5]));
  all[random.integer(all.length)] = 1;
  return random.chance(0.3) ? weights(random, all, rows) : undefined;
}

/** Each stage on what the whole loss would give it, and what the sides of such a loss are. */
const stages: {
  [name in Stage]: {
    side: 'features' | 'logits';
    of(random: Random, inputs: Inputs, options: Loose): { inputs: Loose; options: Loose };
  };
} = {
  pool: {
    side: 'features',
    of(random, inputs, { grid, threads }) {
      const { student } = given(random, inputs);
      const { features, layout, mask } = student;
      const drawn = some(random, { grid, threads }, ['grid']);
      return { inputs: { features, layout, mask }, options: drawn };
    },
  },
  classify: {
    side: 'features',
    of(random, inputs, { threads }) {
      const { student } = given(random, inputs);
      const { weight, bias, weightLayout } = student;
      const [classes, channels] = ((weight.shape ?? weight.dims) as number[]).toSorted(() =>
        weightLayout === 'CK' ? -1 : 1,
      );
      const shape = random.pick([[3], [2, 5]]);
      const upstream = normals(random, [...shape, classes]);
      return {
        inputs: { pooled: normals(random, [...shape, channels]), weight, bias, weightLayout },
        options: some(random, { upstream, threads }, []),
      };
    },
  },
  crossEntropy: {
    side: 'logits',
    of(random, inputs, options) {
      const single = withoutCells(inputs);
      const { shape } = (single.student as LogitSide).logits;
      const about = Object.fromEntries(Object.keys(labelOptions).map((name) => [name, options[name]]));
      const asked = { ...about, ...(options.ignoreIndex !== undefined && { ignoreIndex: options.ignoreIndex }) };
      const drawn = some(random, { ...asked, threads: options.threads, gradients: false }, ['ignoreIndex']);
      const {
        student,
        labels = new Int32Array(shape[0]),
        sampleWeights,
        classWeights,
      } = given(random, ignore(random, single, drawn));
      return { inputs: { logits: student.logits, labels, sampleWeights, classWeights }, options: drawn };
    },
  },
  normalizedKd: {
    side: 'logits',
    of(random, inputs, { normalization, threads }) {
      return { inputs: pair(random, inputs), options: some(random, { normalization, threads, gradients: false }, []) };
    },
  },
  relation: {
    side: 'logits',
    of(random, inputs, { relation, threads }) {
      return { inputs: pair(random, inputs), options: some(random, { ...relation, threads, gradients: false }, []) };
    },
  },
};

function pair(random: Random, inputs: Inputs): Loose {
  const of = random.chance(0.5) ? inputs : withoutCells(inputs);
  const { teacher, student } = given(random, of);
  return {
    teacher: teacher.logits,
    student: student.logits,
    weights: rowWeights(random, (of.student as LogitSide).logits.shape),
  };
}

/** A right call. */
export function rightCase(random: Random, seed: number): Case {
  const row = draw(random.chance(0.9) ? small : all, random);
  const entry = random.chance(0.3) ? random.pick(Object.keys(stages) as Stage[]) : undefined;
  const side = entry && stages[entry].side;
  const setting = settingOf({ ...row, ...(side && { student: side, teacher: side }) }, seed, { comparable: false });
  if (entry === undefined) return wholeLoss(random, row, setting);
  const { inputs, options } = stages[entry].of(random, setting.inputs, present(setting.options));
  return { entry, inputs, options, lent: [], broken: undefined };
}
