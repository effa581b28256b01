import { native } from './binding.js';
import { Call, methodOf } from './call.js';
import { options } from './check.js';
import { bindAll, copyInputs, setNormalization, setNumbers, setRelation, setThreads } from './encode.js';
import { fail } from './errors.js';
import type { Workspace } from './native.cjs';
import { tables, type Settings } from './options.js';
import { deliver, gradientOutputs, named, type Output } from './outputs.js';
import { readProblem, type Problem } from './problem.js';
import type { ReadSide } from './sides.js';
import type {
  ComputeAsyncOptions,
  ComputeOptions,
  GldAsyncOptions,
  GldLossOptions,
  GldOptions,
  GldResult,
  GldTerms,
  Inputs,
  OutBuffers,
} from './types.js';

/**
 * The GLD loss of a batch and its exact gradients with respect to the student's tensors (Kim et al., "Distilling Global
 * and Local Logits with Densely Connected Relations", ICCV 2021):
 *
 *     loss = (1 - alpha) * task + alpha * global + localWeight * local + beta * relation
 *
 * Both networks' maps are averaged over the whole map and over each of the grid's L cells (see {@link pool}), and one
 * linear classifier makes logits of all these 1 + L rows per sample. Over n samples and m = n (1 + L) rows z,
 *
 * - task = mean cross-entropy of the student's global rows with the labels ({@link crossEntropy}; L_task),
 * - global = (1/n) Σ KL(softmax(zt / σ(zt)) ‖ softmax(zs / σ(zs))) over the global rows, σ the standard deviation of
 *   the row ({@link normalizedKd}; L_global),
 * - local = the same sum over all local rows, divided by n too (L_local),
 * - relation = (1/m²) Σ_rc (Dt[r, c] - Ds[r, c])² with D[r, c] = ‖z_r - z_c‖², each row divided by its L2 norm
 *   ({@link relation}; L_relation).
 *
 * The teacher is constant, and gradients are first-order. Computation is in float64 if any tensor given is float64,
 * else in float32. NaN and infinity in the inputs lead to NaN or infinity in the results.
 *
 * @param inputs Teacher, student, and labels if there are any; see {@link Inputs} for the shapes.
 * @param settings See {@link GldOptions} for the defaults.
 * @throws {GldError} A TypeError or RangeError that names the argument; see {@link GldErrorCode}.
 */
export function gldLoss(inputs: Inputs, settings?: GldOptions): GldResult {
  const { out, ...checked } = options(tables.gldLoss, settings);
  return compute(inputs, checked, out, null);
}

/**
 * {@link gldLoss} off the event loop. The inputs are copied before this returns, so that they may be changed or
 * transferred meanwhile; `out` buffers are written when the work is done, on the calling thread. Wrong arguments reject
 * the promise, and it always settles.
 */
export async function gldLossAsync(inputs: Inputs, settings?: GldAsyncOptions): Promise<GldResult> {
  const { out, signal, ...checked } = options(tables.gldLossAsync, settings);
  signal?.throwIfAborted();
  return computeAsync(inputs, checked, out, null, signal);
}

/**
 * {@link gldLoss} with fixed options and memory that is kept between calls, which saves allocations in a loop that
 * repeats the same shapes. Calls of different shapes are fine, and so are several asynchronous ones at a time, each of
 * which has its own workspace. The memory goes with `dispose()`, at the end of a `using` block, or with the object.
 */
export class GldLoss {
  readonly #settings: Settings;
  readonly #idle: Workspace[] = [];
  #disposed = false;

  /** @throws {GldError} See {@link GldErrorCode}. */
  constructor(settings?: GldLossOptions) {
    this.#settings = options(tables.instance, settings);
  }

  /** {@link gldLoss} with this object's options. */
  compute(inputs: Inputs, settings?: ComputeOptions): GldResult {
    const { out } = options(tables.compute, settings);
    const workspace = this.#take();
    try {
      return compute(inputs, this.#settings, out, workspace);
    } finally {
      this.#giveBack(workspace);
    }
  }

  /** {@link gldLossAsync} with this object's options. */
  async computeAsync(inputs: Inputs, settings?: ComputeAsyncOptions): Promise<GldResult> {
    const { out, signal } = options(tables.computeAsync, settings);
    const workspace = this.#take();
    try {
      signal?.throwIfAborted();
      return await computeAsync(inputs, this.#settings, out, workspace, signal);
    } finally {
      this.#giveBack(workspace);
    }
  }

  /** Frees the memory; calls under way finish first. Further calls are errors, except of this method. */
  dispose(): void {
    this.#disposed = true;
    for (const workspace of this.#idle.splice(0)) workspace.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #take(): Workspace {
    if (this.#disposed) fail('ERR_GLD_DISPOSED', 'GldLoss', 'an object in use', 'one that was disposed');
    return this.#idle.pop() ?? new native.Workspace();
  }

  #giveBack(workspace: Workspace): void {
    if (this.#disposed) workspace.dispose();
    else this.#idle.push(workspace);
  }
}

/** Serves every synchronous call: no code of the caller's runs between building it and clearing it. */
const shared = new Call();

function compute(
  inputs: unknown,
  settings: Settings,
  out: OutBuffers | undefined,
  workspace: Workspace | null,
): GldResult {
  const problem = readProblem(inputs, settings);
  const outputs = gradientOutputs(problem.student, settings.gradients, out, problem.views, false);
  try {
    encode(shared, problem, settings);
    bindAll(shared, problem.views, outputs);
    shared.run('gld', workspace);
    return finish(shared.result, problem, outputs);
  } finally {
    shared.clear();
  }
}

async function computeAsync(
  inputs: unknown,
  settings: Settings,
  out: OutBuffers | undefined,
  workspace: Workspace | null,
  signal: AbortSignal | undefined,
): Promise<GldResult> {
  const problem = readProblem(inputs, settings);
  const outputs = gradientOutputs(problem.student, settings.gradients, out, problem.views, true);
  const call = new Call();
  encode(call, problem, settings);
  bindAll(call, copyInputs(problem.views), outputs);
  await call.start('gld', workspace, signal);
  deliver(outputs);
  return finish(call.result, problem, outputs);
}

function encode(call: Call, problem: Problem, settings: Settings): void {
  const { n, classes, rows, grid, teacher, student } = problem;
  setNumbers(call, { n, classes, rows, gridRows: grid[0], gridCols: grid[1] });
  const [teacherChannels, teacherHeight, teacherWidth] = mapSize(teacher);
  const [studentChannels, studentHeight, studentWidth] = mapSize(student);
  setNumbers(call, { teacherChannels, teacherHeight, teacherWidth, studentChannels, studentHeight, studentWidth });
  setNumbers(call, { alpha: settings.alpha, beta: settings.beta, localWeight: settings.localWeight });
  setNormalization(call, settings.normalization);
  setRelation(call, settings.relation);
  setThreads(call, settings.threads);
}

function mapSize(side: ReadSide): readonly [number, number, number] {
  return side.kind === 'features' ? [side.channels, side.height, side.width] : [0, 0, 0];
}

function finish(done: Float64Array, { hasLabels }: Problem, outputs: readonly Output[]): GldResult {
  const [loss, task, global, local, relation] = done;
  const terms: GldTerms = { global: global!, local: local!, relation: relation! };
  if (hasLabels) terms.task = task!;
  const result: GldResult = { loss: loss!, terms, relationMethod: methodOf(done) };
  if (outputs.length > 0) result.gradients = named(outputs);
  return result;
}
