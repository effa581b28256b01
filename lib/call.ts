import { addon } from './binding.js';
import { CallArrays } from './call-arrays.js';
import type { CallTurns } from './call-turns.js';
import type { CudaTensor } from './cuda-tensor.js';
import { versionError } from './diagnosis.js';
import type { ElementType } from './elements.js';
import type { EngineCall, Memory, Place, Stream, Submission } from './engine.js';
import { cpu } from './engines/native.js';
import type { GldError } from './errors.js';
import { holdMemory, unholdMemory } from './held-memory.js';
import { reasonOf, throwIfAborted } from './signal.js';
import { View } from './tensor.js';
import type { AbortSignalLike } from './types.js';

const native = addon();

/**
 * One call in the addon's terms: the numbers of the descriptor, the buffers by role, the result. Where each name lies
 * is looked up in the addon's own lists once, at load; a list that lacks a name is an error there and then.
 */
const field = positions('fields', native.fields, [
  'n',
  'classes',
  'rows',
  'levels',
  ...gridFields(),
  'teacherChannels',
  'teacherDepth',
  'teacherHeight',
  'teacherWidth',
  'studentChannels',
  'studentDepth',
  'studentHeight',
  'studentWidth',
  'compute',
  'alpha',
  'beta',
  'localWeight',
  'normalization',
  'unbiased',
  'temperature',
  'method',
  'metric',
  'precision',
  'unlabelled',
  'labelSmoothing',
  'relationRows',
  'threads',
  'device',
  'present',
]);

const role = positions('roles', native.roles, [
  'teacher.features',
  'teacher.mask',
  'teacher.weight',
  'teacher.bias',
  'teacher.logits',
  'student.features',
  'student.mask',
  'student.weight',
  'student.bias',
  'student.logits',
  'labels',
  'softLabels',
  'weights',
  'pooled',
  'upstream',
  'out.features',
  'out.weight',
  'out.bias',
  'out.logits',
  'out.pooled',
]);

const roleField = positions('roleFields', native.roleFields, [
  'dtype',
  'offset',
  'stride0',
  'stride1',
  'stride2',
  'stride3',
  'stride4',
]);

const stages = positions('stages', native.stages, [
  'pool',
  'classifier',
  'cross_entropy',
  'normalized_kd',
  'relation',
  'gld',
]);

export type Field = keyof typeof field;
export type Role = keyof typeof role;
export type Stage = keyof typeof stages;

const dtypes: Readonly<Partial<Record<ElementType, number>>> = {
  float32: 0,
  float64: 1,
  float16: 2,
  bfloat16: 3,
  int32: 4,
  uint8: 5,
  bool: 5,
};

const strideFields = [
  roleField.stride0,
  roleField.stride1,
  roleField.stride2,
  roleField.stride3,
  roleField.stride4,
] as const;
const numberCount = native.fields.length + native.roles.length * native.roleFields.length;

/** The axes of a role of which a view may lack some: how many there are, and of how many the first ones are always there. */
interface Axes {
  readonly all: number;
  readonly first: number;
}

/** [n, C, depth, height, width]. */
const ofMap: Axes = { all: 5, first: 2 };
/** [n, depth, height, width]. */
const ofMask: Axes = { all: 4, first: 1 };
/** [n, R, K]. */
const ofRows: Axes = { all: 3, first: 1 };

const axesOf: Readonly<Partial<Record<Role, Axes>>> = {
  'teacher.features': ofMap,
  'student.features': ofMap,
  'out.features': ofMap,
  'teacher.mask': ofMask,
  'student.mask': ofMask,
  'teacher.logits': ofRows,
  'student.logits': ofRows,
  'out.logits': ofRows,
  pooled: ofRows,
  upstream: ofRows,
  'out.pooled': ofRows,
};

/**
 * A tensor of a call under its role, its axes in the role's order. The one to three axes of a map are the last of depth,
 * height and width; rows of numbers may be [n, K], one row for each sample, as well as [n, R, K].
 */
export class RoleView extends View {
  readonly isOutput: boolean;
  readonly #axes: Axes | undefined;

  constructor(readonly role: Role) {
    super();
    this.isOutput = role.startsWith('out.');
    this.#axes = axesOf[role];
  }

  /** Which of the role's axes is the view's axis of that number. */
  roleAxis(axis: number): number {
    const axes = this.#axes;
    return axes === undefined || axis < axes.first ? axis : axis + axes.all - this.shape.length;
  }
}

