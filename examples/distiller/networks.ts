/** A small network in the manner of MobileNet: depthwise separable convolutions, batch norm, ReLU6, a linear classifier. */
import { tf } from '../tfjs/backend.js';

/** Weights are drawn from seeds, so that networks of one seed are the same. */
export interface NetworkOptions {
  side: number;
  channels: number;
  classes: number;
  /** Channels of the first layer; every block doubles them. */
  width: number;
  /** Strides of the blocks: the map has the side divided by their product. */
  strides: number[];
  seed: number;
}

export function separableNetwork({ side, channels, classes, width, strides, seed }: NetworkOptions): tf.LayersModel {
  let next = seed;
  const initializer = () => tf.initializers.heNormal({ seed: (next += 1) });
  const model = tf.sequential();
  const norm = () => {
    model.add(tf.layers.batchNormalization({ momentum: 0.9 }));
    model.add(tf.layers.reLU({ maxValue: 6 }));
  };
  const shared = { padding: 'same', useBias: false } as const;
  model.add(
    tf.layers.conv2d({
      inputShape: [side, side, channels],
      filters: width,
      kernelSize: 3,
      ...shared,
      kernelInitializer: initializer(),
    }),
  );
  norm();
  strides.forEach((stride, i) => {
    model.add(
      tf.layers.depthwiseConv2d({ kernelSize: 3, strides: stride, ...shared, depthwiseInitializer: initializer() }),
    );
    norm();
    const filters = width * 2 ** (i + 1);
    model.add(tf.layers.conv2d({ filters, kernelSize: 1, ...shared, kernelInitializer: initializer() }));
    norm();
  });
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(tf.layers.dense({ units: classes, activation: 'softmax', kernelInitializer: initializer() }));
  return model;
}
