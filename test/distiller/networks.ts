/** Small models and data that the tests of the distiller share. */
import { tf } from '../support/tfjs.js';

export const K = 4;

export const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** A model with what image networks have: a depthwise separable block, batch norm, relu6, and a linear head. */
export function network({ filters = 6, seed = 1, dropout = 0, l2 = 0 } = {}): tf.LayersModel {
  const kernelInitializer = () => tf.initializers.glorotNormal({ seed });
  const kernelRegularizer = l2 > 0 ? tf.regularizers.l2({ l2 }) : undefined;
  const model = tf.sequential();
  const conv = { filters, kernelSize: 3, strides: 2, padding: 'same', useBias: false } as const;
  model.add(tf.layers.conv2d({ inputShape: [8, 8, 3], ...conv, kernelInitializer: kernelInitializer() }));
  model.add(tf.layers.batchNormalization({ momentum: 0.5 }));
  model.add(tf.layers.reLU({ maxValue: 6 }));
  model.add(
    tf.layers.depthwiseConv2d({
      kernelSize: 3,
      padding: 'same',
      useBias: false,
      depthwiseInitializer: kernelInitializer(),
    }),
  );
  model.add(tf.layers.batchNormalization({ momentum: 0.5 }));
  if (dropout > 0) model.add(tf.layers.dropout({ rate: dropout, seed: 7 }));
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(
    tf.layers.dense({
      units: K,
      activation: 'softmax',
      kernelInitializer: kernelInitializer(),
      ...(kernelRegularizer === undefined ? {} : { kernelRegularizer }),
    }),
  );
  return model;
}

/** Images of K classes that can be told apart, and their labels. */
export function samples(n: number, seed = 1) {
  return tf.tidy(() => {
    const labels = tf.tensor1d(
      Array.from({ length: n }, (_, i) => i % K),
      'int32',
    );
    const patterns = random([K, 8, 8, 3], 99);
    const images = tf.add(tf.gather(patterns, labels), tf.mul(0.5, random([n, 8, 8, 3], seed)));
    return { images: images as tf.Tensor4D, labels: labels as tf.Tensor1D };
  });
}

/** What the weights of a model are. */
export const weightsOf = (model: tf.LayersModel) =>
  model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));

/** The largest difference between the weights of two models. */
export function distance(a: tf.LayersModel, b: tf.LayersModel): number {
  const other = weightsOf(b);
  return Math.max(
    ...weightsOf(a).flatMap((values, i) => Array.from(values, (value, j) => Math.abs(value - other[i][j]))),
  );
}
