/**
 * Where a model's feature map ends and its head begins. It is found by the numbers of a few images, and so for every kind of
 * model and operator alike: the map is the tensor whose mean over the positions is another one, and everything from the map
 * to the logits goes through that mean.
 */
import { accuracies } from '../check-side.js';
import { hint } from '../check.js';
import { brackets } from '../describe.js';
import { fail } from '../errors.js';
import type { MapLayout } from '../types.js';
import { cutsOf, type Graph, lastOutputs, type Source, type Values } from './graph.js';

/** Names of tensors of a model; what is left out is found. */
export interface SplitNames {
  /** The feature map; false takes the logits alone. */
  readonly features?: string | false | undefined;
  /** The logits, or what a softmax makes of them. @default the model's output */
  readonly logits?: string | undefined;
}

/** A map, and the mean over it that the head takes. */
export interface MapSplit {
  readonly map: string;
  readonly layout: MapLayout;
  /** Of the map of one sample. */
  readonly shape: readonly number[];
  readonly pooled: string;
  /** Numbers of the mean for the images. */
  readonly rows: Values;
  /** Whether the mean is already the logits. */
  readonly isLogits: boolean;
}

/** What a model is made of. */
export interface Split {
  readonly logits: string;
  /** What the model makes of its logits. */
  readonly activation: Activation | undefined;
  /** Of the logits and of the output, for the images. */
  readonly values: { readonly logits: Values; readonly output: Values };
  /** undefined where the logits alone were asked for. */
  readonly map: MapSplit | undefined;
  /** All tensors between output and images that everything goes through, in this order. */
  readonly cuts: readonly string[];
}

type Activation = 'softmax' | 'logSoftmax' | 'sigmoid';

/** Tensors are fetched so many at a time, and at most so many before the logits are looked at. */
const [atOnce, mostTensors] = [8, 48];

/** What to do about a model that cannot be split. */
const waysOut = {
  teacher:
    'name the two, { model, features, logits }, take global logits alone, { model, features: false }, or give a function of ' +
    'the images, or stored outputs',
  student: 'end it in global average pooling and linear layers',
} as const;

/** Whose model it is. */
export type Role = keyof typeof waysOut;

/** The tensors that everything from the images to the output goes through, from the output back, and their numbers. */
class Way<Tensor> {
  readonly names: readonly string[];
  /** Numbers of the first ones, as far as they were looked at. */
  readonly known: Values[] = [];

  constructor(
    readonly source: Source<Tensor>,
    readonly images: Tensor,
    output: string,
  ) {
    this.names = cutsOf(source.graph, output).filter((name) => name !== source.graph.input);
  }

  async at(place: number): Promise<Values> {
    while (this.known.length <= place) {
      const next = this.names.slice(this.known.length, this.known.length + atOnce);
      this.known.push(...(await this.source.run(this.source.graph.input, this.images, next)));
    }
    return this.known[place];
  }

  /** A tensor that was looked at, for a message. */
  text(place: number): string {
    return `'${this.names[place]}' ${brackets(this.known[place].shape)}`;
  }
}

/**
 * @param images a few of them
 * @throws {GldError} `ERR_GLD_SPLIT`, which names the tensor at fault, and `ERR_GLD_OPTION` for names that the model has not
 */
export async function findSplit<Tensor>(
  role: Role,
  source: Source<Tensor>,
  images: Tensor,
  names: SplitNames = {},
): Promise<Split> {
  const outputName = nameOfOutput(role, source.graph, names);
  if (typeof names.features === 'string') expectName(`${role}.features`, names.features, source.graph);
  const way = new Way(source, images, outputName);
  if (way.names.length === 0) fail('ERR_GLD_SPLIT', role, 'logits that are made of the images', 'others');
  const output = await way.at(0);
  if (axesOf(output) !== 1) {
    fail('ERR_GLD_SPLIT', role, `a model that puts out logits [n, K] (${waysOut[role]})`, way.text(0));
  }
  const { place, activation } = await findLogits(way);
  const logits = await way.at(place);
  if (isSoftmax(logits)) {
    const expected = `logits, which lie before the softmax (${waysOut[role]})`;
    const received = `probabilities in '${way.names[place]}', and no tensor that they are the softmax of`;
    fail('ERR_GLD_SPLIT', role, expected, received);
  }
  return {
    logits: way.names[place],
    activation,
    values: { logits, output },
    map: names.features === false ? undefined : await findMap(role, way, place, names.features),
    cuts: way.names,
  };
}

