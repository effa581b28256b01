import { expectObject, number, oneOf, optional, options, type Check, type Checked } from './check.js';
import { describe } from './describe.js';
import { fail } from './errors.js';
import { usualWeights, weightText } from './options.js';

/**
 * A weight that goes from one value to another while the step goes from `start` to `end`; before and after, it is what it is
 * there.
 */
export interface Ramp {
  readonly from: number;
  readonly to: number;
  /** The step at which it begins. @default 0 */
  readonly start?: number | undefined;
  /** The step at which it ends, greater than `start`. @default `steps` of the schedule */
  readonly end?: number | undefined;
  /** A straight line, or half a wave, which begins and ends slowly. @default 'linear' */
  readonly shape?: 'linear' | 'cosine' | undefined;
}

/** A weight of a term: the same at every step, or a {@link Ramp}. */
export type ScheduledWeight = number | Ramp;

/** What {@link gldSchedule} makes a schedule of. */
export interface ScheduleOptions {
  /** α; at least 0, and at most 1 when there are labels. @default 0.7 */
  readonly alpha?: ScheduledWeight | undefined;
  /** β, at least 0. 500 belongs to m = 320 rows, see {@link RelationOptions}. @default 500 */
  readonly beta?: ScheduledWeight | undefined;
  /** Weight of the local term, at least 0. @default 1 */
  readonly localWeight?: ScheduledWeight | undefined;
  /**
   * Steps in which the distillation terms come in: α, β and the local weight are multiplied by a factor that grows evenly
   * from 0 at step 0 to 1 at this step. As the task term weighs 1 - α, it has its full weight at first and gives way as the
   * teacher comes in.
   * @default 0
   */
  readonly warmup?: number | undefined;
  /** The length of the training: where ramps without an `end` end. @default none */
  readonly steps?: number | undefined;
}

/** The weights of the terms at one step. */
export interface StepWeights {
  alpha: number;
  beta: number;
  localWeight: number;
}

/** The weights at a step, in a new object, or written into one that is given. */
export interface Schedule {
  (step: number): StepWeights;
  <T extends object>(step: number, into: T): T & StepWeights;
}

const stepText = 'a number of steps, at least 0';
const steps = number(0, 0, stepText);

const ramp = {
  from: required,
  to: required,
  start: steps,
  end: optional(steps),
  shape: oneOf(['linear', 'cosine'], 'linear'),
};

function required(value: unknown, path: string): number {
  if (value === undefined) fail('ERR_GLD_ARG_TYPE', path, weightText, describe(value));
  return number(0, 0, weightText)(value, path);
}

type CheckedRamp = Checked<typeof ramp>;

/** A constant is a ramp that never gets anywhere. */
function weight(fallback: number): Check<CheckedRamp> {
  return (value, path) => {
    if (typeof value === 'object' && value !== null) return options(ramp, value, path);
    const constant = number(fallback, 0, `${weightText}, or a ramp { from, to }`)(value, path);
    return { from: constant, to: constant, start: 0, end: Infinity, shape: 'linear' };
  };
}

const table = {
  alpha: weight(usualWeights.alpha),
  beta: weight(usualWeights.beta),
  localWeight: weight(usualWeights.localWeight),
  warmup: steps,
  steps: ramp.end,
};

/**
 * A schedule of the weights of the terms over the steps of a training, as a pure function of the step: for
 * {@link GldLoss.compute}, which takes weights with every call.
 *
 *     const schedule = gldSchedule({ alpha: { from: 0.9, to: 0.5, shape: 'cosine' }, warmup: 500, steps: 20_000 });
 *     loss.compute(inputs, { ...schedule(step), out });
 *
 * Steps may be fractions, so epochs do as well. `schedule(step, options)` writes the weights into the options that are kept
 * from call to call, and returns those: nothing is allocated.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function gldSchedule(settings?: ScheduleOptions): Schedule {
  const { warmup, steps, ...given } = options(table, settings);
  const ramps = [
    ended('alpha', given.alpha, steps),
    ended('beta', given.beta, steps),
    ended('localWeight', given.localWeight, steps),
  ];
  // Fractions that a function returns are allocated; these are not.
  const now = new Float64Array(ramps.length);
  return (step: number, into: object = {}) => {
    if (typeof step !== 'number') fail('ERR_GLD_ARG_TYPE', 'step', stepText, describe(step));
    if (!(step >= 0 && step < Infinity)) fail('ERR_GLD_OPTION', 'step', stepText, String(step));
    const weights = expectObject('into', into, 'an object') as unknown as StepWeights;
    const share = step < warmup ? step / warmup : 1;
    for (let i = 0; i < ramps.length; i += 1) {
      const { from, to, start, end, shape } = ramps[i];
      const passed = Math.min(Math.max((step - start) / (end - start), 0), 1);
      const way = shape === 'cosine' ? (1 - Math.cos(Math.PI * passed)) / 2 : passed;
      now[i] = share * (way === 1 ? to : from + (to - from) * way);
    }
    weights.alpha = now[0];
    weights.beta = now[1];
    weights.localWeight = now[2];
    return weights as never;
  };
}

/** The ramp with its end, which must come after its start. */
function ended(path: string, ramp: CheckedRamp, steps: number | undefined): CheckedRamp & { readonly end: number } {
  const end = ramp.end ?? steps;
  if (end === undefined) fail('ERR_GLD_ARG_TYPE', `${path}.end`, 'a step, as there are no steps either', 'undefined');
  if (end <= ramp.start) fail('ERR_GLD_OPTION', `${path}.end`, `a step after ${ramp.start}, its start`, String(end));
  return { ...ramp, end };
}
