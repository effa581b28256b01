/** A network of tfjs as a teacher. */
import { tf } from '../tfjs/backend.js';
import type { Network } from '../tfjs/networks.js';
import type { Numbers, Teacher } from './types.js';

/** The network as it is now: its classifier is read here. Disposing the teacher disposes the network. */
export function networkTeacher(network: Network): Teacher {
  const {
    map,
    classifier: { kernel, bias },
  } = network;
  const read = (tensor: tf.Tensor): Numbers => ({ data: Float32Array.from(tensor.dataSync()), shape: tensor.shape });
  return {
    form: {
      kind: 'features',
      shape: map,
      layout: 'NHWC',
      classifier: { weight: read(kernel), weightLayout: 'CK', bias: read(bias) },
    },
    outputs: ({ images, shape }) =>
      Promise.resolve(tf.tidy(() => network.features(tf.tensor4d(images, shape), false).dataSync() as Float32Array)),
    dispose: () => Promise.resolve(network.dispose()),
  };
}
