import {
  expectObject,
  flag,
  hint,
  integer,
  known,
  number,
  oneOf,
  optional,
  options,
  quoted,
  type Check,
  type Checked,
  type Table,
} from './check.js';
import { describe } from './describe.js';
import type { Encodable } from './encode.js';
import { native } from './engines/native.js';
import { fail } from './errors.js';
import { grid } from './grid.js';
import { gpuNumber } from './places.js';
import { words } from './schema.js';
import { signal } from './signal.js';
import type { DeviceOption, GradientName, RelationOptions } from './types.js';

/** Whatever it is: read and checked with the tensors that it belongs to. */
const unread: Check<unknown> = (value) => value;

const threads = integer(Number.MAX_SAFE_INTEGER, 1);

export const gradientNames = [
  'features',
  'weight',
  'bias',
  'logits',
  'logitMap',
] as const satisfies readonly GradientName[];

const gradients: Check<boolean | readonly GradientName[]> = (value, path) => {
  if (value === undefined) return true;
  if (typeof value === 'boolean') return value;
  if (!Array.isArray(value)) {
    fail('ERR_GLD_ARG_TYPE', path, 'true, false, or an array of names', describe(value));
  }
  const names: unknown[] = value.slice();
  const expected = `names out of ${quoted(gradientNames)}`;
  for (const name of names) {
    if (typeof name !== 'string') fail('ERR_GLD_ARG_TYPE', path, expected, describe(name));
    if (!gradientNames.includes(name as GradientName)) {
      fail('ERR_GLD_OPTION', path, expected + hint(name, gradientNames), describe(name));
    }
  }
  return names as GradientName[];
};

function aboveZero(what: string): Check<number> {
  return (value, path) => {
    if (typeof value !== 'number') fail('ERR_GLD_ARG_TYPE', path, what, describe(value));
    if (!(value > 0) || !Number.isFinite(value) || !Number.isFinite(1 / value))
      fail('ERR_GLD_OPTION', path, what, String(value));
    return value;
  };
}

/** A temperature, whose square is a factor of the loss. */
const degrees = (what: string): Check<number> => {
  const check = aboveZero(what);
  return (value, path) => {
    const checked = check(value, path);
    if (!Number.isFinite(checked ** 2)) fail('ERR_GLD_OPTION', path, `${what}, and so its square`, String(value));
    return checked;
  };
};

const std = {
  kind: oneOf(words['normalization.kind'], 'std'),
  unbiased: flag(true),
  compensated: flag(false),
  temperature: optional(degrees('a finite number greater than 0')),
};
const temperature = {
  kind: std.kind,
  temperature: degrees("a finite number greater than 0 (normalization of kind 'temperature' needs one)"),
};

const normalization: Check<Checked<typeof std> | Checked<typeof temperature>> = (value, path) => {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  if (kind === 'temperature') return options(temperature, value, path);
  const checked = options(std, value, path);
  if (checked.temperature !== undefined && kind === undefined) {
    fail(
      'ERR_GLD_ARG_TYPE',
      `${path}.kind`,
      `${quoted(words['normalization.kind'])} beside a temperature`,
      'undefined',
    );
  }
  return { ...checked, temperature: checked.temperature ?? 1 };
};

type Reduction = NonNullable<RelationOptions['reduction']>;

const reductionWords = ['matrix', 'row'] as const;
const reductionText = `${quoted(reductionWords)}, or { rows }`;
const reductionRows = { rows: aboveZero('a finite number of rows greater than 0, and not too small to divide by') };

function reduction(fallback: Reduction): Check<Reduction> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (typeof value === 'string') {
      const word = reductionWords.find((known) => known === value);
      return word ?? fail('ERR_GLD_OPTION', path, reductionText + hint(value, reductionWords), describe(value));
    }
    return options(reductionRows, expectObject(path, value, reductionText), path);
  };
}

export const relationTable = {
  method: oneOf(words['relation.method'], 'auto'),
  metric: oneOf(words['relation.metric'], 'sqeuclidean'),
  reduction: reduction('matrix'),
};

type Relation = Checked<typeof relationTable>;

function relation(table: typeof relationTable): Check<Relation> {
  return (value, path) => {
    const checked = options(table, value, path);
    refuseEuclideanMoments(checked, `${path}.method`);
    return checked;
  };
}

/** The moments' formulas close over squared distances only. */
export function refuseEuclideanMoments(relation: Relation, path: string): void {
  if (relation.method === 'moments' && relation.metric === 'euclidean') {
    fail('ERR_GLD_OPTION', path, "'auto' or 'pairwise' with metric 'euclidean'", "'moments'");
  }
}

const buffers = { features: unread, weight: unread, bias: unread, logits: unread, logitMap: unread };

/** Buffers lent for gradients, in the order of {@link gradientNames}; undefined where there is none. */
export type Lent = unknown[];

/** Reads `out` into a list of our own, so that each buffer is read once; which ones fit is checked later. */
export function readLent(value: unknown, path: string, into: Lent): Lent | undefined {
  if (value === undefined) return undefined;
  const { features, weight, bias, logits, logitMap } = known(buffers, expectObject(path, value, 'an object'), path);
  into[0] = features;
  into[1] = weight;
  into[2] = bias;
  into[3] = logits;
  into[4] = logitMap;
  return into;
}

