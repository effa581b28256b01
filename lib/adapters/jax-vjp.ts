/** The student under `jax.vjp`: a forward pass, and the way back for the loss's gradients. */
import { known } from '../check.js';
import { fail } from '../errors.js';
import { gradientNames, tables } from '../options.js';
import { expectSide as expectFields, sideText } from '../sides.js';
import type { Gradient, GradientName } from '../types.js';
import { entriesOf } from './inputs.js';
import { arrayOf, arraysIn, consuming, release, type Like } from './jax-arrays.js';
import { isConcrete, isJaxArray, type JaxArray, type JaxLike } from './jax-types.js';

/** What `jax.vjp` returns beside the outputs. */
export interface Back {
  (cotangents: object): unknown[];
  dispose(): void;
}

export interface Forward {
  /** The student's side as the forward pass gave it, with arrays whose values are known. */
  student: Record<string, unknown>;
  /** Of what it is differentiated by: the names, and what cotangents have to be like. */
  outputs: [name: GradientName, like: Like & Pick<JaxArray, 'shape'>][];
  back: Back;
}

/** Runs the forward pass. Consumes the primals' arrays, which are `arrays`, whether it throws or not. */
export function runForward(
  jax: JaxLike,
  forward: (...primals: never[]) => unknown,
  primals: unknown[],
  arrays: JaxArray[],
): Forward {
  return consuming(arrays, () => {
    let rest: Record<string, unknown> = {};
    const [out, back] = jax.vjp((...traced: never[]) => {
      const entries = entriesOf(expectSide(forward(...traced)), tables.side);
      rest = Object.fromEntries(entries.filter((entry) => !isOutput(entry)));
      return Object.fromEntries(entries.filter(isOutput));
    }, primals) as [Record<string, JaxArray>, Back];
    const outputs = Object.entries(out).map(([name, { shape, dtype, device }]): Forward['outputs'][number] => [
      name as GradientName,
      { shape, dtype, device },
    ]);
    return { student: { ...rest, ...out }, outputs, back };
  });
}

/**
 * What the loss is differentiated by: layouts, masks and typed arrays are not, and neither are arrays that depend on no primal,
 * for which `jax.vjp` takes the cotangents of others.
 */
function isOutput([name, value]: [string, unknown]): boolean {
  return gradientNames.includes(name as GradientName) && isJaxArray(value) && !isConcrete(value);
}

/** The side that forward returned; what is wrong with it gives up its arrays. */
function expectSide(side: unknown): object {
  try {
    if (isJaxArray(side)) fail('ERR_GLD_ARG_TYPE', 'student', `what forward returns: ${sideText}`, 'an array');
    return known(tables.side, expectFields('student', side), 'student');
  } catch (error) {
    release(arraysIn({ student: side }));
    throw error;
  }
}

/** The way back of the loss: its gradients times a cotangent, as cotangents of the forward pass's outputs. */
export function pullbackOf(
  jax: JaxLike,
  { outputs, back }: Pick<Forward, 'outputs' | 'back'>,
  gradients: { readonly [name in GradientName]?: Gradient },
) {
  let disposed = false;
  const pullback = (cotangent: number | JaxArray = 1): unknown[] => {
    try {
      if (disposed) fail('ERR_GLD_DISPOSED', 'pullback', 'one in use', 'one that was disposed');
      return back(
        Object.fromEntries(
          outputs.map(([name, like]) => {
            const gradient = gradients[name];
            if (gradient === undefined) return [name, jax.numpy.zeros(like.shape, like)];
            const array = arrayOf(jax, gradient, like);
            return [name, cotangent === 1 ? array : array.mul(isJaxArray(cotangent) ? cotangent.ref : cotangent)];
          }),
        ),
      );
    } finally {
      if (isJaxArray(cotangent)) release([cotangent]);
    }
  };
  const dispose = () => {
    if (!disposed) back.dispose();
    disposed = true;
  };
  return Object.assign(pullback, { dispose });
}
