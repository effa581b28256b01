/**
 * The loss for any framework that differentiates: `surrogateGld(framework)` reads the framework's tensors, computes the
 * loss and its gradients g at their values x₀, and puts together a scalar of the framework's own that has both:
 *
 *     loss(x₀) + Σ g · (x - x₀)
 *
 * the loss's tangent plane at x₀. Its value there is the loss and its gradient g, which is all that a step of training
 * asks for. Nothing of a framework is imported; what it does to its tensors is passed in.
 */
import type { CheckSideOptions, SideCheck } from '../check-side.js';
import { expectObject, known, options as checkOptions } from '../check.js';
import { describe, isPromise } from '../describe.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import { numbersOf, readFloats, View } from '../tensor.js';
import type {
  DenseTensor,
  GldLossOptions,
  GldResult,
  GradientName,
  Inputs,
  Labels,
  MaskLike,
  OwnArray,
  SampleWeights,
  ClassWeights,
  SignalOption,
  TensorLike,
} from '../types.js';
import { checkFound, differentiable, findSide, Found, pair, studentTensors, type IsTensor } from './inputs.js';
import { ownOptions, weightsOf, Workspaces } from './workspaces.js';

/** What a framework does to its tensors. */
export interface SurrogateFramework<Tensor> {
  /** Whether a value is a tensor of the framework, variables and parameters included. */
  isTensor(value: unknown): boolean;
  /**
   * A tensor's elements with their shape, in anything that the core takes. A promise of them will do where only
   * {@link SurrogateGld.surrogate} is used. `argument` says which part of the inputs it is, such as 'student.weight':
   * class indices ('labels') are to be whole numbers, and masks ('student.mask') bytes or booleans.
   */
  read(tensor: Tensor, argument: string): TensorLike | PromiseLike<TensorLike>;
  /**
   * A tensor of these elements in row-major order, without a gradient; of one element where the shape is []. The
   * array must not be written to.
   */
  constant(data: OwnArray, shape: number[]): Tensor;
  /** Σ tensor · constant over all elements, differentiable. @default `tensor.mul(constant).sum()` */
  dot?(tensor: Tensor, constant: Tensor): Tensor;
  /** The sum of two scalars, as `dot` and `constant` make them. @default `a.add(b)` */
  add?(a: Tensor, b: Tensor): Tensor;
}

type Same<Value, Tensor> = Value extends TensorLike | MaskLike ? Tensor | Value : Value;
type Sided<Value, Tensor> = Value extends unknown
  ? { readonly [name in keyof Value]: Same<Value[name], Tensor> }
  : never;

/** A teacher or a student as the core takes it, with tensors of the framework wherever the core takes one. */
export type SurrogateSide<Tensor> = Sided<Inputs['student'], Tensor>;

/** {@link Inputs}, with tensors of the framework wherever the core takes one. */
export interface SurrogateInputs<Tensor> {
  /** The constant network that is imitated: gradients do not reach it. */
  readonly teacher: SurrogateSide<Tensor>;
  /** The network that is trained: gradients reach those of its parts that are tensors of the framework. */
  readonly student: SurrogateSide<Tensor>;
  /** Class indices [n] or [n, 1], or soft labels [n, K]. */
  readonly labels?: Tensor | Labels | undefined;
  /** How many times each sample counts, [n] or [n, 1]. @default once */
  readonly sampleWeights?: Tensor | SampleWeights | undefined;
  /** How much each class counts in the task term, [K]. @default 1 */
  readonly classWeights?: Tensor | ClassWeights | undefined;
}

/** The loss and its terms as numbers. */
export type SurrogateValue = Pick<GldResult, 'loss' | 'terms' | 'relationMethod'>;

/** The loss at one point, where its value and gradients are known. It keeps typed arrays and no tensors. */
export interface Surrogate<Tensor> extends SurrogateValue {
  /** loss(x₀) - Σ g · x₀: the tangent plane's value at zero. */
  readonly offset: number;
  /** g, by the names of the student's parts. */
  readonly gradients: { readonly [name in GradientName]?: DenseTensor<OwnArray> };
  /**
   * The tangent plane as a scalar of the framework: the loss's value and gradients, at the student's tensors that the
   * surrogate was made with or the same computed again. It can be called any number of times.
   */
  scalar(student: SurrogateSide<Tensor>): Tensor;
}

