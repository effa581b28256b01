import { native } from './binding.js';
import { noWorkspace, type Lender } from './call.js';
import { expectObject, known, options } from './check.js';
import type { CudaTensor } from './cuda_tensor.js';
import { EncodedOptions, encodeOptions } from './encode.js';
import { chooseEngine } from './engine.js';
import { fail } from './errors.js';
import { setGrid } from './grid.js';
import type { Workspace } from './native.cjs';
import { nothingLent, readLent, tables, type Lent, type Settings } from './options.js';
import { bindGradients, deliver } from './outputs.js';
import { Watch } from './probabilities.js';
import { Problem, readProblem } from './problem.js';
import { LentResult, resultOf } from './result.js';
import { numbers } from './schema.js';
import { throwIfAborted } from './signal.js';
import type {
  AbortSignalLike,
  AnyBuffer,
  AnyGradient,
  AnyInputs,
  ComputeAsyncOptions,
  ComputeOptions,
  CudaInputs,
  DeviceTensor,
  GldAsyncOptions,
  GldLossOptions,
  GldOptions,
  GldResult,
  GradientDtype,
  HostBuffer,
  HostGradient,
  HostInputs,
  Lending,
  NothingLent,
} from './types.js';

/**
 * The GLD loss of a batch and its exact gradients with respect to the student's tensors (Kim et al., "Distilling Global
 * and Local Logits with Densely Connected Relations", ICCV 2021):
 *
 *     loss = (1 - alpha) * task + alpha * global + localWeight * local + beta * relation
 *
 * Both networks' maps, of one to three axes, are averaged over the whole map and over each of the grid's L cells (see
 * {@link pool}), and one linear classifier makes logits of all these 1 + L rows per sample; a map of logits needs none.
 * Over n samples and m = n (1 + L) rows z,
 *
 * - task = mean cross-entropy of the student's global rows with the labels ({@link crossEntropy}; L_task),
 * - global = (1/n) Σ KL(softmax(zt / σ(zt)) ‖ softmax(zs / σ(zs))) over the global rows, σ the standard deviation of
 *   the row ({@link normalizedKd}; L_global),
 * - local = the same sum over all local rows, divided by n too (L_local),
 * - relation = (1/m²) Σ_rc (Dt[r, c] - Ds[r, c])² with D[r, c] = ‖z_r - z_c‖², each row divided by its L2 norm
 *   ({@link relation}; L_relation).
 *
 * With sample weights or masks, every sum and mean over samples or rows counts each as often as its weight says; rows of
 * which a mask leaves nothing count 0 times.
 *
 * The teacher is constant, and gradients are first-order. Computation is in float64 if any tensor given is float64,
 * else in float32. NaN and infinity in the inputs lead to NaN or infinity in the results; but logits of −∞ exclude classes,
 * which is finite by temperature with β = 0 where no excluded class is wanted. By std, and in the relation, it is NaN.
 *
 * @param inputs Teacher, student, and labels if there are any; see {@link Inputs} for the shapes.
 * @param settings See {@link GldOptions} for the defaults.
 * @throws {GldError} A TypeError or RangeError that names the argument; see {@link GldErrorCode}.
 */
export function gldLoss<D extends GradientDtype = 'float32', O = NothingLent>(
  inputs: HostInputs,
  settings?: Lending<GldOptions<HostBuffer<D>, D>, O>,
): GldResult<HostGradient<D, O>>;
export function gldLoss(inputs: CudaInputs, settings?: GldOptions<DeviceTensor, GradientDtype>): GldResult<CudaTensor>;
export function gldLoss<O = NothingLent>(
  inputs: AnyInputs,
  settings?: Lending<GldOptions<AnyBuffer, GradientDtype>, O>,
): GldResult<AnyGradient<O>>;
export function gldLoss(inputs: AnyInputs, settings?: GldOptions<AnyBuffer, GradientDtype>): GldResult<AnyGradient> {
  const checked = options(tables.gldLoss, settings);
  // The caller's getters, which reading the inputs may run, may make calls of their own meanwhile.
  const problem = spare ?? new Problem(watch);
  spare = undefined;
  try {
    encodeOptions(checked, problem.call.numbers);
    compute(problem, inputs, checked, checked.out, null);
    return resultOf(problem, checked.out);
  } finally {
    problem.clear();
    spare = problem;
  }
}

let spare: Problem | undefined;

/** Over the calls of a process that have no object. */
const watch = new Watch();

