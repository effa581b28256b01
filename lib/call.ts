import { native } from './binding.js';
import { Copies } from './copies.js';
import type { CudaTensor } from './cuda_tensor.js';
import type { GldError } from './errors.js';
import { hold, letGo } from './holds.js';
import type { DeviceMemory, Job, Workspace } from './native.cjs';
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
import { host, View, type DeviceData, type ElementType, type ViewArray } from './tensor.js';
import { turnsOf, type Turns } from './turns.js';
import type { AbortSignalLike, RelationMethod } from './types.js';

export type Field = keyof typeof field;
export type Role = (typeof views)[number]['role'];
export type Stage = (typeof words.stage)[number];

/** The place of each name in a list. */
function placesIn<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, place) => [name, place])) as Record<Name, number>;
}

const roles = placesIn(views.map(({ role }) => role));
const stages = placesIn(words.stage);
const dtypes: Readonly<Partial<Record<ElementType, number>>> = {
  ...placesIn(words.dtype),
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

/** Lends workspaces to calls. One of a call that waits for its turn is taken when that has come. */
export interface Lender {
  take(): Workspace | null;
  giveBack(workspace: Workspace | null): void;
}

/** For calls without a workspace that is kept. */
export const noWorkspace: Lender = { take: () => null, giveBack: () => undefined };

/** One call in the addon's terms, numbers, buffers and results, built up by name. One that was cleared serves for another call. */
export class Call {
  /** What came of it, see {@link results}. */
  readonly result = new Float64Array(resultCount);
  /** One per role, in the addon's order; those with data take part. */
  readonly views: readonly RoleView[] = views.map((view) => new RoleView(view));
  /** The GPU that computes the call, or `host`. */
  device = host;
  /** Why no GPU can; no argument: one can. */
  readonly hostNeed = { argument: '', expected: '', received: '' };
  readonly numbers = new Float64Array(numberCount + views.length * viewNumberCount);
  readonly #buffers = new Array<ViewArray | DeviceData | null>(views.length).fill(null);
  /** Arrays that the caller has no part in, lent until the call is cleared. */
  readonly copies = new Copies();
  #labels = new Int32Array(0);
  #weights = new Float64Array(0);
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

  /** Computes on this thread (and the pool's), or on the GPU, and returns when done. */
  run(stage: Stage, workspace: Workspace | null): void {
    this.#bind();
    try {
      native.run(stages[stage], this.numbers, this.#buffers, this.result, workspace);
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
  async start(stage: Stage, workspaces: Lender, signal: AbortSignalLike | undefined): Promise<void> {
    if (this.device === host) {
      this.#copyInputs();
      return this.#start(stage, workspaces, signal);
    }
    const turns = turnsOf(this.device);
    if (turns.take()) return this.#startOnDevice(stage, workspaces, signal, turns);
    this.#copyInputs();
    const release = this.#holdMemory();
    try {
      await turns.wait(signal);
      await this.#startOnDevice(stage, workspaces, signal, turns);
    } finally {
      release();
    }
  }

  /** Forgets everything, so that the call can be built anew and holds on to no buffer of the caller's meanwhile. */
  clear(): void {
    for (const view of this.views) view.data = null;
    this.device = host;
    this.hostNeed.argument = '';
    this.numbers.fill(0);
    this.#buffers.fill(null);
    this.copies.clear();
    if (this.#made.length > 0) this.#made.splice(0).forEach((tensor) => tensor.dispose());
  }

  /** From now on, the caller has the outputs. */
  delivered(): void {
    if (this.#made.length > 0) this.#made.length = 0;
  }

  async #startOnDevice(
    stage: Stage,
    workspaces: Lender,
    signal: AbortSignalLike | undefined,
    turns: Turns,
  ): Promise<void> {
    try {
      throwIfAborted(signal);
      // Host inputs have been read when the addon returns.
      await this.#start(stage, workspaces, signal);
    } finally {
      turns.leave();
    }
  }

  /** Keeps what is on the GPU until the function that it returns is called, also if it is disposed of meanwhile. */
  #holdMemory(): () => void {
    const held: DeviceMemory[] = [];
    for (const { data, device } of this.views) {
      if (data !== null && device !== host && typeof data === 'object') held.push(hold(data as DeviceMemory));
    }
    return () => held.forEach(letGo);
  }

  /** Puts the inputs into memory of our own, for work that goes on after the caller got control back. */
  #copyInputs(): void {
    for (const view of this.views) if (!view.isOutput) view.copyTo(this.copies);
  }

  async #start(stage: Stage, workspaces: Lender, signal: AbortSignalLike | undefined): Promise<void> {
    const workspace = workspaces.take();
    try {
      await this.#job(stage, workspace, signal);
    } finally {
      workspaces.giveBack(workspace);
    }
  }

  #job(stage: Stage, workspace: Workspace | null, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let job: Job | undefined;
      let aborted = false;
      const abort = (): void => {
        aborted = true;
        if (job?.cancel()) reject(reasonOf(signal));
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
        // A list of its own, which keeps the buffers as long as the job runs.
        job = native.start(stages[stage], this.numbers, [...this.#buffers], this.result, workspace, done);
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
    let compute: ElementType = 'float32';
    let present = 0;
    for (let index = 0; index < this.views.length; index += 1) {
      const view = this.views[index];
      const { data, dtype, offset, strides, isOutput } = view;
      this.#buffers[index] = data;
      if (data === null) continue;
      const at = numberCount + index * viewNumberCount;
      numbers[at + viewNumbers.dtype] = dtypes[dtype] ?? Number.NaN;
      numbers[at + viewNumbers.offset] = offset;
      for (let axis = 0; axis < strides.length; axis += 1)
        numbers[at + viewNumbers.strides + view.roleAxis(axis)] = strides[axis];
      if (dtype === 'float64' && !isOutput && view.role !== 'weights') compute = dtype;
      present |= 1 << index;
    }
    this.set('compute', dtypes[compute] ?? Number.NaN);
    this.set('device', this.device + 1);
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
