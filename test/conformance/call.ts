/** One call of the whole loss on a target, in any of the ways in which it can be made, with its errors. */
import {
  GldLoss,
  gldLoss,
  gldLossAsync,
  type AnyBuffer,
  type AnyGradient,
  type AnyInputs,
  type DType,
  type GldOptions,
  type GldResult,
  type GradientDtype,
} from 'gld-loss';
import { gld } from '../reference/gld.js';
import type * as reference from '../reference/types.js';
import { boundOf } from '../support/check.js';
import { arrayError, largest, lossError, relationError } from '../support/compare.js';
import type { TensorName } from '../support/problems.js';
import { fromBfloat16, fromFloat16 } from '../support/half.js';
import { encodeInputs, type Placement } from '../support/tensors.js';
import { present } from '../../tools/present.js';
import type { Precision } from './record.js';
import { holdOnHost, type Elements, type Held, type Memory, type Target } from './target.js';
import { storageError } from './limits.js';

export type Ways = 'sync' | 'async' | 'object' | 'object async';
/** Of the library, for all kinds of memory. */
type Options = GldOptions<AnyBuffer, GradientDtype>;

export type GradientName = TensorName;
const gradientNames = ['features', 'weight', 'bias', 'logits', 'logitMap'] as const;

export interface Setting {
  inputs: reference.Inputs;
  options?: reference.Options & Pick<GldOptions, 'relation' | 'threads'>;
  dtype?: { teacher: DType; student: DType };
  placement?: Placement;
  memory?: { teacher: Memory; student: Memory; labels: Memory };
  precision?: Precision;
  gradientDtype?: 'float32' | 'student';
  gradients?: boolean | readonly GradientName[];
  out?: Memory | 'none';
  way?: Ways;
}

/** A tensor in CPU memory as `encode` makes it, or labels, which have no type of their own. */
interface Placed {
  data: Elements;
  shape: number[];
  dtype?: DType;
  strides?: number[];
  offset?: number;
}

/** Masks are no such tensors, nor are lists of weights. */
function isPlaced(value: unknown): value is Placed {
  if (typeof value !== 'object' || value === null || !('data' in value) || !('shape' in value)) return false;
  return !(value.data instanceof Uint8Array);
}

const samplesOf = ({ labels = [] }: reference.Inputs) => ('data' in labels ? labels.shape[0] : labels.length);

/** The inputs in watched memory, and what the reference is to be given. */
export class Prepared {
  readonly given: AnyInputs;
  readonly exact: reference.Inputs;
  private readonly held: { name: string; memory: Held; before: Elements }[] = [];

  constructor(
    private readonly target: Target,
    setting: Setting,
  ) {
    const { inputs, dtype = { teacher: 'float32', student: 'float32' }, placement = 'dense' } = setting;
    const { memory = { teacher: 'host', student: 'host', labels: 'host' } } = setting;
    const { given, exact } = encodeInputs(inputs, dtype, placement);
    const side = (name: 'teacher' | 'student') => this.holdAll(given[name], `${name}.`, memory[name]);
    // Labels in a list of their own become a tensor: where that lies is to be watched, too.
    const listed = exact.labels !== undefined && !('data' in exact.labels);
    const labels = listed
      ? { data: Int32Array.from(exact.labels as ArrayLike<number>), shape: [samplesOf(exact)] }
      : given.labels;
    const others = { ...given, ...(labels && { labels }), teacher: side('teacher'), student: side('student') };
    this.given = this.holdAll(others, '', memory.labels) as AnyInputs;
    this.exact = exact;
  }

  /** The object with each tensor of it in watched memory. */
  private holdAll(of: object, path: string, where: Memory): object {
    const held = Object.entries(of).map(([name, value]) => [
      name,
      isPlaced(value) ? this.hold(path + name, value, where) : value,
    ]);
    return Object.fromEntries(held);
  }

  private hold(name: string, { data, ...place }: Placed, where: Memory): object {
    const dtype = place.dtype ?? 'int32';
    const memory = (where === 'device' ? this.target.hold : holdOnHost)(data, { ...place, dtype });
    this.held.push({ name, memory, before: data.slice() });
    return memory.tensor;
  }