/**
 * {@link gldLoss} off the event loop. Inputs in CPU memory are copied before this returns, so that they may be changed or
 * transferred meanwhile; those on a GPU have to stay as they are. `out` arrays are written when the work is done, on the
 * calling thread. Wrong arguments reject the promise, and it always settles.
 */
export function gldLossAsync<D extends GradientDtype = 'float32', O = NothingLent>(
  inputs: HostInputs,
  settings?: Lending<GldAsyncOptions<HostBuffer<D>, D>, O>,
): Promise<GldResult<HostGradient<D, O>>>;
export function gldLossAsync(
  inputs: CudaInputs,
  settings?: GldAsyncOptions<DeviceTensor, GradientDtype>,
): Promise<GldResult<CudaTensor>>;
export function gldLossAsync<O = NothingLent>(
  inputs: AnyInputs,
  settings?: Lending<GldAsyncOptions<AnyBuffer, GradientDtype>, O>,
): Promise<GldResult<AnyGradient<O>>>;
export async function gldLossAsync(
  inputs: AnyInputs,
  settings?: GldAsyncOptions<AnyBuffer, GradientDtype>,
): Promise<GldResult<AnyGradient>> {
  const checked = options(tables.gldLossAsync, settings);
  throwIfAborted(checked.signal);
  const problem = new Problem(watch);
  try {
    encodeOptions(checked, problem.call.numbers);
    return await computeAsync(problem, inputs, checked, checked.out, noWorkspace, checked.signal);
  } finally {
    problem.clear();
  }
}

/**
 * {@link gldLoss} with fixed options and memory that is kept between calls, which saves allocations in a loop that
 * repeats the same shapes. Calls of different shapes are fine, and so are several asynchronous ones at a time, each of
 * which has a workspace and memory for its copies to itself. The memory goes with `dispose()`, at the end of a `using`
 * block, or with the object.
 */
export class GldLoss<D extends GradientDtype = 'float32'> {
  readonly #settings: Settings;
  readonly #encoded: EncodedOptions;
  readonly #benches: Bench[] = [];
  readonly #workspaces: Workspace[] = [];
  readonly #lender: Lender = {
    take: () => this.#take(),
    giveBack: (workspace) => this.#giveBack(workspace),
  };
  readonly #result = new LentResult();
  readonly #watch = new Watch();
  #disposed = false;

  /** @throws {GldError} See {@link GldErrorCode}. */
  constructor(settings?: GldLossOptions<D>) {
    this.#settings = options(tables.instance, settings);
    this.#encoded = new EncodedOptions(this.#settings);
  }

  /**
   * {@link gldLoss} with this object's options; weights of terms may be given for this call. With `out`, the result is lent
   * too: all such calls return the same object with new numbers, as long as they agree in having labels and in the names of
   * their gradients, and allocate nothing once they have run in.
   */
  compute<O = NothingLent>(
    inputs: HostInputs,
    settings?: Lending<ComputeOptions<HostBuffer<D>>, O>,
  ): GldResult<HostGradient<D, O>>;
  compute(inputs: CudaInputs, settings?: ComputeOptions<DeviceTensor>): GldResult<CudaTensor>;
  compute<O = NothingLent>(
    inputs: AnyInputs,
    settings?: Lending<ComputeOptions<AnyBuffer>, O>,
  ): GldResult<AnyGradient<O>>;
  compute(inputs: AnyInputs, settings?: ComputeOptions<AnyBuffer>): GldResult<AnyGradient> {
    const given = settings === undefined ? undefined : expectObject('options', settings, 'an object');
    const bench = this.#takeBench();
    let workspace: Workspace | null = null;
    try {
      const lent = this.#readOptions(bench, given);
      this.#expectInUse();
      workspace = this.#take();
      compute(bench.problem, inputs, this.#settings, lent, workspace);
      return lent === undefined ? resultOf(bench.problem, lent) : this.#result.of(bench.problem, lent);
    } finally {
      this.#giveBack(workspace);
      this.#giveBackBench(bench);
    }
  }

  /** {@link gldLossAsync} with this object's options; weights of terms may be given for this call. */
  computeAsync<O = NothingLent>(
    inputs: HostInputs,
    settings?: Lending<ComputeAsyncOptions<HostBuffer<D>>, O>,
  ): Promise<GldResult<HostGradient<D, O>>>;
  computeAsync(inputs: CudaInputs, settings?: ComputeAsyncOptions<DeviceTensor>): Promise<GldResult<CudaTensor>>;
  computeAsync<O = NothingLent>(
    inputs: AnyInputs,
    settings?: Lending<ComputeAsyncOptions<AnyBuffer>, O>,
  ): Promise<GldResult<AnyGradient<O>>>;
  async computeAsync(inputs: AnyInputs, settings?: ComputeAsyncOptions<AnyBuffer>): Promise<GldResult<AnyGradient>> {
    const own = this.#settings;
    const given = options(tables.computeAsync, settings);
    const { out, signal } = given;
    this.#expectInUse();
    throwIfAborted(signal);
    const bench = this.#takeBench();
    try {
      this.#encoded.copyTo(bench.problem.call.numbers);
      encodeOptions(given, bench.problem.call.numbers);
      return await computeAsync(bench.problem, inputs, own, out, this.#lender, signal);
    } finally {
      this.#giveBackBench(bench);
    }
  }

  /** Frees the memory; calls under way finish first. Further calls are errors, except of this method. */
  dispose(): void {
    this.#disposed = true;
    this.#result.clear();
    this.#benches.length = 0;
    for (const workspace of this.#workspaces.splice(0)) workspace.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Reads the options of one call, each once, and returns the buffers. */
  #readOptions({ problem, lent }: Bench, given: object | undefined): Lent | undefined {
    const to = problem.call.numbers;
    this.#encoded.copyTo(to);
    if (given === undefined) return undefined;
    const { alpha, beta, localWeight, out } = known(tables.compute, given);
    if (alpha !== undefined) to[numbers.alpha] = isWeight(alpha) ? alpha : tables.instance.alpha(alpha, 'alpha');
    if (beta !== undefined) to[numbers.beta] = isWeight(beta) ? beta : tables.instance.beta(beta, 'beta');
    if (localWeight !== undefined) {
      to[numbers.localWeight] = isWeight(localWeight)
        ? localWeight
        : tables.instance.localWeight(localWeight, 'localWeight');
    }
    return readLent(out, 'out', lent);
  }

  #expectInUse(): void {
    if (this.#disposed) fail('ERR_GLD_DISPOSED', 'GldLoss', 'an object in use', 'one that was disposed');
  }

  #takeBench(): Bench {
    return this.#benches.pop() ?? { problem: new Problem(this.#watch), lent: nothingLent() };
  }

  /** Holds on to nothing of the caller's between calls. */
  #giveBackBench(bench: Bench): void {
    bench.problem.clear();
    bench.lent.fill(undefined);
    if (!this.#disposed) this.#benches.push(bench);
  }

  #take(): Workspace {
    return this.#workspaces.pop() ?? new native.Workspace();
  }

  #giveBack(workspace: Workspace | null): void {
    if (workspace === null) return;
    if (this.#disposed) workspace.dispose();
    else this.#workspaces.push(workspace);
  }
}

