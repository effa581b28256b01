/** Optimizers of tfjs, given or by their names. */
import type * as tfjs from '@tensorflow/tfjs';
import type { TfjsOptimizer } from '../adapters/tfjs-types.js';
import { hint, quoted } from '../check.js';
import { describe } from '../describe.js';
import { fail } from '../errors.js';

type Tf = typeof tfjs;

/** With the settings that tfjs has for a name in `model.compile`. */
const optimizers: Readonly<Record<string, (train: Tf['train']) => tfjs.Optimizer>> = {
  sgd: (train) => train.sgd(0.01),
  adam: (train) => train.adam(0.001),
  adamax: (train) => train.adamax(0.002),
  rmsprop: (train) => train.rmsprop(0.001),
  adagrad: (train) => train.adagrad(0.01),
  adadelta: (train) => train.adadelta(1),
};

/** Whether it is one. */
export function isOptimizer<Optimizer extends object>(value: Optimizer | string | undefined): value is Optimizer {
  return typeof (Object(value) as { minimize?: unknown }).minimize === 'function';
}

/** The one of a name. */
export function optimizerOf<Tensor, Scalar>(tf: object, name: unknown = 'sgd'): TfjsOptimizer<Tensor, Scalar> {
  const names = Object.keys(optimizers);
  const expected = `an optimizer of tf.train, or one of ${quoted(names)}`;
  if (typeof name !== 'string') return fail('ERR_GLD_ARG_TYPE', 'optimizer', expected, describe(name));
  const key = name.toLowerCase();
  if (!Object.hasOwn(optimizers, key))
    return fail('ERR_GLD_OPTION', 'optimizer', expected + hint(name, names), describe(name));
  return optimizers[key]((tf as Tf).train) as unknown as TfjsOptimizer<Tensor, Scalar>;
}

/** Frees what tfjs saved for the gradients of a function that threw, which it forgets. */
export function disposeTape(tf: object): void {
  const { state } = (tf as Tf).engine();
  if (state.gradientDepth > 0) return;
  for (const { saved = [] } of state.activeTape ?? []) for (const tensor of saved) tensor.dispose();
}