  /** What the calls did to memory that was none of theirs to write. */
  damages(): string[] {
    return this.held.flatMap(({ name, memory, before }) => {
      const found = memory.damage();
      const now = memory.read();
      const bytes = (array: Elements) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
      return [
        ...(found ? [`${name}: ${found}`] : []),
        ...(bytes(now).equals(bytes(before)) ? [] : [`${name} was changed`]),
      ];
    });
  }

  dispose(): void {
    for (const { memory } of this.held.splice(0)) memory.dispose();
  }
}

/** The elements of a tensor, wherever it lies. */
export function numbersOf(tensor: object): Elements {
  return (('toHost' in tensor ? (tensor as { toHost(): object }).toHost() : tensor) as { data: Elements }).data;
}

/** A gradient as float64 numbers, wherever it lies and whatever its element type. */
function decode(gradient: { dtype: string }): { values: ArrayLike<number>; dtype: string } {
  return { values: widen(numbersOf(gradient), gradient.dtype), dtype: gradient.dtype };
}

function widen(data: Elements, dtype: string): ArrayLike<number> {
  if (dtype === 'float16') return Float64Array.from(data, fromFloat16);
  return dtype === 'bfloat16' ? Float64Array.from(data, fromBfloat16) : data;
}

export interface Answer {
  result: GldResult<AnyGradient>;
  gradients: { [name: string]: { values: ArrayLike<number>; dtype: string } };
  /** Of margins and inputs. */
  damages: string[];
}

const arrays = { float32: Float32Array, float64: Float64Array, float16: Uint16Array, bfloat16: Uint16Array };

/** Buffers for the gradients, with margins, filled with what no result is. */
function lend(target: Target, setting: Setting): { [name: string]: { memory: Held; dtype: string } } {
  const {
    inputs: { student },
    out = 'none',
    gradients = true,
    dtype,
    gradientDtype = 'float32',
  } = setting;
  if (out === 'none' || gradients === false) return {};
  const own = dtype?.student ?? 'float32';
  const type = (own === 'float64' || gradientDtype === 'student' ? own : 'float32') as keyof typeof arrays;
  const tensors = student as unknown as Record<string, reference.Dense | undefined>;
  const wanted = (gradients === true ? gradientNames : gradients).filter((name) => tensors[name]);
  return Object.fromEntries(
    wanted.map((name) => {
      const { shape } = present(tensors[name]);
      const elements = new arrays[type](shape.reduce((a, b) => a * b, 1)).fill(
        type === 'float32' ? Number.NaN : 0xffff,
      );
      const place = { shape, dtype: type };
      return [
        name,
        { memory: out === 'device' ? target.hold(elements, place) : holdOnHost(elements, place), dtype: type },
      ];
    }),
  );
}

/** Of an out buffer in CPU memory the library wants the array alone. */
const lent = ({ memory: { tensor } }: { memory: Held }): unknown => ('data' in tensor ? tensor.data : tensor);

export async function call(target: Target, prepared: Prepared, setting: Setting): Promise<Answer> {
  const { options = {}, precision = 'float32', gradientDtype, gradients = true, way = 'sync' } = setting;
  const settings: Options = {
    ...options,
    gradients,
    device: target.device,
    ...(precision !== 'float32' && { precision }),
    ...(gradientDtype === 'student' && { gradientDtype }),
  };
  const buffers = lend(target, setting);
  const out = Object.fromEntries(
    Object.entries(buffers).map(([name, buffer]) => [name, lent(buffer)]),
  ) as Options['out'];
  const lending = Object.keys(buffers).length > 0 ? { out } : {};
  try {
    const result = await run(way, prepared.given, settings, lending);
    const entries = Object.entries(result.gradients ?? {}) as [string, { dtype: string }][];
    const answers = entries.map(([name, gradient]) => {
      const buffer = buffers[name];
      // What was lent is read through its margins; a gradient of the library's own, as it is.
      return [
        name,
        buffer ? { values: widen(buffer.memory.read().slice(), buffer.dtype), dtype: buffer.dtype } : decode(gradient),
      ];
    });
    const damages = Object.entries(buffers).flatMap(([name, { memory }]) => {
      const found = memory.damage();
      return found ? [`out.${name}: ${found}`] : [];
    });
    for (const [name, gradient] of entries) if (!(name in buffers)) release(gradient);
    return { result, gradients: Object.fromEntries(answers) as Answer['gradients'], damages };
  } finally {
    for (const { memory } of Object.values(buffers)) memory.dispose();
  }
}