/** The map whose mean is a tensor between it and the logits, which are at that place. */
async function findMap<Tensor>(
  role: Role,
  way: Way<Tensor>,
  place: number,
  name: string | undefined,
): Promise<MapSplit> {
  const { known, names } = way;
  let found: { place: number; mean: Mean } | undefined;
  const stop = Math.min(names.length, place + mostTensors);
  for (let at = place + 1; at < stop; at += 1) {
    if (name !== undefined && names[at] !== name) continue;
    const values = await way.at(at);
    const mean = meanIn(values, known.slice(place, at));
    // Of several tensors with the same mean, the one with the most axes and positions: a mean may be taken axis by axis.
    if (mean !== undefined && (found === undefined || isFiner(values, known[found.place]))) found = { place: at, mean };
    else if (mean === undefined && found !== undefined) break;
  }
  if (found === undefined) return name === undefined ? refuse(role, way, place) : refuseName(role, way, place, name);
  const { mean } = found;
  const rows = known[place + mean.place];
  return {
    map: names[found.place],
    layout: mean.layout,
    shape: known[found.place].shape.slice(1),
    pooled: names[place + mean.place],
    rows,
    isLogits: isSame(rows, known[place]),
  };
}

/** What was taken from a model, for a log. */
export function textOf({ logits, map }: Split, head: 'linear' | 'not linear'): string {
  if (map === undefined) return `logits '${logits}'`;
  const text = `'${map.map}' ${brackets(map.shape)}`;
  return map.isLogits ? `map of logits ${text}` : `feature map ${text}, head to '${logits}' (${head})`;
}

function nameOfOutput(role: Role, graph: Graph, { logits }: SplitNames): string {
  if (logits !== undefined) return expectName(`${role}.logits`, logits, graph);
  const outputs = lastOutputs(graph);
  if (outputs.length === 1) return outputs[0];
  const way = role === 'teacher' ? ', or the name of that with the logits, { model, logits }' : '';
  return fail('ERR_GLD_SPLIT', role, `a model with one output${way}`, `${outputs.length} (${outputs.join(', ')})`);
}

function expectName(argument: string, name: string, { nodes }: Pick<Graph, 'nodes'>): string {
  if (nodes.has(name)) return name;
  return fail(
    'ERR_GLD_OPTION',
    argument,
    'the name of a tensor that the model computes',
    `'${name}'${hint(name, [...nodes.keys()])}`,
  );
}

/** What a model may make of its logits, row by row. */
const activations: Readonly<Record<Activation, (row: Float64Array) => Float64Array>> = {
  softmax(row) {
    const logarithms = activations.logSoftmax(row);
    return logarithms.map(Math.exp);
  },
  logSoftmax(row) {
    const most = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
    return row.map((value) => value - most - Math.log(sum));
  },
  sigmoid: (row) => row.map((value) => 1 / (1 + Math.exp(-value))),
};

/**
 * The place of the logits behind the output. A softmax that is written out in several operators has tensors of the same
 * softmax in between, of which the logits are the first.
 */
async function findLogits<Tensor>(way: Way<Tensor>): Promise<{ place: number; activation: Activation | undefined }> {
  const output = await way.at(0);
  const found: { place: number; activation: Activation | undefined } = { place: 0, activation: undefined };
  const possible = (Object.keys(activations) as Activation[]).filter((name) => couldBe[name](output));
  for (let place = 1; place < way.names.length && possible.length > 0; place += 1) {
    const values = await way.at(place);
    if (values.data.length !== output.data.length) break;
    const activation = possible.find((name) => isClose(output, perRow(values, activations[name]), [values]));
    // Logarithms of probabilities are their own.
    if (activation === undefined || isSame(output, values)) continue;
    Object.assign(found, { place, activation });
  }
  return found;
}

/** Whether numbers can have come out of an activation. */
const couldBe: Readonly<Record<Activation, (output: Values) => boolean>> = {
  softmax: isSoftmax,
  logSoftmax: (output) => isSoftmax({ ...output, data: output.data.map(Math.exp) }),
  sigmoid: ({ data }) => data.every((value) => value >= 0 && value <= 1),
};

function isSoftmax(output: Values): boolean {
  const sums = perRow(output, (row) => row.fill(row.reduce((sum, value) => sum + value, 0)));
  return output.data.every((value) => value >= 0) && sums.every((sum) => Math.abs(sum - 1) <= accuracies[output.dtype]);
}

/** What a function makes of the row of every sample. */
function perRow({ data, shape: [n] }: Values, f: (row: Float64Array) => Float64Array): Float64Array {
  const length = data.length / n;
  const made = new Float64Array(data.length);
  for (let at = 0; at < data.length; at += length) made.set(f(Float64Array.from(data.subarray(at, at + length))), at);
  return made;
}

/** A mean over the positions of a map: its place among the tensors that were looked at. */
interface Mean {
  readonly place: number;
  readonly layout: MapLayout;
}

/** By the axes of a map and whether its channels are its last. */
const layouts: Readonly<Record<number, readonly [first: MapLayout, last: MapLayout]>> = {
  3: ['NCW', 'NWC'],
  4: ['NCHW', 'NHWC'],
  5: ['NCDHW', 'NDHWC'],
};