/** Lends streams to calls. That of a call which waits for its turn is taken when that has come. */
export interface StreamLender {
  take(place: Place): Stream;
  giveBack(stream: Stream): void;
}

/** For calls that keep no memory. */
export const sharedStreams: StreamLender = { take: ({ shared }) => shared, giveBack: () => undefined };

/** The arguments of one native call, built up by name. One that was cleared serves for another call. */
export class Call implements EngineCall {
  /** [loss, task, global, local, relation, method: 1 pairwise, 2 moments]. */
  readonly result = new Float64Array(6);
  /** One per role, in the addon's order; those with data take part. */
  readonly views: readonly RoleView[] = native.roles.map((name) => new RoleView(name as Role));
  /** Where the call is computed. */
  place: Place = cpu;
  /** Why no GPU can; no argument: one can. */
  readonly hostNeed = { argument: '', expected: '', received: '' };
  readonly numbers = new Float64Array(numberCount);
  readonly buffers = new Array<Memory | null>(native.roles.length).fill(null);
  /** Arrays that the caller has no part in, lent until the call is cleared. */
  readonly arrays = new CallArrays();
  #labels = new Int32Array(0);
  #weights = new Float64Array(0);
  /** Outputs on a GPU that were made for this call, while nobody else has them. */
  readonly #made: CudaTensor[] = [];

  view(name: Role): RoleView {
    return this.views[role[name]];
  }

  set(name: Field, value: number): void {
    this.numbers[field[name]] = value;
  }

  /** The weights of the terms: alpha, beta, localWeight. */
  setWeights(weights: Float64Array): void {
    const numbers = this.numbers;
    numbers[field.alpha] = weights[0];
    numbers[field.beta] = weights[1];
    numbers[field.localWeight] = weights[2];
  }

  /** One level of the pyramid of grids: its cells over each axis. */
  setLevel(level: number, depth: number, height: number, width: number): void {
    const at = field.grid0Depth + level * mapAxes;
    this.numbers[at] = depth;
    this.numbers[at + 1] = height;
    this.numbers[at + 2] = width;
  }

  /** Notes that only the CPU does this; of several the first counts. Texts as errors have them. */
  needHost(argument: string, expected: string, received: string): void {
    const { hostNeed } = this;
    if (hostNeed.argument !== '') return;
    hostNeed.argument = argument;
    hostNeed.expected = expected;
    hostNeed.received = received;
  }

