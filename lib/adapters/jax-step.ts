/**
 * A training step for jax-js: `jaxStep(jax, config)` puts a teacher, a student, an optimizer and the loss together. The step
 * is a function of parameters, state and batch that returns new ones and keeps nothing of them.
 */
import { expectObject, known, number, optional, options as checkOptions, type Check } from '../check.js';
import { brackets, describe, isPromise } from '../describe.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import { gldSchedule, type Schedule } from '../schedule.js';
import { signal } from '../signal.js';
import type { GldLossOptions, SignalOption } from '../types.js';
import { entriesOf, Found } from './inputs.js';
import { arraysIn, arraysOfTree, expectReferences, guarded, isReadable, lending, release } from './jax-arrays.js';
import { jaxGld, type JaxResult, type JaxSide, type JaxTargets, type JaxValue } from './jax-loss.js';
import { isJaxArray, type JaxArray, type JaxLike } from './jax-types.js';
import { ownOptions } from './workspaces.js';

/**
 * An optimizer in the manner of optax, as those of jax-js's own package are. Both functions consume the arrays that they are
 * given and keep no more than what they return.
 */
export interface JaxOptimizer<Parameters, State> {
  /** The state before the first step. */
  init(parameters: Parameters): State;
  /** What is to be added to the parameters, in their structure, and the next state. */
  update(gradients: Parameters, state: State, parameters: Parameters): [updates: Parameters, state: State];
}

/** What {@link jaxStep} makes a step of. */
export interface JaxStepConfig<A, Parameters, Images, State> {
  /**
   * The network that is imitated: a side for images, which it consumes. What it captures it takes a reference of. Without it,
   * every batch has the teacher's side. @default none
   */
  readonly teacher?: ((images: Images) => JaxSide<A>) | undefined;
  /** The network that is trained: a side for parameters and images, both of which it consumes. */
  readonly student: (parameters: Parameters, images: Images) => JaxSide<A>;
  /** Makes updates of gradients. */
  readonly optimizer: JaxOptimizer<Parameters, State>;
  /** Options of the loss. @default those of {@link jaxGld} */
  readonly loss?: GldLossOptions | undefined;
  /**
   * How many steps the training has: the distillation terms come in over the first tenth of them, as {@link gldSchedule} has
   * it. A student that has just been made gets gradients from them that are many times those of the task, which it does not
   * recover from. One of `steps`, `warmup` and `schedule` has to be given. @default none
   */
  readonly steps?: number | undefined;
  /** Steps in which the distillation terms come in; 0 for none, as where there are no labels. @default a tenth of `steps` */
  readonly warmup?: number | undefined;
  /** Weights of the terms by the step, in the place of a warm-up. @default none */
  readonly schedule?: Schedule | undefined;
  /**
   * What the whole models put out, [n, K]: logits or their softmax. The first step checks the sides against it, as
   * {@link JaxGld.check} does, with another forward pass of the student. Both consume what they are given. @default none
   */
  readonly check?:
    | {
        readonly teacher?: ((images: Images) => A) | undefined;
        readonly student?: ((parameters: Parameters, images: Images) => A) | undefined;
      }
    | undefined;
}

/** What a step learns from: {@link JaxTargets}, and the images. */
export interface JaxBatch<A, Images> extends Omit<JaxTargets<A>, 'teacher'> {
  /** What the forward passes take: an array or a tree of arrays. */
  readonly images: Images;
  /** The teacher's side for these images, where the step has no teacher of its own. */
  readonly teacher?: JaxSide<A> | undefined;
}

/** What is known between two steps beside the parameters: a tree, to be kept or saved with them. */
export interface JaxStepState<State> {
  /** How many steps there have been, by which the weights of the terms go. */
  step: number;
  /** The optimizer's own. */
  optimizer: State;
}

/** What a step returns: the numbers of the batch, before the update, and what the next step takes. */
export interface JaxStepResult<Parameters, State> extends JaxValue {
  /** In the structure, and of the element types, of those that the step was given. The caller owns them. */
  parameters: Parameters;
  /** The caller owns its arrays. */
  state: JaxStepState<State>;
}

