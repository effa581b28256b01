/** A network of tfjs as a teacher. */
import type { Dataset } from '../data/index.js';
import { tf } from '../tfjs/backend.js';
import type { Network } from '../tfjs/networks.js';
import type { Numbers, Teacher } from './types.js';

/** Takes over the network, as it is: its classifier is read here. */
export function networkTeacher(network: Network, { height, width, channels }: Dataset): Teacher {
  const { map, classifier: { kernel, bias } } = network;
  const read = (tensor: tf.Tensor): Numbers => ({ data: Float32Array.from(tensor.dataSync()), shape: tensor.shape });
  return {
    form: {
      kind: 'features', shape: map, layout: 'NHWC',
      classifier: { weight: read(kernel), weightLayout: 'CK', bias: read(bias) },
    },
    outputs: ({ images, size }) => Promise.resolve(tf.tidy(() =>
      network.features(tf.tensor4d(images, [size, height, width, channels]), false).dataSync() as Float32Array)),
    dispose: () => Promise.resolve(network.dispose()),
  };
}
