/** Where batches come from: tensors of all samples, or a data set of tfjs. */
import { isTfjsTensor, type TfjsTensor } from '../adapters/tfjs-types.js';
import { expectObject } from '../check.js';
import { brackets, describe } from '../describe.js';
import { fail } from '../errors.js';
import type { TfjsMath } from './model-types.js';
import type { DistillerTrainArgs, TfjsDataset } from './training.js';

/** Some samples. Whoever takes a batch disposes it. */
export interface Batch<Tensor> {
  readonly size: number;
  readonly images: Tensor;
  readonly labels: Tensor;
  /** How many times each sample counts. */
  readonly weights?: Tensor | undefined;
  /** The samples' places among all, where these have an order. */
  readonly indices?: number[] | undefined;
  dispose(): void;
}

/** Batches, once through for every epoch. */
export interface Batches<Tensor> {
  /** How many make an epoch, where that is known. */
  readonly steps: number | undefined;
  /** Looks at what can be seen before the first epoch: the values of tensors, a data set's iterator. */
  prepare(): Promise<void>;
  epoch(): AsyncIterable<Batch<Tensor>>;
}

/** Samples in tensors, and which of them are meant. */
export interface Samples<Tensor> {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly weights?: Tensor | undefined;
  /** Refuses labels and weights that cannot be. */
  readonly expectValues: () => Promise<void>;
  readonly begin?: number;
  readonly end?: number;
  /** Whether the samples are not those of the data set that the teacher may know by their places. @default false */
  readonly apart?: boolean;
}

interface Gathering<Tensor extends TfjsTensor> extends TfjsMath<Tensor> {
  tensor1d(values: Int32Array, dtype: 'int32'): Tensor;
  gather(x: Tensor, indices: Tensor): Tensor;
}

/** Refuses images that a model with inputs of that shape does not take; axes of any size are null there. */
export function expectImages(argument: string, value: unknown, shape: readonly (number | null)[] | undefined): number {
  const count = expectSamples(argument, value);
  const given = (value as TfjsTensor).shape;
  const fits = (size: number | null, axis: number) => axis === 0 || size === null || size === given[axis];
  if (shape === undefined || (shape.length === given.length && shape.every(fits))) return count;
  const expected = `images of shape ${brackets(['n', ...shape.slice(1).map((size) => size ?? 'any')])}, as the student takes them`;
  return fail('ERR_GLD_SHAPE', argument, expected, `a tensor of shape ${brackets(given)}`);
}

/** Refuses what is no tensor of numbers, and one with another number of samples. */
export function expectSamples(argument: string, value: unknown, count?: number): number {
  const expected =
    count === undefined ? 'a tensor of tfjs, whose first axis are samples' : `a tensor of ${count} samples`;
  if (!isTfjsTensor(value)) return fail('ERR_GLD_ARG_TYPE', argument, expected, describe(value));
  if (value.isDisposed) return fail('ERR_GLD_DISPOSED', argument, 'a tensor', 'a disposed one');
  if (value.dtype === 'string') return fail('ERR_GLD_DTYPE', argument, 'numbers', 'strings');
  const [samples = 0] = value.shape;
  if (samples < 1 || (count ?? samples) !== samples) {
    return fail('ERR_GLD_SHAPE', argument, expected, `one of shape ${brackets(value.shape)}`);
  }
  return samples;
}

/** Refuses class indices that are none of so many, and soft labels of others, by their places among all samples. */
export async function expectLabels(
  argument: string,
  labels: TfjsTensor,
  classes: number,
  ignoreIndex?: number,
): Promise<void> {
  const { shape } = labels;
  if (shape.length === 2 && shape[1] !== 1) {
    if (shape[1] === classes || classes === Infinity) return;
    fail('ERR_GLD_SHAPE', argument, `labels [n], [n, 1] or [n, ${classes}]`, `a tensor of shape ${brackets(shape)}`);
  }
  const isWrong = (label: number) =>
    label !== ignoreIndex && !(Number.isInteger(label) && label >= 0 && label < classes);
  await expectNone('ERR_GLD_LABEL', argument, labels, isWrong, `an integer in [0, ${classes})`);
}

/** Refuses weights that no sample can have. */
export function expectWeights(argument: string, weights: TfjsTensor): Promise<void> {
  const isWrong = (weight: number) => !(weight >= 0 && weight < Infinity);
  return expectNone('ERR_GLD_WEIGHT', argument, weights, isWrong, 'a finite number of at least 0');
}

async function expectNone(
  code: 'ERR_GLD_LABEL' | 'ERR_GLD_WEIGHT',
  argument: string,
  tensor: TfjsTensor,
  isWrong: (value: number) => boolean,
  expected: string,
): Promise<void> {
  const values = (await tensor.data()) as Float32Array;
  const place = values.findIndex(isWrong);
  if (place >= 0) fail(code, `${argument}[${place}]`, expected, String(values[place]));
}

/** Batches of tensors, in their order or in another one for every epoch. */
export function tensorBatches<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  { images, labels, weights, expectValues, begin = 0, end = images.shape[0], apart = false }: Samples<Tensor>,
  batchSize: number,
  shuffle: boolean,
): Batches<Tensor> {
  const { gather, tensor1d } = tf as Gathering<Tensor>;
  const order = Int32Array.from({ length: end - begin }, (_, i) => begin + i);
  async function* epoch() {
    if (shuffle) shuffled(order);
    for (let from = 0; from < order.length; from += batchSize) {
      const places = order.slice(from, from + batchSize);
      const kept: Tensor[] = [];
      tf.tidy(() => {
        const indices = tensor1d(places, 'int32');
        for (const tensor of [images, labels, weights]) {
          if (tensor !== undefined) kept.push(tf.keep(gather(tensor, indices)));
        }
      });
      yield {
        size: places.length,
        images: kept[0],
        labels: kept[1],
        weights: kept[2],
        indices: apart ? undefined : Array.from(places),
        dispose: () => kept.forEach((tensor) => tensor.dispose()),
      };
    }
  }
  return { steps: Math.ceil(order.length / batchSize), prepare: expectValues, epoch };
}