/** A training step. */
export interface JaxStep<A, Parameters, Images, State> {
  /**
   * One update. Consumes one reference of every array in its arguments, also if it throws: `tree.ref(parameters)` keeps them.
   *
   * @throws {GldError} As {@link JaxGld} does; `ERR_GLD_SPLIT` if a side is not what the whole model puts out.
   */
  (parameters: Parameters, state: JaxStepState<State>, batch: JaxBatch<A, Images>): JaxStepResult<Parameters, State>;
  /** The same off the event loop, for devices with asynchronous data (webgpu) too. Consumes its arrays when it settles. */
  async(
    parameters: Parameters,
    state: JaxStepState<State>,
    batch: JaxBatch<A, Images>,
    options?: SignalOption,
  ): Promise<JaxStepResult<Parameters, State>>;
  /** The state before the first step. Consumes the parameters. */
  init(parameters: Parameters): JaxStepState<State>;
  /** Frees the memory that is kept from one call for the next. The step stays usable. */
  dispose(): void;
}

type Forward = (...args: unknown[]) => unknown;
type AnyOptimizer = JaxOptimizer<unknown, unknown>;

const unread = (value: unknown) => value;

const forward: Check<Forward> = (value, path) =>
  typeof value === 'function' ? (value as Forward) : fail('ERR_GLD_ARG_TYPE', path, 'a function', describe(value));

const schedule: Check<Schedule> = (value, path) =>
  typeof value === 'function'
    ? (value as Schedule)
    : fail('ERR_GLD_ARG_TYPE', path, 'a function, which gldSchedule() gives', describe(value));

const optimizer: Check<AnyOptimizer> = (value, path) => {
  const { init, update } = Object(value) as Partial<AnyOptimizer>;
  if (typeof init === 'function' && typeof update === 'function') return value as AnyOptimizer;
  return fail('ERR_GLD_ARG_TYPE', path, 'an optimizer, { init, update }', describe(value));
};

/** The options that were given, with the weights that these have without a schedule. */
const loss = (value: unknown, path: string) => {
  const { alpha, beta, localWeight } = checkOptions(tables.adapter, value, path);
  return { ...ownOptions(value as GldLossOptions | undefined), alpha, beta, localWeight };
};

const outputs = { teacher: optional(forward), student: optional(forward) };

const stepText = 'a number of steps, at least 0';
const stepCount: Check<number> = (value, path) =>
  value === undefined ? fail('ERR_GLD_ARG_TYPE', path, stepText, describe(value)) : number(0, 0, stepText)(value, path);

const configTable = {
  teacher: optional(forward),
  student: forward,
  optimizer,
  loss,
  steps: optional(number(0, 1, 'a number of steps, at least 1')),
  warmup: optional(stepCount),
  schedule: optional(schedule),
  check: (value: unknown, path: string) => checkOptions(outputs, value, path),
};

const stateTable = { step: stepCount, optimizer: unread };

const { student: _, ...targetNames } = tables.inputs;
const batchTable = { ...targetNames, images: unread };

/** What the loss is asked for, at once or asynchronously. */
interface Work {
  now(): unknown;
  later(): Promise<unknown>;
}