/** Options of the asynchronous forms. */
export interface SurrogateAsyncOptions extends GldLossOptions, SignalOption {}

/** The loss for tensors of a framework. */
export interface SurrogateGld<Tensor> {
  /**
   * The loss as a scalar of the framework, differentiable by those of the student's parts that are its tensors. Only
   * first derivatives are right: to the framework, the gradients are constants. `gradients` in the options leaves out
   * parts, which then count as constants.
   *
   * @throws {GldError} As the core's `gldLoss` does; ERR_GLD_ADAPTER if `read` gives a promise.
   */
  (inputs: SurrogateInputs<Tensor>, options?: GldLossOptions): Tensor;
  /** The same, with the numbers that the scalar is made of. */
  withTerms(inputs: SurrogateInputs<Tensor>, options?: GldLossOptions): SurrogateValue & { scalar: Tensor };
  /**
   * The asynchronous form, for tensors that are read asynchronously and to keep the event loop free. Every read has begun
   * when it returns. Resolves to the numbers and a function that makes the scalar.
   */
  surrogate(inputs: SurrogateInputs<Tensor>, options?: SurrogateAsyncOptions): Promise<Surrogate<Tensor>>;
  /**
   * Checks that a side is what its model computes, as the core's {@link checkSide} does: the mean over the map times the
   * classifier has to be what the whole model puts out for the same batch, [n, K], or what that is the softmax of.
   *
   * @throws {GldError} `ERR_GLD_SPLIT`, which says where they differ and why that may be.
   */
  check(side: SurrogateSide<Tensor>, output: Tensor | TensorLike, options?: CheckSideOptions): SideCheck;
  /** The same for tensors that are read asynchronously. */
  checkAsync(side: SurrogateSide<Tensor>, output: Tensor | TensorLike, options?: CheckSideOptions): Promise<SideCheck>;
  /** Frees the memory that is kept from one call for the next. The loss stays usable. */
  dispose(): void;
}

const unchecked = (value: unknown) => value;
const names = { isTensor: unchecked, read: unchecked, constant: unchecked, dot: unchecked, add: unchecked };

/**
 * Makes the loss for a framework.
 *
 *     const gldLoss = surrogateGld({
 *       isTensor: (value) => value instanceof tf.Tensor,
 *       read: (tensor) => ({ data: tensor.dataSync(), shape: tensor.shape }),
 *       constant: (data, shape) => tf.tensor(data, shape),
 *     });
 *
 * `relation.reduction` is `{ rows: 320 }` by default: β = 500 belongs to m = 320, the paper's 64 samples with d = 2, and a
 * smaller batch weighs the relation no more than others.
 *
 * @throws {GldError} A TypeError that names the function that is missing.
 */
