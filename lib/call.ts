import { CallArrays } from './call-arrays.js';
import type { CudaTensor } from './cuda-tensor.js';
import type { ElementType } from './elements.js';
import type { EngineCall, Memory, Place, Refusal, Stream, Submission } from './engine.js';
import { cpu } from './engines/native.js';
import type { GldError } from './errors.js';
import { holdMemory, unholdMemory } from './held-memory.js';
import {
  limits,
  numberCount,
  numbers as field,
  resultCount,
  results,
  viewNumberCount,
  viewNumbers,
  views,
  words,
} from './schema.js';
import { reasonOf, throwIfAborted } from './signal.js';
import { View } from './tensor.js';
import type { AbortSignalLike, RelationMethod } from './types.js';

export type Field = keyof typeof field;
export type Role = (typeof views)[number]['role'];
export type Stage = (typeof words.stage)[number];
/** Inputs that weigh others, in float64 or not: they say nothing of what a call computes in. */
export type WeightsRole = Extract<Role, 'weights' | 'classWeights'>;

/** The position of each name in a list. */
function positionsIn<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, position) => [name, position])) as Record<Name, number>;
}

const roles = positionsIn(views.map(({ role }) => role));
const stages = positionsIn(words.stage);
const dtypes: Readonly<Partial<Record<ElementType, number>>> = {
  ...positionsIn(words.dtype),
  bool: words.dtype.indexOf('uint8'),
};

/**
 * A tensor of a call under its role, its axes in the role's order. The one to three axes of a map are the last of depth,
 * height and width; rows of numbers may be [n, K], one row for each sample, as well as [n, R, K].
 */
export class RoleView extends View {
  readonly role: Role;
  readonly isOutput: boolean;
  readonly #axes: number;
  readonly #leading: number;

  constructor({ role, isOutput, axes, leading }: (typeof views)[number]) {
    super();
    this.role = role;
    this.isOutput = isOutput;
    this.#axes = axes;
    this.#leading = leading;
  }

  /** Which of the role's axes is the view's axis of that number. */
  roleAxis(axis: number): number {
    return axis < this.#leading ? axis : axis + this.#axes - this.shape.length;
  }
}

/** Lends streams to calls. That of a call which waits for its turn is taken when that has come. */
export interface StreamLender {
  take(place: Place): Stream;
  giveBack(stream: Stream): void;
}

/** For calls that keep no memory. */
export const sharedStreams: StreamLender = { take: ({ shared }) => shared, giveBack: () => undefined };

/** One call in the addon's terms, numbers, buffers and results, built up by name. One that was cleared serves for another call. */
export class Call implements EngineCall {
  /** What came of it, see {@link results}. */
  readonly result = new Float64Array(resultCount);
  /** One per role, in the addon's order; those with data take part. */
  readonly views: readonly RoleView[] = views.map((view) => new RoleView(view));
  /** Where the call is computed. */
  place: Place = cpu;
  readonly numbers = new Float64Array(numberCount + views.length * viewNumberCount);
  readonly buffers = new Array<Memory | null>(views.length).fill(null);
  /** Arrays that the caller has no part in, lent until the call is cleared. */
  readonly arrays = new CallArrays();
  #labels = new Int32Array(0);
  readonly #weights = { weights: new Float64Array(0), classWeights: new Float64Array(0) };
  /** Outputs on a GPU that were made for this call, while nobody else has them. */
  readonly #made: CudaTensor[] = [];

  view(name: Role): RoleView {
    return this.views[roles[name]];
  }

  set(name: Field, value: number): void {
    this.numbers[field[name]] = value;
  }

  /** One level of the pyramid of grids: its cells over each axis. */
  setLevel(level: number, depth: number, height: number, width: number): void {
    const at = field.grid + level * limits.mapAxes;
    this.numbers[at] = depth;
    this.numbers[at + 1] = height;
    this.numbers[at + 2] = width;
  }