/**
 * Makes a training step of a teacher, a student, an optimizer and the loss, with a warm-up.
 *
 *     const step = jaxStep(jax, { teacher, student, optimizer, steps: 1000 });
 *     let state = step.init(tree.ref(parameters));
 *     for (const { images, labels } of batches) {
 *       const next = step(parameters, state, { images, labels });
 *       ({ parameters, state } = next);
 *       console.log(next.loss, next.terms);
 *     }
 *
 * The student's images are constants: only the parameters are differentiated by. `relation.reduction` is `{ rows: 320 }` by
 * default, as {@link jaxGld} has it.
 *
 * @param jax the framework: `import * as jax from '@jax-js/jax'`, after `await jax.init()`
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function jaxStep<A extends JaxArray, Parameters, Images, State>(
  jax: JaxLike<A>,
  config: JaxStepConfig<A, Parameters, Images, State>,
): JaxStep<A, Parameters, Images, State> {
  const gldLoss = jaxGld(jax);
  const { teacher, student, optimizer, loss, check, ...course } = checkOptions(
    configTable,
    expectObject('config', config, '{ teacher?, student, optimizer, loss?, steps?, warmup?, schedule?, check? }'),
  );
  const weights = scheduleOf(loss, course);
  let checked = false;

  /**
   * One update, which yields what is computed now or later and is resumed with what came of it. It holds a reference of every
   * array until it ends, and lends others to what consumes them.
   */
  function* update(parameters: unknown, state: unknown, batch: unknown, options?: unknown): Generator<Work> {
    const { images, ...targets } = Object.fromEntries(entriesOf(Object(batch), batchTable));
    const trees = Object.entries({ parameters, state, 'batch.images': images }).map(
      ([name, tree]) => [name, arraysOfTree(jax, tree)] as const,
    );
    const [ofParameters, ofState, ofImages] = trees.map(([, arrays]) => arrays);
    const held = [...ofParameters, ...ofState, ...ofImages, ...arraysIn(targets)];
    /** Runs a forward pass, and holds the arrays of what it gives. */
    const run = (arrays: readonly JaxArray[], f: () => unknown) => {
      const result = lending(arrays, f);
      held.push(...arraysIn({ teacher: result }));
      return result;
    };
    const checkOf = (
      name: 'teacher' | 'student',
      side: unknown,
      arrays: readonly JaxArray[],
      model: () => unknown,
    ): Work => {
      const output = run(arrays, model);
      const args = () => {
        refer(arraysIn({ teacher: side, output }));
        return [side as JaxSide<A>, output as A, { name }] as const;
      };
      return { now: () => gldLoss.check(...args()), later: () => gldLoss.checkAsync(...args()) };
    };
    try {
      const settings = checkOptions({ signal }, options);
      expectParameters(jax, parameters);
      expectBatch(batch, images);
      expectTeacher(targets.teacher);
      const given = expectObject('state', state, '{ step, optimizer }, which init() gives');
      const { step, optimizer: before } = checkOptions(stateTable, given, 'state');
      expectArrays(trees, new Found(targets, isReadable).cells);
      const weighted = { ...loss, ...weights(step) };

      if (teacher !== undefined) targets.teacher = run(ofImages, () => teacher(images));
      const { teacher: teachers, student: students } = checked ? {} : check;
      if (teachers !== undefined) yield checkOf('teacher', targets.teacher, ofImages, () => teachers(images));
      if (students !== undefined) {
        const both = [...ofParameters, ...ofImages];
        const side = run(both, () => student(parameters, images));
        yield checkOf('student', side, both, () => students(parameters, images));
      }
      checked = true;

      const args = () => {
        refer([...ofParameters, ...arraysIn(targets)]);
        const traced = (primal: unknown) => lending(ofImages, () => student(primal, images)) as JaxSide<A>;
        return [traced, [parameters] as [unknown], targets as unknown as JaxTargets<A>] as const;
      };
      const { gradients, ...value } = (yield {
        now: () => gldLoss(...args(), weighted),
        later: () => gldLoss.async(...args(), { ...weighted, ...settings }),
      }) as JaxResult<[unknown]>;
      const ofGradients = arraysOfTree(jax, gradients);
      held.push(...ofGradients);

      const made: unknown = lending([...ofGradients, ...ofState, ...ofParameters], () =>
        optimizer.update(gradients[0], before, parameters),
      );
      const [updates, next] = guarded(arraysOfTree(jax, made), () => expectUpdates(jax, made, parameters));
      const ofUpdates = arraysOfTree(jax, updates);
      held.push(...ofUpdates);
      const moved = guarded(arraysOfTree(jax, next), () =>
        lending([...ofParameters, ...ofUpdates], () => jax.tree.map(add, parameters, updates)),
      );
      return { ...value, parameters: moved, state: { step: step + 1, optimizer: next } };
    } finally {
      release(held);
    }
  }

  function expectTeacher(side: unknown): void {
    if (teacher === undefined && side === undefined) {
      fail('ERR_GLD_ARG_TYPE', 'batch.teacher', "the teacher's side, as the step has no teacher", 'undefined');
    }
    if (teacher !== undefined && side !== undefined) {
      fail('ERR_GLD_OPTION', 'batch.teacher', 'none beside a teacher of the step', describe(side));
    }
  }

  function init(parameters: unknown): JaxStepState<unknown> {
    const arrays = arraysOfTree(jax, parameters);
    try {
      expectParameters(jax, parameters);
      expectArrays([['parameters', arrays]]);
      return { step: 0, optimizer: lending(arrays, () => optimizer.init(parameters)) };
    } finally {
      release(arrays);
    }
  }

  type Given = readonly [parameters: unknown, state: unknown, batch: unknown];
  const step = (...[parameters, state, batch]: Given) => runNow(update(parameters, state, batch));
  const async = async (...[parameters, state, batch, options]: [...Given, options?: SignalOption]) =>
    runLater(update(parameters, state, batch, options));
  // The compiler cannot see that jax-js keeps the structure of trees.
  return Object.assign(step, { async, init, dispose: () => gldLoss.dispose() }) as never;
}