/** A list for {@link readLent} to fill. */
export function nothingLent(): Lent {
  return gradientNames.map(() => undefined);
}

const out: Check<Lent | undefined> = (value, path) => readLent(value, path, nothingLent());

/** Buffers lent to a stage, each read once. */
function lentTo<T extends Table>(table: T): Check<Checked<T>> {
  return (value, path) => options(table, value, path);
}

const deviceNames = ['cpu', 'cuda', 'auto'] as const;
const expectedDevice = `${quoted(deviceNames)}, or the name of one GPU such as 'cuda:1'`;

const device: Check<DeviceOption | undefined> = (value, path) => {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') fail('ERR_GLD_ARG_TYPE', path, expectedDevice, describe(value));
  const gpu = value === 'cuda' ? 0 : gpuNumber(value);
  if (gpu !== undefined) native.gpu(path, gpu, "'cpu' or 'auto'", `'${value}'`);
  else if (value !== 'cpu' && value !== 'auto') {
    fail('ERR_GLD_OPTION', path, expectedDevice + hint(value, deviceNames), describe(value));
  }
  return value as DeviceOption;
};

const precision = oneOf(words.precision, 'float32');

/** The weights of the terms where nothing is said of them. */
export const usualWeights = { alpha: 0.7, beta: 500, localWeight: 1 } as const;

/** The rows that the usual weight of the relation belongs to: the paper's 64 samples of 1 + 4 rows each. */
const usualRows = 320;

/** What a weight of a term may be. */
export const weightText = 'a finite number of at least 0';

const termWeights = {
  alpha: number(usualWeights.alpha, 0, weightText),
  beta: number(usualWeights.beta, 0, weightText),
  localWeight: number(usualWeights.localWeight, 0, weightText),
};

/** The same for one call, in the place of an object's own. */
const overridden = {
  alpha: optional(termWeights.alpha),
  beta: optional(termWeights.beta),
  localWeight: optional(termWeights.localWeight),
};

const ignoreIndex: Check<number | undefined> = (value, path) => {
  const what = 'an integer';
  if (value === undefined) return undefined;
  if (typeof value !== 'number') fail('ERR_GLD_ARG_TYPE', path, what, describe(value));
  if (!Number.isSafeInteger(value)) fail('ERR_GLD_OPTION', path, what, String(value));
  return value;
};

const labels = {
  labelSmoothing: number(0, 0, 'a number of at least 0 and less than 1', 1),
  ignoreIndex,
};

/** Those options that are no numbers of the call, but belong to its inputs, its outputs and the choice of its engine. */
type Besides = 'ignoreIndex' | 'grid' | 'gradients' | 'gradientDtype' | 'device';

const computed = {
  ...termWeights,
  ...labels,
  grid,
  normalization,
  relation: relation(relationTable),
  gradients,
  gradientDtype: oneOf(['float32', 'student'], 'float32'),
  device,
  precision,
  threads,
} satisfies { readonly [name in keyof Encodable | Besides]: Check<unknown> };

const layout = oneOf(['NCW', 'NWC', 'NCHW', 'NHWC', 'NCDHW', 'NDHWC']);
const weightLayout = oneOf(['KC', 'CK'], 'KC');

/** The same of adapters, which make steps of a training: no batch weighs the relation more for being smaller. */
const adapted = {
  ...computed,
  relation: relation({ ...relationTable, reduction: reduction({ rows: usualRows }) }),
};

/** What every stage takes. */
const stage = { device, threads };

/** The tables of the public calls. */
export const tables = {
  gldLoss: { ...computed, out },
  gldLossAsync: { ...computed, out, signal },
  instance: computed,
  compute: { ...overridden, out },
  computeAsync: { ...overridden, out, signal },
  adapter: adapted,
  adapterAsync: { ...adapted, signal },
  pool: { grid, ...stage, upstream: unread, out: lentTo({ pooled: unread, features: unread }) },
  classify: {
    ...stage,
    precision,
    upstream: unread,
    out: lentTo({ logits: unread, pooled: unread, weight: unread, bias: unread }),
  },
  crossEntropy: { ...labels, gradients: flag(true), ...stage, out: lentTo({ logits: unread }) },
  normalizedKd: { normalization, gradients: flag(true), ...stage, out: lentTo({ logits: unread }) },
  relation: { ...relationTable, gradients: flag(true), ...stage, precision, out: lentTo({ logits: unread }) },
  inputs: { teacher: unread, student: unread, labels: unread, sampleWeights: unread, classWeights: unread },
  side: {
    features: unread,
    weight: unread,
    bias: unread,
    layout,
    weightLayout,
    logitMap: unread,
    mask: unread,
    logits: unread,
  },
  poolInputs: { features: unread, layout, mask: unread },
  classifyInputs: { pooled: unread, weight: unread, bias: unread, weightLayout },
  crossEntropyInputs: { logits: unread, labels: unread, sampleWeights: unread, classWeights: unread },
  pairInputs: { teacher: unread, student: unread, weights: unread },
} as const satisfies Record<string, Table>;

/** What the loss itself is computed with. */
export type Settings = Checked<typeof computed>;
