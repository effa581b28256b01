/**
 * The loss for jax-js: `jaxGld(jax)` runs the student under `vjp`, computes the loss from what comes out, and hands its
 * gradients back as cotangents. One forward pass; any tree of parameters. The framework is an argument; nothing of it is
 * imported.
 *
 * **Who owns what.** As everywhere in jax-js, a call consumes the arrays that it is given, one reference for each time
 * that one is passed: parameters, teacher, labels. `x.ref` or `tree.ref(parameters)` keeps another. They are consumed
 * too if the call throws or rejects. Arrays that a call returns are the caller's.
 */
import type { CheckSideOptions, SideCheck } from '../check-side.js';
import { expectObject, options as checkOptions } from '../check.js';
import { describe, isPromise } from '../describe.js';
import { fail } from '../errors.js';
import { tables, type Settings } from '../options.js';
import type { AbortSignalLike, DenseTensor, GldLossOptions, GldResult, GradientName, TensorLike } from '../types.js';
import {
  checkFound,
  differentiable,
  readTargets,
  findSide,
  Found,
  pair,
  studentTensors,
  type Differentiated,
} from './inputs.js';
import {
  arrayOf,
  arraysIn,
  arraysOfTree,
  expectReferences,
  guarded,
  isReadable,
  read,
  readSync,
  release,
} from './jax-arrays.js';
import { isJaxArray, type JaxArray, type JaxLike } from './jax-types.js';
import { pullbackOf, runForward, type Forward } from './jax-vjp.js';
import {
  surrogateGld,
  type SurrogateAsyncOptions,
  type SurrogateInputs,
  type SurrogateSide,
  type SurrogateValue,
} from './surrogate.js';
import { ownOptions, weightsOf, Workspaces } from './workspaces.js';

/** A teacher or a student: {@link Inputs}' sides, with arrays of jax-js wherever the core takes a tensor. */
export type JaxSide<A> = SurrogateSide<A>;
/** The core's inputs, with arrays of jax-js wherever it takes a tensor. */
export type JaxInputs<A> = SurrogateInputs<A>;
/** All but the student. */
export type JaxTargets<A> = Omit<JaxInputs<A>, 'student'>;
/** The loss and its terms as numbers. */
export type JaxValue = SurrogateValue;
/** Options of the asynchronous forms. */
export type JaxAsyncOptions = SurrogateAsyncOptions;

/** What {@link JaxGld} returns: the numbers, and the gradients of the loss. */
export interface JaxResult<Primals> extends JaxValue {
  /** One for each of the primals, in its structure. The caller owns them. */
  gradients: Primals;
}

/** Takes the loss's cotangent, 1 by default, to those of the primals. */
export interface JaxPullback<A, Primals> {
  /** The gradients times the cotangent, one for each of the primals. A cotangent that is an array is consumed. */
  (cotangent?: number | A): Primals;
  /** Frees what the forward pass kept. Has to be called once, whether or not the pullback was. */
  dispose(): void;
}

/** The loss's tangent plane as arrays, to be passed to a compiled function as an argument. */
export type JaxConstants<A> = { offset: A; gradients: { [name in GradientName]?: A } };

/** The loss at one point, where its value and gradients are known. It keeps typed arrays: there is nothing to free. */
export interface JaxSurrogate<A> extends JaxValue {
  /** {@link JaxGld.scalar} with {@link constants}: for a function that is not compiled. Consumes the student's arrays. */
  scalar(student: JaxSide<A>): A;
  /** What {@link JaxGld.scalar} takes as its second argument, in new arrays that the caller owns. */
  constants(): JaxConstants<A>;
}