export function surrogateGld<Tensor extends object>(framework: SurrogateFramework<Tensor>): SurrogateGld<Tensor> {
  const ops = readFramework(framework);
  const isTensor = ((_: string, value: unknown) => ops.isTensor(value)) as IsTensor<Tensor>;
  const workspaces = new Workspaces();

  /** Terms and tangent plane from what the core computed of these inputs. */
  function tangent({ gradients = {}, ...value }: GldResult<DenseTensor<OwnArray>>, inputs: Inputs): Surrogate<Tensor> {
    const offset =
      value.loss -
      Object.entries(gradients).reduce(
        (sum, [name, gradient]) =>
          sum + product(`student.${name}`, (inputs.student as object as Record<string, unknown>)[name], gradient),
        0,
      );
    const scalar = (student: SurrogateSide<Tensor>) => {
      const doubles = Object.values(gradients).some(({ data }) => data instanceof Float64Array);
      const constant = ops.constant(doubles ? Float64Array.of(offset) : Float32Array.of(offset), []);
      return pair<Tensor, DenseTensor<OwnArray>>(gradients, studentTensors(student, isTensor)).reduce(
        (sum, { tensor, gradient }) => ops.add(ops.dot(tensor, ops.constant(gradient.data, [...gradient.shape])), sum),
        constant,
      );
    };
    return { ...value, offset, gradients, scalar };
  }

  /** Reads what has to be there at once; `waiting` is the function that awaits it. */
  const readNow = (waiting: string) => (tensor: Tensor, argument: string) => {
    const elements = ops.read(tensor, argument);
    if (!isPromise(elements)) return elements;
    return fail('ERR_GLD_ADAPTER', argument, `elements from read(); ${waiting} awaits a promise`, 'a promise');
  };

  function withTerms(inputs: SurrogateInputs<Tensor>, options?: GldLossOptions) {
    const settings = checkOptions(tables.adapter, options);
    const found = new Found(inputs, isTensor);
    const gradients = differentiable(found.names, settings);
    const values = found.read(readNow('surrogate()'));
    const loss = workspaces.get(ownOptions(options), { ...settings, gradients });
    const { scalar, loss: number, terms, relationMethod } = tangent(loss.compute(values, weightsOf(settings)), values);
    return { scalar: scalar(inputs.student), loss: number, terms, relationMethod };
  }

  async function surrogate(
    inputs: SurrogateInputs<Tensor>,
    options?: SurrogateAsyncOptions,
  ): Promise<Surrogate<Tensor>> {
    const { signal, ...settings } = checkOptions(tables.adapterAsync, options);
    const own = ownOptions(options);
    const found = new Found(inputs, isTensor);
    const gradients = differentiable(found.names, settings);
    const values = await found.readLater(ops.read);
    const loss = workspaces.get(own, { ...settings, gradients });
    return tangent(await loss.computeAsync(values, { ...weightsOf(settings), signal }), values);
  }

  const check: SurrogateGld<Tensor>['check'] = (side, output, options) =>
    checkFound(findSide(side, output, options, isTensor).read(readNow('checkAsync()')), options);
  const checkAsync: SurrogateGld<Tensor>['checkAsync'] = async (side, output, options) =>
    checkFound(await findSide(side, output, options, isTensor).readLater(ops.read), options);

  const dispose = () => workspaces.dispose();
  const gldLoss = (inputs: SurrogateInputs<Tensor>, options?: GldLossOptions) => withTerms(inputs, options).scalar;
  return Object.assign(gldLoss, { withTerms, surrogate, check, checkAsync, dispose });
}

/** The framework's functions, called on the framework, with the default ones where it has none. */
function readFramework<Tensor>(framework: SurrogateFramework<Tensor>): Required<SurrogateFramework<Tensor>> {
  const given = expectObject('framework', framework, '{ isTensor, read, constant, dot?, add? }');
  const { isTensor, read, constant, dot, add } = known(names, given, 'framework');
  for (const [name, value] of Object.entries({ isTensor, read, constant, dot, add })) {
    const optional = name === 'dot' || name === 'add';
    if (typeof value === 'function' || (optional && value === undefined)) continue;
    fail('ERR_GLD_ARG_TYPE', `framework.${name}`, 'a function', describe(value));
  }
  return {
    isTensor: (value) => framework.isTensor(value),
    read: (tensor, argument) => framework.read(tensor, argument),
    constant: (data, shape) => framework.constant(data, shape),
    dot: (tensor, constant) => (framework.dot ?? multiplied).call(framework, tensor, constant),
    add: (a, b) => (framework.add ?? added).call(framework, a, b),
  };
}

interface Chained {
  mul(other: unknown): Chained;
  sum(): unknown;
  add(other: unknown): unknown;
}

const multiplied = <Tensor>(tensor: Tensor, constant: Tensor) => (tensor as Chained).mul(constant).sum() as Tensor;
const added = <Tensor>(a: Tensor, b: Tensor) => (a as Chained).add(b) as Tensor;

/** Σ x · g in double. */
function product(argument: string, elements: unknown, { data: gradient, shape }: DenseTensor): number {
  const view = new View();
  readFloats(view, argument, elements, [shape.length], 'of the gradient');
  const values = numbersOf(view) as ArrayLike<number>;
  let sum = 0;
  for (let i = 0; i < gradient.length; i += 1) sum += values[i] * gradient[i];
  return sum;
}