  /** Memory for n labels, kept between calls. */
  labels(n: number): Int32Array {
    if (this.#labels.length !== n) this.#labels = new Int32Array(n);
    return this.#labels;
  }

  /** Memory for that many weights, kept between calls. */
  weights(role: WeightsRole, count: number): Float64Array {
    if (this.#weights[role].length !== count) this.#weights[role] = new Float64Array(count);
    return this.#weights[role];
  }

  /** Notes an output on a GPU that was made for this call: it goes if the call fails. */
  made(tensor: CudaTensor): CudaTensor {
    this.#made.push(tensor);
    return tensor;
  }

  /** Why it is not computed at its place, whose engine is asked; undefined: it is. Outputs need not be there. */
  refusal(stage: Stage): Refusal | undefined {
    this.#bind();
    try {
      const refusal = this.place.engine.supports(this, stages[stage]);
      return refusal && { ...refusal, argument: this.#callersName(refusal.argument) };
    } catch (error) {
      throw this.#inCallersTerms(error as GldError);
    }
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
    if (turns.take()) return this.#inTurn(stage, streams, signal);
    this.#copyInputs();
    const held = this.#holdMemory();
    try {
      await turns.wait(signal);
      await this.#inTurn(stage, streams, signal);
    } finally {
      held.forEach(unholdMemory);
    }
  }

  /** Forgets everything, so that the call can be built anew and holds on to no buffer of the caller's meanwhile. */
  clear(): void {
    for (const view of this.views) view.data = null;
    this.place = cpu;
    this.numbers.fill(0);
    this.buffers.fill(null);
    this.arrays.clear();
    if (this.#made.length > 0) this.#made.splice(0).forEach((tensor) => tensor.dispose());
  }

  /** From now on, the caller has the outputs. */
  delivered(): void {
    if (this.#made.length > 0) this.#made.length = 0;
  }

  /** Computes the call, whose turn it is, and lets the next one have its turn. */
  async #inTurn(stage: Stage, streams: StreamLender, signal: AbortSignalLike | undefined): Promise<void> {
    try {
      throwIfAborted(signal);
      await this.#submit(stage, streams, signal);
    } finally {
      this.place.turns.leave();
    }
  }

  /** Keeps what lies at the call's place until it is unheld, also if it is disposed of meanwhile. */
  #holdMemory(): readonly Memory[] {
    const held: Memory[] = [];
    for (const { data, place } of this.views) {
      if (data !== null && place !== undefined) held.push(data);
    }
    held.forEach(holdMemory);
    return held;
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

  #inCallersTerms(error: GldError): GldError {
    const argument = this.#callersName(error.argument);
    if (argument === error.argument) return error;
    error.message = argument + error.message.slice(error.argument.length);
    return Object.assign(error, { argument });
  }

  /** Engines know tensors by their roles; the caller by the names of arguments. */
  #callersName(argument: string): string {
    const view = this.views.find(({ role, data }) => role === argument && data !== null);
    return view?.argument || argument;
  }

  /**
   * Hands over all that the call reads and writes, says what that is, and computes in float64 if an input is, weights aside.
   */
  #bind(): void {
    const numbers = this.numbers;
    let compute: ElementType = 'float32';
    let present = 0;
    for (let index = 0; index < this.views.length; index += 1) {
      const view = this.views[index];
      const { data, dtype, offset, strides, isOutput } = view;
      this.buffers[index] = data;
      if (data === null) continue;
      const at = numberCount + index * viewNumberCount;
      numbers[at + viewNumbers.dtype] = dtypes[dtype] ?? Number.NaN;
      numbers[at + viewNumbers.offset] = offset;
      for (let axis = 0; axis < strides.length; axis += 1)
        numbers[at + viewNumbers.strides + view.roleAxis(axis)] = strides[axis];
      if (dtype === 'float64' && !isOutput && !Object.hasOwn(this.#weights, view.role)) compute = dtype;
      present |= 1 << index;
    }
    this.set('compute', dtypes[compute] ?? Number.NaN);
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

/** The relation method that a result names. */
export function methodOf(result: Float64Array): RelationMethod {
  return words['relation.method'][result[results.method]] === 'moments' ? 'moments' : 'pairwise';
}
