import { fail } from '../errors.js';
import type { Differentiated } from './inputs.js';
import type { TfjsLike, TfjsTensor } from './tfjs-types.js';

/**
 * A scalar of a known value and known gradients, as an operation of TensorFlow.js. The gradients are kept as typed
 * arrays, which nobody has to dispose, until tfjs asks for them; then they are multiplied by the upstream cotangent.
 * The arrays must not be written to again: tfjs's cpu backend keeps the very array that a tensor is made from.
 *
 * @param isOne whether an upstream cotangent is known to be 1, which saves that product
 */
export function differentiableScalar<Tensor extends TfjsTensor, Scalar extends Tensor>(
  tf: TfjsLike<Tensor, Scalar>,
  value: number,
  wrt: Differentiated<Tensor>[],
  isOne: (dy: Tensor) => boolean,
): Scalar {
  if (wrt.length === 0) return tf.scalar(value, 'float32');
  const inputs = wrt.map(({ tensor }) => tensor);
  const operation = tf.customGrad(() => ({
    value: tf.scalar(value, 'float32'),
    gradFunc(dy) {
      // Recording during the backward pass: somebody differentiates the gradient.
      const nested = tf.engine().isTapeOn();
      return wrt.map(({ gradient: { data, shape } }) => {
        // Of float32, as every tensor that tfjs differentiates.
        const gradient = () => tf.tensor(data as Float32Array, shape, 'float32');
        if (nested) return tf.mul(constantOf(tf, gradient, inputs), dy);
        return isOne(dy) ? gradient() : tf.mul(gradient(), dy);
      });
    },
  }));
  return operation(...inputs) as Scalar;
}

/**
 * A gradient that tfjs takes for a function of the loss's inputs, which it is, and that refuses to be differentiated by
 * them. As a mere constant, tfjs would leave its part out of the second derivative without a word.
 *
 * The inputs may have been disposed with the forward pass's scope; their place in tfjs's record is all that counts.
 */
function constantOf<Tensor extends TfjsTensor, Scalar extends Tensor>(
  tf: TfjsLike<Tensor, Scalar>,
  gradient: () => Tensor,
  inputs: Tensor[],
): Tensor {
  const refuse = () =>
    fail('ERR_GLD_ADAPTER', 'gldLoss', 'to be differentiated once', 'a second derivative, which it does not have');
  return tf.customGrad(() => ({ value: gradient(), gradFunc: refuse }))(...inputs);
}