/** Gradients that the library put on the device are ours to free. */
export function release(gradient: object): void {
  if ('dispose' in gradient) (gradient as { dispose(): void }).dispose();
}

async function run(
  way: Ways,
  inputs: AnyInputs,
  settings: Options,
  lending: Pick<Options, 'out'>,
): Promise<GldResult<AnyGradient>> {
  switch (way) {
    case 'sync':
      return gldLoss(inputs, { ...settings, ...lending });
    case 'async':
      return gldLossAsync(inputs, { ...settings, ...lending });
    case 'object':
    case 'object async': {
      const loss = new GldLoss(settings);
      try {
        // A second call of a shape captures its work, from the third on it is replayed.
        const again = () => (way === 'object' ? loss.compute(inputs, lending) : loss.computeAsync(inputs, lending));
        for (let before = 0; before < 2; before++) {
          const { gradients = {} } = await again();
          if (lending.out === undefined) Object.values(gradients).forEach(release);
        }
        return await again();
      } finally {
        loss.dispose();
      }
    }
  }
}

/** What the engine computes in: a single float64 tensor is enough for float64. */
export const computedIn = (dtype: Setting['dtype']): 'float32' | 'float64' =>
  dtype?.teacher === 'float64' || dtype?.student === 'float64' ? 'float64' : 'float32';

export interface CallErrors {
  loss: number;
  relation: number;
  gradient: number;
  /** What to allow beyond the limit of the gradient, for the type it is stored in. */
  storage: number;
}

const termNames = ['task', 'global', 'local', 'relation'] as const;

export function errorsOf(
  { result, gradients }: Answer,
  expected: reference.Result,
  bound: number,
  { gradients: wanted, dtype }: Setting,
): CallErrors {
  const computed = computedIn(dtype);
  const { terms, gradients: dStudent } = expected;
  const asked = gradientNames.filter(
    (name) =>
      dStudent[name] !== undefined &&
      wanted !== false &&
      (wanted === undefined || wanted === true || wanted.includes(name)),
  );
  // A bias' gradient to which only the relation term adds is a sum that cancels: judged on the scale of the weight's.
  const [dWeight, dBias] = [dStudent.weight, dStudent.bias].map((tensor) => largest(tensor?.data ?? []));
  const scaleOf = (name: string) => (name === 'bias' && dBias < 1e-9 * dWeight ? dWeight : 0);
  const unasked = Object.keys(gradients).some((name) => !(asked as string[]).includes(name));
  let gradient = unasked ? Infinity : 0;
  let storage = 0;
  for (const name of asked) {
    const data = present(dStudent[name]).data;
    gradient = Math.max(gradient, arrayError(gradients[name]?.values ?? [], data, scaleOf(name)));
    storage = Math.max(storage, storageError(gradients[name]?.dtype ?? '', computed, largest(data)));
  }
  return {
    loss: Math.max(
      lossError(result.loss, expected.loss),
      ...termNames.map((name) => lossError(result.terms[name], terms[name])),
    ),
    relation: relationError(result.terms.relation, terms.relation, bound),
    gradient,
    storage,
  };
}

/** What the reference says of inputs, once for all calls that it does not tell apart: by either method, on any threads. */
const known = new WeakMap<reference.Inputs, Map<string, reference.Result>>();

function expectedOf({ inputs, options = {}, dtype }: Setting, exact: reference.Inputs): reference.Result {
  const { threads: _, relation: { metric, reduction } = {}, ...others } = options;
  const read = { ...others, relation: { metric, reduction } } as reference.Options;
  const all = known.get(inputs) ?? new Map<string, reference.Result>();
  known.set(inputs, all);
  const key = JSON.stringify([read, dtype]);
  const expected = all.get(key) ?? gld(exact, read);
  all.set(key, expected);
  return expected;
}

/** Calls once and compares with the reference. */
export async function compare(
  target: Target,
  setting: Setting,
): Promise<CallErrors & { answer: Answer; expected: reference.Result }> {
  const prepared = new Prepared(target, setting);
  try {
    const answer = await call(target, prepared, setting);
    answer.damages.push(...prepared.damages());
    const expected = expectedOf(setting, prepared.exact);
    return { ...errorsOf(answer, expected, boundOf(expected, setting.options), setting), answer, expected };
  } finally {
    prepared.dispose();
  }
}
