/**
 * The loss as an operation of TensorFlow.js: `tfjsGld(tf)` takes and gives tensors, and `tf.grads`, `tf.variableGrads`
 * and every optimizer differentiate it. The framework is an argument; nothing of it is imported.
 */
import type { CheckSideOptions, SideCheck } from '../check-side.js';
import { expectObject, options as checkOptions } from '../check.js';
import { tables } from '../options.js';
import type { GldLossOptions, GldResult, SignalOption, TensorLike } from '../types.js';
import {
  checkFound,
  differentiable,
  entriesOf,
  readTargets,
  findSide,
  pair,
  studentTensors,
  type IsTensor,
} from './inputs.js';
import { copyStudent, find, isTensor, read, readSync, type TfjsInputs, type TfjsSide } from './tfjs-inputs.js';
import { differentiableScalar } from './tfjs-op.js';
import type { TfjsLike, TfjsOptimizer, TfjsTensor } from './tfjs-types.js';
import { ownOptions, weightsOf, Workspaces } from './workspaces.js';

/** The loss and its terms as numbers. */
export type TfjsValue = Pick<GldResult, 'loss' | 'terms' | 'relationMethod'>;

/** What {@link TfjsGld.withTerms} returns: the numbers, and the loss as a differentiable scalar. */
export interface TfjsResult<Scalar> extends TfjsValue {
  scalar: Scalar;
}

/** Options of the asynchronous forms. */
export interface TfjsAsyncOptions extends GldLossOptions, SignalOption {}

/** Options of {@link TfjsGld.minimizeAsync}. */
export interface TfjsMinimizeOptions<Tensor> extends TfjsAsyncOptions {
  /** The variables to train, as `optimizer.minimize` takes them. @default all trainable ones */
  readonly varList?: Tensor[] | undefined;
}

/** The loss at one point, where its value and gradients are known. */
export interface TfjsSurrogate<Tensor, Scalar> extends TfjsValue {
  /**
   * A scalar of the loss's value, with the loss's gradients with respect to these tensors: the student's tensors that
   * the surrogate was made with, or the same computed again where tfjs records. It can be called any number of times.
   */
  scalar(student: TfjsSide<Tensor>): Scalar;
}

/** The loss for tensors of TensorFlow.js. */
export interface TfjsGld<Tensor, Scalar> {
  /**
   * The loss as a scalar, differentiable by those of the student's parts that are tensors or variables of tfjs. Only
   * first derivatives exist; a second one is refused with an error. Gradients are computed together with the loss, and
   * only where tfjs records; `gradients` in the options leaves out parts, which then count as constants.
   *
   * The backend must be one that can be read synchronously, such as cpu, wasm or tensorflow. Tensors inside `tf.tidy`
   * or `optimizer.minimize` are disposed there; elsewhere the scalar is the only one that the caller has to dispose.
   */
  (inputs: TfjsInputs<Tensor>, options?: GldLossOptions): Scalar;
  /** The same, with the numbers that the scalar is made of. */
  withTerms(inputs: TfjsInputs<Tensor>, options?: GldLossOptions): TfjsResult<Scalar>;
  /**
   * The asynchronous form, for backends that are read asynchronously only (webgpu, webgl) and to keep the event loop
   * free. Resolves to the numbers and a function that puts them on tfjs's record:
   *
   *     const at = await gldLoss.surrogate({ teacher, student: { features, weight, bias }, labels });
   *     optimizer.minimize(() => at.scalar({ features: network(images), weight, bias }));
   *
   * It keeps typed arrays and no tensors: there is nothing to dispose.
   */
  surrogate(inputs: TfjsInputs<Tensor>, options?: TfjsAsyncOptions): Promise<TfjsSurrogate<Tensor, Scalar>>;
  /**
   * One training step by {@link surrogate}. `forward` gives the student's tensors; it runs twice, once to be read and
   * once to be differentiated, and has to give the same values both times (seed its dropout). The variables are
   * changed when the promise resolves, and unchanged when it rejects.
   */
  minimizeAsync(
    optimizer: TfjsOptimizer<Tensor, Scalar>,
    forward: () => TfjsSide<Tensor>,
    targets: Omit<TfjsInputs<Tensor>, 'student'>,
    options?: TfjsMinimizeOptions<Tensor>,
  ): Promise<TfjsValue>;
  /**
   * Checks that a side is what its model computes, as the core's {@link checkSide} does: the mean over the map times the
   * classifier has to be what the whole model puts out for the same batch, [n, K], or what that is the softmax of. Once,
   * before a training:
   *
   *     gldLoss.check({ features, weight, bias }, model.predict(images), { name: 'teacher' });
   *
   * @throws {GldError} `ERR_GLD_SPLIT`, which says where they differ and why that may be.
   */
  check(side: TfjsSide<Tensor>, output: Tensor | TensorLike, options?: CheckSideOptions): SideCheck;
  /** The same for backends that are read asynchronously only. */
  checkAsync(side: TfjsSide<Tensor>, output: Tensor | TensorLike, options?: CheckSideOptions): Promise<SideCheck>;
  /** Frees the memory that is kept from one call for the next. The loss stays usable. */
  dispose(): void;
}