/** The loss for arrays of jax-js. */
export interface JaxGld<A extends JaxArray> {
  /**
   * The loss and its gradients with respect to `primals`, all consumed, by one forward pass and a hand-off of cotangents.
   * `forward` gets the primals under differentiation and returns the student's side, as in jax-js consuming what it gets;
   * `gradients` in the options leaves out parts of that, which then count as constants.
   *
   *     const { loss, gradients: [dParameters] } = gldLoss(
   *       (p, x) => ({ features: network(p, x), weight: p.weight.ref, bias: p.bias.ref }),
   *       [tree.ref(parameters), images.ref],
   *       { teacher: tree.ref(teacher), labels: labels.ref },
   *     );
   *
   * @throws {GldError} As the core's `gldLoss` does; ERR_GLD_ADAPTER for tracers, whose values nobody knows yet
   * (inside of `grad`, `vmap`, `jit`), and on devices without synchronous data; ERR_GLD_DISPOSED for freed arrays.
   */
  <Primals extends unknown[]>(
    forward: (...primals: Primals) => JaxSide<A>,
    primals: [...Primals],
    targets: JaxTargets<A>,
    options?: GldLossOptions,
  ): JaxResult<Primals>;
  /**
   * The same off the event loop, for devices with asynchronous data (webgpu) too. The forward pass has run, and every
   * read has begun, when this returns.
   */
  async<Primals extends unknown[]>(
    forward: (...primals: Primals) => JaxSide<A>,
    primals: [...Primals],
    targets: JaxTargets<A>,
    options?: JaxAsyncOptions,
  ): Promise<JaxResult<Primals>>;
  /** The same in two steps, as `jax.vjp`, for a loss that is part of a larger one. */
  vjp<Primals extends unknown[]>(
    forward: (...primals: Primals) => JaxSide<A>,
    primals: [...Primals],
    targets: JaxTargets<A>,
    options?: GldLossOptions,
  ): [value: JaxValue, pullback: JaxPullback<A, Primals>];
  /**
   * The loss at these inputs, all consumed, as something to differentiate where values cannot be read: in a function that
   * is compiled by `jit`. It costs a second forward pass there.
   *
   *     const step = jit(grad((p, x, constants) => gldLoss.scalar(student(p, x), constants)));
   *
   *     const at = await gldLoss.surrogate({ teacher, student: student(tree.ref(parameters), x.ref), labels });
   *     const gradients = step(tree.ref(parameters), x, at.constants());
   *
   * A compiled function keeps for ever what it was traced with, so the constants have to be an argument of it.
   */
  surrogate(inputs: JaxInputs<A>, options?: JaxAsyncOptions): Promise<JaxSurrogate<A>>;
  /**
   * The loss's tangent plane at the point of a surrogate: its value and its gradients there, where jax-js traces or not.
   * Only first derivatives are right: to jax-js, the gradients are constants. Consumes all arrays.
   */
  scalar(student: JaxSide<A>, constants: JaxConstants<A>): A;
  /**
   * Checks that a side is what its model computes, as the core's {@link checkSide} does: the mean over the map times the
   * classifier has to be what the whole model puts out for the same batch, [n, K], or what that is the softmax of.
   * Consumes all arrays.
   *
   * @throws {GldError} `ERR_GLD_SPLIT`, which says where they differ and why that may be.
   */
  check(side: JaxSide<A>, output: A | TensorLike, options?: CheckSideOptions): SideCheck;
  /** The same on devices with asynchronous data. */
  checkAsync(side: JaxSide<A>, output: A | TensorLike, options?: CheckSideOptions): Promise<SideCheck>;
  /** Frees the memory that is kept from one call for the next. The loss stays usable. */
  dispose(): void;
}

/**
 * Makes the loss for jax-js. `relation.reduction` is `{ rows: 320 }` by default: β = 500 belongs to m = 320, the paper's 64
 * samples with d = 2, and a smaller batch weighs the relation no more than others.
 *
 * @param jax the framework: `import * as jax from '@jax-js/jax'`, after `await jax.init()`
 */
