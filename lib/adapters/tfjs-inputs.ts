import { brackets, describe } from '../describe.js';
import { fail } from '../errors.js';
import { gradientNames } from '../options.js';
import type { GradientName, Inputs, Labels, MapLayout, MaskLike, SampleWeights, TensorLike } from '../types.js';
import { isTfjsTensor, type TfjsLike, type TfjsTensor } from './tfjs-types.js';

/** What maps of both kinds have in common. */
interface TfjsMap<Tensor> {
  /** Axis order of the map, also where it is a typed array. Default: channels last, as is that of tfjs. */
  readonly layout?: MapLayout | undefined;
  /** [n, ...axes of the map]: which positions count; bool where a tensor. Default: all. */
  readonly mask?: Tensor | MaskLike | undefined;
}

/** A teacher or a student. Tensors of tfjs and typed arrays with a shape may be mixed. */
export type TfjsSide<Tensor = TfjsTensor> =
  | (TfjsMap<Tensor> & {
      /** [n, W, C], [n, H, W, C] or [n, D, H, W, C], or as `layout` says. */
      readonly features: Tensor | TensorLike;
      /** The classifier's weight: [C, K], as a dense layer's kernel is, or [K, C] with `weightLayout` 'KC'. */
      readonly weight: Tensor | TensorLike;
      /** The classifier's bias [K]; none by default. */
      readonly bias?: Tensor | TensorLike | undefined;
      /** Axis order of `weight`, also where it is a typed array. Default 'CK', that of tfjs. */
      readonly weightLayout?: 'CK' | 'KC' | undefined;
    })
  | (TfjsMap<Tensor> & {
      /** A map whose channels are the logits of the classes: [n, W, K], [n, H, W, K] or [n, D, H, W, K]. */
      readonly logitMap: Tensor | TensorLike;
    })
  | {
      /** [n, 1 + L, K]: the global row first, then those of the L cells, level by level, row by row. */
      readonly logits: Tensor | TensorLike;
    };

export interface TfjsInputs<Tensor = TfjsTensor> {
  /** The constant network that is imitated: gradients do not reach it. */
  readonly teacher: TfjsSide<Tensor>;
  /** The network that is trained: gradients reach those of its parts that are tensors of tfjs. */
  readonly student: TfjsSide<Tensor>;
  /** Class indices [n], int32 where a tensor; or soft labels [n, K], of any type (`tf.oneHot` gives int32). */
  readonly labels?: Tensor | Labels | undefined;
  /** How many times each sample counts, [n]. Default: once. */
  readonly sampleWeights?: Tensor | SampleWeights | undefined;
}

type Visit = (argument: string, tensor: TfjsTensor) => unknown;


/** The student's parts that are tensors of tfjs. */
export function studentTensors(student: unknown): Map<GradientName, TfjsTensor> {
  const parts = Object(student) as Record<string, unknown>;
  return new Map(gradientNames.flatMap((name) => (isTfjsTensor(parts[name]) ? [[name, parts[name]] as const] : [])));
}

/** The inputs as the core takes them, read at once. */
export function readSync(tf: Pick<TfjsLike, 'getBackend'>, inputs: TfjsInputs): Inputs {
  return toCore(inputs, (argument, tensor) => {
    try {
      return tensor.dataSync();
    } catch (error) {
      const received = `one of the backend '${tf.getBackend()}' (${error instanceof Error ? error.message : error})`;
      fail('ERR_GLD_ADAPTER', argument, 'a tensor with synchronous data; surrogate() takes any other', received);
    }
  });
}

/** The same for backends that hand out their data later. Every read has begun when this returns. */
export async function read(inputs: TfjsInputs): Promise<Inputs> {
  const reads = new Map<TfjsTensor, Promise<object>>();
  replaceTensors(inputs, (_, tensor) => reads.set(tensor, tensor.data()));
  const values = new Map(await Promise.all([...reads].map(async ([tensor, data]) => [tensor, await data] as const)));
  return toCore(inputs, (_, tensor) => values.get(tensor));
}

function toCore(inputs: TfjsInputs, valuesOf: Visit): Inputs {
  return replaceTensors(inputs, (argument, tensor) => {
    const { shape, dtype } = tensor;
    const data = valuesOf(argument, tensor);
    const floats = (argument === 'labels' && shape.length === 2) || argument === 'sampleWeights';
    if (floats && dtype !== 'float32') return { data: Float32Array.from(data as ArrayLike<number>), shape };
    return { data, shape, dtype };
  }) as Inputs;
}

/** The inputs with every tensor of tfjs replaced and tfjs's axis orders filled in; the rest is the core's to judge. */
function replaceTensors(inputs: TfjsInputs, replacement: Visit): object {
  const what = '{ teacher, student, labels?, sampleWeights? }';
  if (!isRecord(inputs)) fail('ERR_GLD_ARG_TYPE', 'inputs', what, describe(inputs));
  return {
    ...inputs,
    teacher: replaceInSide('teacher', inputs.teacher, replacement),
    student: replaceInSide('student', inputs.student, replacement),
    labels: replace('labels', inputs.labels, replacement),
    sampleWeights: replace('sampleWeights', inputs.sampleWeights, replacement),
  };
}

/** One side of the inputs with every tensor of tfjs replaced and tfjs's axis orders filled in. */
export function replaceInSide(path: string, side: unknown, replacement: Visit): unknown {
  const what = '{ features, weight, bias? }, { logitMap } or { logits }';
  if (!isRecord(side)) fail('ERR_GLD_ARG_TYPE', path, what, describe(side));
  const replaced = Object.fromEntries(
    Object.entries(side).map(([name, value]) => [name, replace(`${path}.${name}`, value, replacement)]),
  );
  if (side['logits'] !== undefined) return replaced;
  const { layout = channelsLast(side['features'] ?? side['logitMap']), weightLayout = 'CK' } = replaced;
  return side['logitMap'] !== undefined ? { ...replaced, layout } : { ...replaced, layout, weightLayout };
}

/** tfjs's layout of a map of that rank; undefined for what is none. */
function channelsLast(map: unknown): MapLayout | undefined {
  const { shape, dims } = Object(map) as Record<string, { readonly length?: number } | undefined>;
  return ({ 3: 'NWC', 4: 'NHWC', 5: 'NDHWC' } as const)[(shape ?? dims)?.length as 3 | 4 | 5];
}

function replace(argument: string, value: unknown, replacement: Visit): unknown {
  if (!isTfjsTensor(value)) {
    if (!isRecord(value) || typeof value['read'] !== 'function') return value;
    fail('ERR_GLD_ADAPTER', argument, "a tensor, which a layer's variable gives by read()", 'the variable itself');
  }
  if (value.isDisposed) {
    fail('ERR_GLD_DISPOSED', argument, 'a tensor', `a disposed one of shape ${brackets(value.shape)}`);
  }
  return replacement(argument, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isTfjsTensor(value);
}
