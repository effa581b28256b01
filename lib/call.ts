import { native } from './binding.js';
import { Copies } from './copies.js';
import type { CudaTensor } from './cuda_tensor.js';
import { versionError } from './diagnosis.js';
import type { GldError } from './errors.js';
import { hold, letGo } from './holds.js';
import type { DeviceMemory, Job, Workspace } from './native.cjs';
import { reasonOf, throwIfAborted } from './signal.js';
import { host, View, type DeviceData, type ElementType, type ViewArray } from './tensor.js';
import { turnsOf, type Turns } from './turns.js';
import type { AbortSignalLike } from './types.js';

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

/** Lends workspaces to calls. One of a call that waits for its turn is taken when that has come. */
export interface Lender {
  take(): Workspace | null;
  giveBack(workspace: Workspace | null): void;
}

/** For calls without a workspace that is kept. */
export const noWorkspace: Lender = { take: () => null, giveBack: () => undefined };

/** The arguments of one native call, built up by name. One that was cleared serves for another call. */
export class Call {
  /** [loss, task, global, local, relation, method: 1 pairwise, 2 moments]. */
  readonly result = new Float64Array(6);
  /** One per role, in the addon's order; those with data take part. */
  readonly views: readonly RoleView[] = native.roles.map((name) => new RoleView(name as Role));
  /** The GPU that computes the call, or `host`. */
  device = host;
  /** Why no GPU can; no argument: one can. */
  readonly hostNeed = { argument: '', expected: '', received: '' };
  readonly #numbers = new Float64Array(numberCount);
  readonly #buffers = new Array<ViewArray | DeviceData | null>(native.roles.length).fill(null);
  /** Arrays that the caller has no part in, lent until the call is cleared. */
  readonly copies = new Copies();
  #labels = new Int32Array(0);
  #weights = new Float64Array(0);
  /** Outputs on a GPU that were made for this call, while nobody else has them. */
  readonly #made: CudaTensor[] = [];

  view(name: Role): RoleView {
    return this.views[role[name]];
  }

  set(name: Field, value: number): void {
    this.#numbers[field[name]] = value;
  }

  /** The weights of the terms: alpha, beta, localWeight. */
  setWeights(weights: Float64Array): void {
    const numbers = this.#numbers;
    numbers[field.alpha] = weights[0];
    numbers[field.beta] = weights[1];
    numbers[field.localWeight] = weights[2];
  }

  /** One level of the pyramid of grids: its cells over each axis. */
  setLevel(level: number, depth: number, height: number, width: number): void {
    const at = field.grid0Depth + level * mapAxes;
    this.#numbers[at] = depth;
    this.#numbers[at + 1] = height;
    this.#numbers[at + 2] = width;
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
      native.run(stages[stage], this.#numbers, this.#buffers, this.result, workspace);
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
    this.#numbers.fill(0);
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
        job = native.start(stages[stage], this.#numbers, [...this.#buffers], this.result, workspace, done);
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
    const numbers = this.#numbers;
    let compute = 0;
    let present = 0;
    for (let index = 0; index < this.views.length; index += 1) {
      const view = this.views[index];
      const { data, dtype, offset, strides, isOutput } = view;
      this.#buffers[index] = data;
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