export function jaxGld<A extends JaxArray>(jax: JaxLike<A>): JaxGld<A> {
  expectObject('jax', jax, 'the framework, which import * as jax gives');
  const workspaces = new Workspaces();

  /** The hand-off up to the forward pass's values, which are still to be read, and all arrays that are consumed then. */
  function begin(
    forward: (...primals: never[]) => unknown,
    primals: unknown[],
    targets: JaxTargets<A>,
    options: JaxAsyncOptions | undefined,
    table: typeof tables.adapter,
  ) {
    const owned = arraysIn(targets);
    const arrays = arraysOfTree(jax, primals);
    const { given, signal, ...settings } = guarded([...owned, ...arrays], () => {
      const checked: Settings & { signal?: AbortSignalLike | undefined } = checkOptions(table, options);
      if (typeof forward !== 'function') fail('ERR_GLD_ARG_TYPE', 'forward', 'a function', describe(forward));
      if (!Array.isArray(primals)) fail('ERR_GLD_ARG_TYPE', 'primals', 'an array of arguments', describe(primals));
      primals.forEach((each, i) => {
        if (isPromise(each)) fail('ERR_GLD_ARG_TYPE', `primals[${i}]`, 'an array or a tree of arrays', describe(each));
      });
      const given = readTargets(targets);
      const uses = arrays.map((tensor, i) => ({ argument: `primals (array ${i})`, tensor }));
      uses.forEach(({ argument, tensor }) => isReadable(argument, tensor));
      expectReferences([...uses, ...new Found(given, isReadable).cells]);
      return { ...checked, given };
    });
    const run = guarded(owned, () => runForward(jax, forward, primals, arrays));
    owned.push(...arraysIn({ student: run.student }));
    return guarded([...owned, run.back], () => {
      const found = new Found({ ...given, student: run.student }, isReadable);
      const gradients = differentiable(found.names, settings);
      const loss = workspaces.get(ownOptions(options), { ...settings, gradients });
      return { owned, found, loss, weights: weightsOf(settings), signal, run };
    });
  }

  function vjp(...[forward, primals, targets, options]: HandOff<A, GldLossOptions>) {
    const { owned, found, loss, weights, run } = begin(forward, primals, targets, options, tables.adapter);
    try {
      return guarded([run.back], () => close(loss.compute(found.read(readSync), weights), run));
    } finally {
      release(owned);
    }
  }

  async function vjpAsync(...[forward, primals, targets, options]: HandOff<A, JaxAsyncOptions>) {
    const begun = begin(forward, primals, targets, options, tables.adapterAsync);
    const { owned, found, loss, weights, signal, run } = begun;
    try {
      return close(await loss.computeAsync(await found.readLater(read), { ...weights, signal }), run);
    } catch (error) {
      run.back.dispose();
      throw error;
    } finally {
      release(owned);
    }
  }

  /** The core's result as a value and a pullback. */
  function close({ gradients = {}, ...value }: GldResult, run: Forward) {
    return [value, pullbackOf(jax, run, gradients)] as const;
  }

  function finish([value, pullback]: ReturnType<typeof close>): JaxResult<unknown[]> {
    try {
      return { ...value, gradients: pullback() };
    } finally {
      pullback.dispose();
    }
  }

  const surrogates = surrogateGld<A>({
    isTensor: isJaxArray,
    read,
    // Its own scalars are not used, but made by scalar() below.
    constant: (data, shape) => arrayOf(jax, { data, shape }, { dtype: 'float32', device: 'cpu' }),
  });

  async function surrogate(inputs: JaxInputs<A>, options?: JaxAsyncOptions): Promise<JaxSurrogate<A>> {
    const owned = arraysIn(inputs);
    try {
      const { cells } = new Found(inputs, isReadable);
      expectReferences(cells);
      const likes = new Map(cells.map(({ argument, tensor: { dtype, device } }) => [argument, { dtype, device }]));
      const likeOf = (name: string | undefined) =>
        likes.get(`student.${name}`) ?? { dtype: 'float32', device: undefined };
      const { offset, gradients, scalar: _, ...value } = await surrogates.surrogate(inputs, options);
      const parts = Object.entries(gradients) as [GradientName, DenseTensor][];
      const constants = (): JaxConstants<A> => ({
        offset: arrayOf(jax, { data: Float64Array.of(offset), shape: [] }, likeOf(parts[0]?.[0])),
        gradients: Object.fromEntries(parts.map(([name, gradient]) => [name, arrayOf(jax, gradient, likeOf(name))])),
      });
      return { ...value, constants, scalar: (student) => scalar(student, constants()) };
    } finally {
      release(owned);
    }
  }

  function scalar(student: JaxSide<A>, { offset, gradients }: JaxConstants<A>): A {
    const arrays = arraysIn({ student }) as A[];
    let parts: Differentiated<A, A>[];
    try {
      parts = pair<A, A>(
        gradients,
        studentTensors(student, (_, value): value is A => isJaxArray(value)),
      );
    } catch (error) {
      release([...arrays, offset, ...Object.values(gradients)]);
      throw error;
    }
    const used = parts.map(({ tensor }) => tensor);
    const sum = parts.reduce((sum, { tensor, gradient }) => sum.add(tensor.mul(gradient).sum()), offset);
    release(arrays.filter((array) => !used.includes(array)));
    return sum;
  }

  /** What is to be checked, once all of it has a reference. */
  function findReadable(...[side, output, options]: Parameters<JaxGld<A>['check']>): Found<JaxArray> {
    const found = findSide(side, output, options, isReadable);
    expectReferences(found.cells);
    return found;
  }

  function check(...args: Parameters<JaxGld<A>['check']>): SideCheck {
    const [side, output, options] = args;
    const owned = arraysIn({ teacher: side, output });
    try {
      return checkFound(findReadable(...args).read(readSync), options);
    } finally {
      release(owned);
    }
  }

  async function checkAsync(...args: Parameters<JaxGld<A>['checkAsync']>): Promise<SideCheck> {
    const [side, output, options] = args;
    const owned = arraysIn({ teacher: side, output });
    try {
      return checkFound(await findReadable(...args).readLater(read), options);
    } finally {
      release(owned);
    }
  }

  const gldLoss = (...args: HandOff<A, GldLossOptions>) => finish(vjp(...args));
  const async = async (...args: HandOff<A, JaxAsyncOptions>) => finish(await vjpAsync(...args));
  const dispose = () => {
    workspaces.dispose();
    surrogates.dispose();
  };
  // That gradients have the structure of the primals is jax-js's to know.
  return Object.assign(gldLoss, { async, vjp, surrogate, scalar, check, checkAsync, dispose }) as unknown as JaxGld<A>;
}

type HandOff<A, Options> = [
  forward: (...primals: never[]) => unknown,
  primals: unknown[],
  targets: JaxTargets<A>,
  options?: Options | undefined,
];
