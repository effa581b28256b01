import { sharedStreams, type StreamLender } from './call.js';
import { expectObject, known, options } from './check.js';
import type { CudaTensor } from './cuda-tensor.js';
import { EncodedOptions, encodeOptions } from './encode.js';
import type { Place, Stream } from './engine.js';
import { fail } from './errors.js';
import { setGrid } from './grid.js';
import { nothingLent, readLent, tables, type Lent, type Settings } from './options.js';
import { bindGradients, deliver } from './outputs.js';
import { choosePlace } from './places.js';
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
 * - task = mean cross-entropy of the student's global rows with the labels, whose classes may have weights
 *   ({@link crossEntropy}; L_task),
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
    prepare(problem, inputs, checked, checked.out, false);
    problem.call.run('gld');
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
    return await computeAsync(problem, inputs, checked, checked.out, sharedStreams, checked.signal);
  } finally {
    problem.clear();
  }
}

/**
 * {@link gldLoss} with fixed options and memory that is kept between calls, which saves allocations in a loop that
 * repeats the same shapes. Calls of different shapes are fine, and so are several asynchronous ones at a time, each of
 * which has a stream and memory for its copies to itself. The memory goes with `dispose()`, at the end of a `using`
 * block, or with the object.
 */
export class GldLoss<D extends GradientDtype = 'float32'> {
  readonly #settings: Settings;
  readonly #encoded: EncodedOptions;
  readonly #frames: Frame[] = [];
  readonly #streams: Stream[] = [];
  readonly #lender: StreamLender = {
    take: (place) => this.#takeStream(place),
    giveBack: (stream) => this.#giveBackStream(stream),
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
    const frame = this.#takeFrame();
    const { problem } = frame;
    try {
      const lent = this.#readOptions(frame, given);
      this.#expectInUse();
      prepare(problem, inputs, this.#settings, lent, false);
      this.#run(problem);
      return lent === undefined ? resultOf(problem, lent) : this.#result.of(problem, lent);
    } finally {
      this.#giveBackFrame(frame);
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
    const frame = this.#takeFrame();
    try {
      this.#encoded.copyTo(frame.problem.call.numbers);
      encodeOptions(given, frame.problem.call.numbers);
      return await computeAsync(frame.problem, inputs, own, out, this.#lender, signal);
    } finally {
      this.#giveBackFrame(frame);
    }
  }

  /** Frees the memory; calls under way finish first. Further calls are errors, except of this method. */
  dispose(): void {
    this.#disposed = true;
    this.#result.clear();
    this.#frames.length = 0;
    for (const stream of this.#streams.splice(0)) stream.close();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Reads the options of one call, each once, and returns the buffers. */
  #readOptions({ problem, lent }: Frame, given: object | undefined): Lent | undefined {
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

  #run({ call }: Problem): void {
    const stream = this.#takeStream(call.place);
    try {
      call.run('gld', stream);
    } finally {
      this.#giveBackStream(stream);
    }
  }

  #takeFrame(): Frame {
    return this.#frames.pop() ?? { problem: new Problem(this.#watch), lent: nothingLent() };
  }

  /** Holds on to nothing of the caller's between calls. */
  #giveBackFrame(frame: Frame): void {
    frame.problem.clear();
    frame.lent.fill(undefined);
    if (!this.#disposed) this.#frames.push(frame);
  }

  /** The stream of that place that was used last, if one is idle. */
  #takeStream(place: Place): Stream {
    const streams = this.#streams;
    let at = streams.length - 1;
    while (at >= 0 && streams[at].place !== place) at -= 1;
    if (at < 0) return place.engine.open(place);
    const stream = streams[at];
    streams[at] = streams[streams.length - 1];
    streams.pop();
    return stream;
  }

  #giveBackStream(stream: Stream): void {
    if (this.#disposed) stream.close();
    else this.#streams.push(stream);
  }
}

/** Whether it is right as the weight of a term, which the options' own check says again, with an error. */
function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}

/** What a call is read into. Calls under way at the same time, also one from a getter of another's inputs, have their own. */
interface Frame {
  readonly problem: Problem;
  readonly lent: Lent;
}

async function computeAsync(
  problem: Problem,
  inputs: unknown,
  settings: Settings,
  lent: Lent | undefined,
  streams: StreamLender,
  signal: AbortSignalLike | undefined,
): Promise<GldResult<AnyGradient>> {
  prepare(problem, inputs, settings, lent, true);
  await problem.call.start('gld', streams, signal);
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
  encode(problem);
  choosePlace(problem.call, 'gld', settings.device);
  bindGradients(problem, settings, lent, deferred);
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