/** Whether it is right as the weight of a term, which the options' own check says again, with an error. */
function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}

/** What a call is read into. Calls under way at the same time, also one from a getter of another's inputs, have their own. */
interface Bench {
  readonly problem: Problem;
  readonly lent: Lent;
}

function compute(
  problem: Problem,
  inputs: unknown,
  settings: Settings,
  lent: Lent | undefined,
  workspace: Workspace | null,
): void {
  prepare(problem, inputs, settings, lent, false);
  problem.call.run('gld', workspace);
}

async function computeAsync(
  problem: Problem,
  inputs: unknown,
  settings: Settings,
  lent: Lent | undefined,
  workspaces: Lender,
  signal: AbortSignalLike | undefined,
): Promise<GldResult<AnyGradient>> {
  prepare(problem, inputs, settings, lent, true);
  await problem.call.start('gld', workspaces, signal);
  deliver(problem, lent);
  problem.call.delivered();
  return resultOf(problem, lent);
}

function prepare(
  problem: Problem,
  inputs: unknown,
  settings: Settings,
  lent: Lent | undefined,
  deferred: boolean,
): void {
  readProblem(problem, inputs, settings);
  chooseEngine(problem.call, settings);
  bindGradients(problem, settings, lent, deferred);
  encode(problem);
}

function encode({ call, n, classes, rows, grid, axes, teacher, student }: Problem): void {
  call.set('n', n);
  call.set('classes', classes);
  call.set('rows', rows);
  if (grid !== undefined) setGrid(call, grid, axes);
  call.set('teacher.channels', teacher.channels);
  call.set('teacher.depth', teacher.size(2));
  call.set('teacher.height', teacher.size(1));
  call.set('teacher.width', teacher.size(0));
  call.set('student.channels', student.channels);
  call.set('student.depth', student.size(2));
  call.set('student.height', student.size(1));
  call.set('student.width', student.size(0));
}