/** Which of the tensors is the mean over a map, if one is: the one nearest to the map. */
function meanIn(map: Values, tensors: readonly Values[]): Mean | undefined {
  const { shape } = map;
  const rank = shape.length;
  for (const [i, layout] of (layouts[rank] ?? []).entries()) {
    const channelsLast = i === 1;
    const rows = meanOver(map, channelsLast);
    if (rows === undefined) continue;
    const place = tensors.findLastIndex((values) => {
      return values.data.length === rows.length && isClose(values, rows, [map]);
    });
    if (place >= 0) return { place, layout };
  }
  return undefined;
}

/** The mean over the positions of a map, [n, C]; undefined where that says nothing. */
function meanOver(map: Values, channelsLast: boolean): Float64Array | undefined {
  const { data, shape } = map;
  const [n, channels] = [shape[0], channelsLast ? shape[shape.length - 1] : shape[1]];
  const area = data.length / (n * channels);
  if (area === 1 || isUniform(map, channelsLast)) return undefined;
  const mean = new Float64Array(n * channels);
  data.forEach((value, i) => {
    const row = Math.floor(i / (channels * area));
    const c = channelsLast ? i % channels : Math.floor(i / area) % channels;
    mean[row * channels + c] += value / area;
  });
  return mean;
}

/** Whether all positions of a map are alike, so that any pooling gives the mean. */
function isUniform({ data, shape }: Values, channelsLast: boolean): boolean {
  const [n, channels] = [shape[0], channelsLast ? shape[shape.length - 1] : shape[1]];
  const area = data.length / (n * channels);
  return data.every((value, i) => {
    const position = channelsLast ? Math.floor(i / channels) % area : i % area;
    return value === data[i - position * (channelsLast ? channels : 1)];
  });
}

function isSame(a: Values, b: Values): boolean {
  return a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]);
}

function isFiner(a: Values, b: Values): boolean {
  return axesOf(a) > axesOf(b) || (axesOf(a) === axesOf(b) && a.data.length > b.data.length);
}

/** How many axes a sample has, those of size 1 apart. */
function axesOf({ shape }: Values): number {
  return shape.slice(1).filter((size) => size > 1).length;
}

/** To what share of a number it is rounded by several steps of computing with it. */
const roundings: Readonly<Record<Values['dtype'], number>> = {
  float64: 2 ** -20,
  float32: 2 ** -20,
  float16: 2 ** -8,
  bfloat16: 2 ** -5,
};

/**
 * Whether numbers are those that were computed from others in another way: within what kernels are exact to, as a share of
 * the range of a row, because an offset that all have in common is no signal.
 */
export function isClose(values: Values, expected: ArrayLike<number>, others: readonly Values[] = []): boolean {
  const given = [values, ...others];
  const accuracy = Math.max(...given.map(({ dtype }) => Math.max(accuracies[dtype], accuracies.float32)));
  const rounding = Math.max(...given.map(({ dtype }) => roundings[dtype]));
  const { data, shape } = values;
  const length = data.length / shape[0];
  let spread = 0;
  for (let at = 0; at < data.length; at += length) {
    const row = data.subarray(at, at + length);
    spread = Math.max(spread, row.reduce((a, b) => Math.max(a, b)) - row.reduce((a, b) => Math.min(a, b)));
  }
  return data.every((value, i) => Math.abs(value - expected[i]) <= accuracy * spread + rounding * Math.abs(value));
}

/** The largest size of a number. */
export function largest(data: Float32Array): number {
  return data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Says what there is in the place of a mean: from the logits back, the first tensor that is made of a map. */
function refuse<Tensor>(role: Role, way: Way<Tensor>, place: number): never {
  const { names, known, source } = way;
  const expected = expectedOf(role);
  const map = known.findIndex((values, at) => at > place && axesOf(values) > 1);
  if (map < 0) return fail('ERR_GLD_SPLIT', role, expected, 'no map among the tensors before the logits');
  const broken = known.findLastIndex(({ data }) => !data.every(Number.isFinite));
  if (broken >= 0) {
    const received = `${known[broken].data.find((value) => !Number.isFinite(value))} in ${way.text(broken)}`;
    return fail('ERR_GLD_SPLIT', role, 'a model whose numbers are finite for these images', received);
  }
  if (isUniform(known[map], true) || isUniform(known[map], false)) {
    const received = `the map ${way.text(map)}, all of whose positions are alike for these images`;
    return fail('ERR_GLD_SPLIT', role, 'images of which the map differs from place to place', received);
  }
  const op = source.graph.nodes.get(names[map - 1])?.op;
  const received = `${way.text(map - 1)} (${op}), which is not the mean over the map ${way.text(map)}`;
  return fail('ERR_GLD_SPLIT', role, expected, received);
}

function refuseName<Tensor>(role: Role, { names }: Way<Tensor>, place: number, name: string): never {
  const isBetween = names.indexOf(name) > place;
  const why = isBetween ? 'whose mean no tensor behind it is' : 'which some ways from the images to the logits pass by';
  return fail('ERR_GLD_SPLIT', role, expectedOf(role), `the map '${name}', ${why}`);
}

function expectedOf(role: Role): string {
  return `logits that are made of the mean over a feature map (${waysOut[role]})`;
}