function runNow(update: Generator<Work>): unknown {
  try {
    let at = update.next();
    while (!at.done) at = update.next(at.value.now());
    return at.value;
  } finally {
    update.return(undefined);
  }
}

async function runLater(update: Generator<Work>): Promise<unknown> {
  try {
    let at = update.next();
    while (!at.done) at = update.next(await at.value.later());
    return at.value;
  } finally {
    update.return(undefined);
  }
}

/** The weights of the terms by the step. */
function scheduleOf(
  { alpha, beta, localWeight }: ReturnType<typeof loss>,
  course: { steps: number | undefined; warmup: number | undefined; schedule: Schedule | undefined },
): Schedule {
  const [first, second] = Object.entries(course).filter(([, value]) => value !== undefined);
  if (first === undefined) {
    const expected = 'a number of steps, at least 1, as there is no warmup and no schedule';
    fail('ERR_GLD_ARG_TYPE', 'steps', expected, 'undefined');
  }
  if (second !== undefined) fail('ERR_GLD_OPTION', second[0], `none beside ${first[0]}`, describe(second[1]));
  const { steps = 0, warmup = steps / 10, schedule = gldSchedule({ alpha, beta, localWeight, warmup }) } = course;
  return schedule;
}

function expectParameters({ tree }: JaxLike, parameters: unknown): void {
  const leaves: unknown[] = tree.leaves(parameters);
  if (leaves.every(isJaxArray)) return;
  const other = leaves.find((leaf) => !isJaxArray(leaf));
  fail('ERR_GLD_ARG_TYPE', 'parameters', 'an array or a tree of arrays', describe(other));
}

function expectBatch(batch: unknown, images: unknown): void {
  known(
    batchTable,
    expectObject('batch', batch, '{ images, labels?, sampleWeights?, classWeights?, teacher? }'),
    'batch',
  );
  if (images === undefined || isPromise(images)) {
    fail('ERR_GLD_ARG_TYPE', 'batch.images', 'an array or a tree of arrays', describe(images));
  }
}

/** Refuses arrays that cannot be read, or that are used more often than there are references to them. */
function expectArrays(
  trees: (readonly [name: string, arrays: JaxArray[]])[],
  cells: Parameters<typeof expectReferences>[0] = [],
) {
  const uses = trees.flatMap(([name, arrays]) =>
    arrays.map((tensor, i) => ({ argument: `${name} (array ${i})`, tensor })),
  );
  uses.forEach(({ argument, tensor }) => isReadable(argument, tensor));
  expectReferences([...uses, ...cells]);
}

/** What an optimizer returned: updates that fit the parameters, and its next state. */
function expectUpdates(
  { tree }: JaxLike,
  made: unknown,
  parameters: unknown,
): readonly [updates: unknown, state: unknown] {
  const path = 'optimizer.update()';
  if (!Array.isArray(made) || made.length !== 2) {
    return fail('ERR_GLD_ARG_TYPE', path, 'the updates and the next state, [updates, state]', describe(made));
  }
  const [updates, state] = made as [unknown, unknown];
  const leaves: unknown[] = tree.leaves(updates);
  if (!tree.structure(updates).equals(tree.structure(parameters)) || !leaves.every(isJaxArray)) {
    fail(
      'ERR_GLD_ARG_TYPE',
      `${path}[0]`,
      'updates in the structure of the parameters, their keys in its order',
      describe(updates),
    );
  }
  arraysOfTree({ tree }, parameters).forEach(({ shape }, i) => {
    const received = (leaves[i] as JaxArray).shape;
    if (received.join() === shape.join()) return;
    fail('ERR_GLD_SHAPE', `${path}[0] (array ${i})`, `shape ${brackets(shape)}`, brackets(received));
  });
  return [updates, state];
}

/** Makes a reference for every time that an array is in the list, to be consumed. */
function refer(arrays: readonly JaxArray[]): void {
  for (const array of arrays) void array.ref;
}

function add(parameter: JaxArray, update: JaxArray): JaxArray {
  const { dtype } = parameter;
  return parameter.add(update).astype(dtype);
}
