import { brackets } from '../describe.js';
import { fail } from '../errors.js';
import type { ClassWeights, Inputs, Labels, MapLayout, MaskLike, SampleWeights, TensorLike } from '../types.js';
import { Found, replaceInSide, sideNames } from './inputs.js';
import { isLayerVariable, isTfjsTensor, type TfjsLike, type TfjsTensor } from './tfjs-types.js';

/** What maps of both kinds have in common. */
interface TfjsMap<Tensor> {
  /** Axis order of the map, also where it is a typed array. @default channels last, as is that of tfjs */
  readonly layout?: MapLayout | undefined;
  /** [n, ...axes of the map]: which positions count; bool where a tensor. @default all */
  readonly mask?: Tensor | MaskLike | undefined;
}

/** A teacher or a student. Tensors of tfjs and typed arrays with a shape may be mixed. */
export type TfjsSide<Tensor = TfjsTensor> =
  | (TfjsMap<Tensor> & {
      /** [n, W, C], [n, H, W, C] or [n, D, H, W, C], or as `layout` says. */
      readonly features: Tensor | TensorLike;
      /** The classifier's weight: [C, K], as a dense layer's kernel is, or [K, C] with `weightLayout` 'KC'. */
      readonly weight: Tensor | TensorLike;
      /** The classifier's bias [K]. @default none */
      readonly bias?: Tensor | TensorLike | undefined;
      /** Axis order of `weight`, also where it is a typed array. @default 'CK', that of tfjs */
      readonly weightLayout?: 'CK' | 'KC' | undefined;
    })
  | (TfjsMap<Tensor> & {
      /** A map whose channels are the logits of the classes: [n, W, K], [n, H, W, K] or [n, D, H, W, K]. */
      readonly logitMap: Tensor | TensorLike;
    })
  | {
      /** [n, 1 + L, K]: the global row first, then those of the L cells, level by level, row by row; [n, K] without cells. */
      readonly logits: Tensor | TensorLike;
    };

/** {@link Inputs}, with tensors of tfjs wherever the core takes one. */
export interface TfjsInputs<Tensor = TfjsTensor> {
  /** The constant network that is imitated: gradients do not reach it. */
  readonly teacher: TfjsSide<Tensor>;
  /** The network that is trained: gradients reach those of its parts that are tensors of tfjs. */
  readonly student: TfjsSide<Tensor>;
  /** Class indices [n] or [n, 1], or soft labels [n, K], of any type of numbers (`tf.oneHot` gives int32, `tf.tensor1d` float32). */
  readonly labels?: Tensor | Labels | undefined;
  /** How many times each sample counts, [n] or [n, 1]. @default once */
  readonly sampleWeights?: Tensor | SampleWeights | undefined;
  /** How much each class counts in the task term, [K]. @default 1 */
  readonly classWeights?: Tensor | ClassWeights | undefined;
}

/** The tensors of tfjs among the inputs. */
export function find(inputs: TfjsInputs): Found<TfjsTensor> {
  return new Found(inputs, isTensor);
}

/** The inputs as the core takes them, read at once. */
export function readSync(tf: Pick<TfjsLike, 'getBackend'>, found: Found<TfjsTensor>): Inputs {
  return withAxisOrders(
    found.read((tensor, argument) => {
      try {
        return toCore(tensor, argument, tensor.dataSync());
      } catch (error) {
        const received = `one of the backend '${tf.getBackend()}' (${error instanceof Error ? error.message : error})`;
        fail('ERR_GLD_ADAPTER', argument, 'a tensor with synchronous data; surrogate() takes any other', received);
      }
    }),
  );
}

/** The same for backends that hand out their data later. Every read has begun when this returns. */
export async function read(found: Found<TfjsTensor>): Promise<Inputs> {
  return withAxisOrders(
    await found.readLater(async (tensor, argument) => toCore(tensor, argument, await tensor.data())),
  );
}

function toCore({ shape, dtype }: TfjsTensor, argument: string, data: object): object {
  const soft = argument === 'labels' && shape.length === 2 && shape[1] !== 1;
  const floats = soft || argument === 'sampleWeights' || argument === 'classWeights';
  const wanted = floats ? 'float32' : dtype;
  // A cast on the cpu backend changes the type alone, and not the array.
  const Kind: Float32ArrayConstructor | undefined = arrays[wanted as 'float32'];
  const fits = Kind === undefined || data instanceof Kind;
  return { data: fits ? data : Kind.from(data as ArrayLike<number>), shape, dtype: wanted };
}

const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

/** The inputs with tfjs's axis orders filled in. */
function withAxisOrders(inputs: Inputs): Inputs {
  const filled = Object.entries(inputs).map(([name, value]) => [
    name,
    sideNames.includes(name) ? fillIn(value) : value,
  ]);
  return Object.fromEntries(filled) as Inputs;
}

function fillIn<Side extends object>(side: Side): Side {
  const {
    features,
    logitMap,
    logits,
    layout = channelsLast(features ?? logitMap),
    weightLayout = 'CK',
  } = Object(side) as Record<string, unknown>;
  if (logits !== undefined || side === undefined) return side;
  return logitMap !== undefined ? { ...side, layout } : { ...side, layout, weightLayout };
}

/** tfjs's layout of a map of that rank; undefined for what is none. */
function channelsLast(map: unknown): MapLayout | undefined {
  const { shape, dims } = Object(map) as Record<string, { readonly length?: number } | undefined>;
  return ({ 3: 'NWC', 4: 'NHWC', 5: 'NDHWC' } as const)[(shape ?? dims)?.length as 3 | 4 | 5];
}

/** The student's side with copies of its tensors, which `copy` makes. */
export function copyStudent<Side>(side: Side, copy: (tensor: TfjsTensor) => TfjsTensor): Side {
  return replaceInSide('student', side, isTensor, (_, tensor) => copy(tensor)) as Side;
}

/** Whether a value is a tensor of tfjs; a disposed one, and a variable in a tensor's place, are refused. */
export function isTensor(argument: string, value: unknown): value is TfjsTensor {
  if (!isTfjsTensor(value)) {
    if (!isLayerVariable(value)) return false;
    fail('ERR_GLD_ADAPTER', argument, "a tensor, which a layer's variable gives by read()", 'the variable itself');
  }
  if (value.isDisposed) {
    fail('ERR_GLD_DISPOSED', argument, 'a tensor', `a disposed one of shape ${brackets(value.shape)}`);
  }
  return true;
}