  /** Memory for n labels, kept between calls. */
  labels(n: number): Int32Array {
    if (this.#labels.length !== n) this.#labels = new Int32Array(n);
    return this.#labels;
  }

  /** Memory for that many weights, kept between calls. */
  weights(count: number): Float64Array {
    if (this.#weights.length !== count) this.#weights = new Float64Array(count);
    return this.#weights;
  }

  /** Notes an output on a GPU that was made for this call: it goes if the call fails. */
  made(tensor: CudaTensor): CudaTensor {
    this.#made.push(tensor);
    return tensor;
  }

  /** Computes, and returns when done. */
  run(stage: Stage, stream: Stream = this.place.shared): void {
    this.#bind();
    try {
      stream.run(this, stages[stage]);
    } catch (error) {
      throw this.#inCallersTerms(error as GldError);
    }
    this.delivered();
  }

  /**
   * Computes off this thread. What is in CPU memory may change or go as soon as this returns. The promise always settles:
   * with the call's outcome, or with the signal's reason at once if the call had not begun, else as soon as the work has
   * stopped.
   */
  async start(stage: Stage, streams: StreamLender, signal: AbortSignalLike | undefined): Promise<void> {
    const { turns, readsLate } = this.place;
    if (readsLate) this.#copyInputs();
    if (!turns.take()) await this.#wait(turns, signal);
    try {
      throwIfAborted(signal);
      await this.#submit(stage, streams, signal);
    } finally {
      turns.leave();
    }
  }

  /** Forgets everything, so that the call can be built anew and holds on to no buffer of the caller's meanwhile. */
  clear(): void {
    for (const view of this.views) view.data = null;
    this.place = cpu;
    this.hostNeed.argument = '';
    this.numbers.fill(0);
    this.buffers.fill(null);
    this.arrays.clear();
    if (this.#made.length > 0) this.#made.splice(0).forEach((tensor) => tensor.dispose());
  }

  /** From now on, the caller has the outputs. */
  delivered(): void {
    if (this.#made.length > 0) this.#made.length = 0;
  }

  /** Waits for the call's turn, and keeps what lies at its place until then, also if it is disposed of meanwhile. */
  async #wait(turns: CallTurns, signal: AbortSignalLike | undefined): Promise<void> {
    this.#copyInputs();
    const held: Memory[] = [];
    for (const { data, place } of this.views) {
      if (data !== null && place !== undefined) held.push(data);
    }
    held.forEach(holdMemory);
    try {
      await turns.wait(signal);
    } finally {
      held.forEach(unholdMemory);
    }
  }

  /** Puts the inputs into memory of our own, for work that goes on after the caller got control back. */
  #copyInputs(): void {
    for (const view of this.views) if (!view.isOutput) view.copyTo(this.arrays);
  }

  async #submit(stage: Stage, streams: StreamLender, signal: AbortSignalLike | undefined): Promise<void> {
    const stream = streams.take(this.place);
    try {
      await this.#finish(stage, stream, signal);
    } finally {
      streams.giveBack(stream);
    }
  }

  #finish(stage: Stage, stream: Stream, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let submission: Submission | undefined;
      let aborted = false;
      const abort = (): void => {
        aborted = true;
        if (submission?.cancel()) reject(reasonOf(signal));
      };
      // A signal is the caller's and may throw anywhere: before the work begins, or into the promise.
      const done = (error: Error | null): void => {
        try {
          signal?.removeEventListener('abort', abort);
          if (aborted || signal?.aborted) reject(reasonOf(signal));
          else if (error) reject(error);
          else resolve();
        } catch (thrown) {
          reject(thrown as Error);
        }
      };
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.#bind();
        submission = stream.submit(this, stages[stage], done);
      } catch (error) {
        signal?.removeEventListener('abort', abort);
        throw this.#inCallersTerms(error as GldError);
      }
    });
  }

  /** The addon knows tensors by their roles; the caller by the names of arguments. */
  #inCallersTerms(error: GldError): GldError {
    const { argument } = error;
    const view = this.views.find(({ role, data }) => role === argument && data !== null);
    if (!view?.argument || view.argument === argument) return error;
    error.message = view.argument + error.message.slice(argument.length);
    return Object.assign(error, { argument: view.argument });
  }

  /**
   * Hands over all that the call reads and writes, says what that is, and computes in float64 if an input is, weights aside.
   */
  #bind(): void {
    const numbers = this.numbers;
    let compute = 0;
    let present = 0;
    for (let index = 0; index < this.views.length; index += 1) {
      const view = this.views[index];
      const { data, dtype, offset, strides, isOutput } = view;
      this.buffers[index] = data;
      if (data === null) continue;
      const at = native.fields.length + index * native.roleFields.length;
      numbers[at + roleField.dtype] = dtypes[dtype] ?? Number.NaN;
      numbers[at + roleField.offset] = offset;
      for (let axis = 0; axis < strides.length; axis += 1)
        numbers[at + strideFields[view.roleAxis(axis)]] = strides[axis];
      if (dtype === 'float64' && !isOutput && view.role !== 'weights') compute = 1;
      present |= 1 << index;
    }
    this.set('compute', compute);
    this.set('device', this.place.number);
    this.set('present', present);
  }
}

let spare: Call | undefined;

/** Lends a call to work on this thread. The caller's getters, which the work may run, may call for another meanwhile. */
export function withCall<T>(work: (call: Call) => T): T {
  const call = spare ?? new Call();
  spare = undefined;
  try {
    return work(call);
  } finally {
    call.clear();
    spare = call;
  }
}

/** Levels that a pyramid of grids has at most, and axes of a map. */
export const maxLevels = 8;
const mapAxes = 3;

/** The names of the cells of each level, which the addon keeps in this order too. */
function gridFields() {
  const levels = ['0', '1', '2', '3', '4', '5', '6', '7'] as const;
  return levels.flatMap((level) => [`grid${level}Depth`, `grid${level}Height`, `grid${level}Width`] as const);
}

/** The relation method that a result names. */
export function methodOf(result: Float64Array): 'pairwise' | 'moments' {
  return result[5] === 2 ? 'moments' : 'pairwise';
}

function positions<const N extends string>(
  what: string,
  list: readonly string[],
  names: readonly N[],
): Record<N, number> {
  const missing = names.filter((name) => !list.includes(name));
  if (missing.length > 0 || list.length !== names.length) {
    const detail = missing.length > 0 ? `lacks ${missing.join(', ')}` : 'has names that this package does not know';
    throw versionError(`its list of ${what} ${detail}`);
  }
  return Object.fromEntries(names.map((name) => [name, list.indexOf(name)])) as Record<N, number>;
}