/** Puts numbers in a random order, each with the same probability (Fisher and Yates). */
function shuffled(numbers: Int32Array): void {
  for (let last = numbers.length - 1; last > 0; last -= 1) {
    const at = Math.floor(Math.random() * (last + 1));
    [numbers[last], numbers[at]] = [numbers[at], numbers[last]];
  }
}

/** Batches of a data set: all of them for every epoch, or so many of one that goes on from epoch to epoch. */
export function datasetBatches<Tensor extends TfjsTensor>(
  argument: string,
  dataset: unknown,
  perEpoch: number | undefined,
  shape: readonly (number | null)[] | undefined,
): Batches<Tensor> {
  if (!isDataset(dataset)) {
    return fail('ERR_GLD_ARG_TYPE', argument, 'a data set of tfjs with batches { xs, ys }', describe(dataset));
  }
  let coming: Iterator | undefined;
  const take = async () => (coming ??= await iteratorOf(argument, dataset));
  async function* epoch() {
    const iterator = await take();
    if (perEpoch === undefined) coming = undefined;
    for (let step = 0; step < (perEpoch ?? Infinity); step += 1) {
      const next: unknown = await iterator.next();
      const { value, done } = expectObject(`${argument}.iterator().next()`, next, '{ value, done }');
      if (value !== null && value !== undefined) yield batchOf<Tensor>(argument, value, shape);
      if (done) return;
    }
  }
  const { size } = dataset;
  const steps = perEpoch ?? (typeof size === 'number' && Number.isFinite(size) ? size : undefined);
  return { steps, prepare: async () => void (await take()), epoch };
}

type Iterator = Awaited<ReturnType<TfjsDataset['iterator']>>;

async function iteratorOf(argument: string, dataset: TfjsDataset): Promise<Iterator> {
  const made = await dataset.iterator();
  if (typeof (Object(made) as Partial<Iterator>).next === 'function') return made;
  return fail(
    'ERR_GLD_ARG_TYPE',
    `${argument}.iterator()`,
    'an object with next(), or a promise of one',
    describe(made),
  );
}

/** Whether it can be gone through like a data set of tfjs. */
export function isDataset(value: unknown): value is TfjsDataset {
  return typeof (Object(value) as Partial<TfjsDataset>).iterator === 'function';
}

function batchOf<Tensor extends TfjsTensor>(
  argument: string,
  value: unknown,
  shape: readonly (number | null)[] | undefined,
): Batch<Tensor> {
  const { xs, ys } = Object(value) as { xs?: unknown; ys?: unknown };
  const dispose = () => [value, xs, ys].flatMap(tensorsIn).forEach((tensor) => tensor.dispose());
  try {
    const [images, labels] = [only<Tensor>(`${argument}.xs`, xs), only<Tensor>(`${argument}.ys`, ys)];
    return {
      size: expectSamples(`${argument}.ys`, labels, expectImages(`${argument}.xs`, images, shape)),
      images,
      labels,
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The tensors in a tensor, an array of them, or an object by names. */
function tensorsIn(value: unknown): TfjsTensor[] {
  return isTfjsTensor(value) ? [value] : Object.values(Object(value) as object).filter(isTfjsTensor);
}

function only<Tensor>(argument: string, value: unknown): Tensor {
  const tensors = tensorsIn(value);
  if (tensors.length === 1) return tensors[0] as unknown as Tensor;
  return fail('ERR_GLD_ARG_TYPE', argument, 'one tensor, as it is, in an array or by its name', describe(value));
}

/** How many times each sample of a batch counts: its own weight times that of its class. */
export async function sampleWeights(
  { labels, weights, size }: Batch<TfjsTensor>,
  classWeight: DistillerTrainArgs['classWeight'],
) {
  if (weights === undefined && classWeight === undefined) return undefined;
  const all = Float32Array.from(
    weights === undefined ? Array(size).fill(1) : ((await weights.data()) as ArrayLike<number>),
  );
  if (classWeight !== undefined) weighByClass(all, (await labels.data()) as ArrayLike<number>, classWeight);
  if (all.some((weight) => weight > 0)) return all;
  const argument = classWeight === undefined ? 'sampleWeight' : 'classWeight';
  return fail('ERR_GLD_WEIGHT', argument, 'weights of which one in every batch is above 0', 'none');
}

/** Multiplies weights of samples with those of their classes. */
function weighByClass(
  weights: Float32Array,
  labels: ArrayLike<number>,
  classWeight: NonNullable<DistillerTrainArgs['classWeight']>,
): void {
  const classes = labels.length / weights.length;
  weights.forEach((weight, i) => {
    const label = classes === 1 ? labels[i] : largest(labels, i * classes, classes);
    const factor = Object.hasOwn(classWeight, label) ? classWeight[label] : undefined;
    if (factor === undefined)
      return fail('ERR_GLD_WEIGHT', 'classWeight', 'a weight for every class that occurs', `none for class ${label}`);
    weights[i] = weight * factor;
    if (weights[i] < Infinity) return;
    const expected = `a number whose product with the weight of a sample, ${weight}, is finite in float32`;
    fail('ERR_GLD_WEIGHT', `classWeight[${label}]`, expected, String(factor));
  });
}

/** The place of the first largest of so many values. */
function largest(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i += 1) if (values[from + i] > values[from + best]) best = i;
  return best;
}