/**
 * Makes the loss for TensorFlow.js.
 *
 *     const gldLoss = tfjsGld(tf);
 *     optimizer.minimize(() => gldLoss({ teacher, student: { features: network(images), weight, bias }, labels }));
 *
 * `relation.reduction` is `{ rows: 320 }` by default: β = 500 belongs to m = 320, the paper's 64 samples with d = 2, and a
 * smaller batch weighs the relation no more than others.
 *
 * @param tf the framework: `import * as tf from '@tensorflow/tfjs'`, with any backend
 */
export function tfjsGld<Tensor extends TfjsTensor, Scalar extends Tensor>(
  tf: TfjsLike<Tensor, Scalar>,
): TfjsGld<Tensor, Scalar> {
  expectObject('tf', tf, 'the framework, which import * as tf gives');
  const workspaces = new Workspaces();
  const tensorsOf = (student: TfjsSide<Tensor>) => studentTensors(student, isTensor as IsTensor<Tensor>);

  function withTerms(inputs: TfjsInputs<Tensor>, options?: GldLossOptions): TfjsResult<Scalar> {
    const settings = checkOptions(tables.adapter, options);
    const found = find(inputs);
    const names = differentiable(found.names, settings);
    const gradients = tf.engine().isTapeOn() && names;
    const loss = workspaces.get(ownOptions(options), { ...settings, gradients });
    const { gradients: computed = {}, ...value } = loss.compute(readSync(tf, found), weightsOf(settings));
    const wrt = pair(computed, tensorsOf(inputs.student));
    const isOne = (dy: Tensor) => (dy.dataSync() as ArrayLike<number>)[0] === 1;
    return { scalar: differentiableScalar(tf, value.loss, wrt, isOne), ...value };
  }

  async function surrogate(
    inputs: TfjsInputs<Tensor>,
    options?: TfjsAsyncOptions,
  ): Promise<TfjsSurrogate<Tensor, Scalar>> {
    const { signal, ...settings } = checkOptions(tables.adapterAsync, options);
    const own = ownOptions(options);
    const found = find(inputs);
    const names = differentiable(found.names, settings);
    const values = await read(found);
    const loss = workspaces.get(own, { ...settings, gradients: names });
    const { gradients = {}, ...value } = await loss.computeAsync(values, { ...weightsOf(settings), signal });
    return {
      ...value,
      // Asking whether dy is 1 would be a synchronous read.
      scalar: (student) => differentiableScalar(tf, value.loss, pair(gradients, tensorsOf(student)), () => false),
    };
  }

  async function minimizeAsync(
    optimizer: TfjsOptimizer<Tensor, Scalar>,
    forward: () => TfjsSide<Tensor>,
    targets: Omit<TfjsInputs<Tensor>, 'student'>,
    options?: TfjsMinimizeOptions<Tensor>,
  ): Promise<TfjsValue> {
    const given = readTargets(targets);
    if (options !== undefined) expectObject('options', options, 'an object');
    const names = { ...tables.adapterAsync, varList: undefined };
    const { varList, ...rest }: TfjsMinimizeOptions<Tensor> = Object.fromEntries(entriesOf(options ?? {}, names));
    const kept: Tensor[] = [];
    try {
      let student!: TfjsSide<Tensor>;
      tf.tidy(() => {
        // Clones, because what `forward` returns may belong to its caller: variables above all.
        student = copyStudent(forward(), (tensor) => {
          const copy = tf.keep(tf.clone(tensor as Tensor));
          kept.push(copy);
          return copy;
        });
      });
      const { scalar, ...value } = await surrogate({ ...given, student }, rest);
      optimizer.minimize(() => scalar(forward()), false, varList);
      return value;
    } finally {
      kept.forEach((tensor) => tensor.dispose());
    }
  }

  const check: TfjsGld<Tensor, Scalar>['check'] = (side, output, options) =>
    checkFound(readSync(tf, findSide(side, output, options, isTensor)), options);
  const checkAsync: TfjsGld<Tensor, Scalar>['checkAsync'] = async (side, output, options) =>
    checkFound(await read(findSide(side, output, options, isTensor)), options);

  const dispose = () => workspaces.dispose();
  const gldLoss = (inputs: TfjsInputs<Tensor>, options?: GldLossOptions) => withTerms(inputs, options).scalar;
  return Object.assign(gldLoss, { withTerms, surrogate, minimizeAsync, check, checkAsync, dispose });
}
