/** Building blocks of the networks: named parameters, convolution + batch norm, the linear classifier. */
import type { Rng } from '../data/rng.js';
import { tf } from './backend.js';
import { batchNorm, batchNormEpsilon, channelAffine } from './batch-norm.js';

/** [height, width, channels] */
export type MapShape = [number, number, number];

/** New statistics weigh this much in the running averages, as in PyTorch. */
const statisticsMomentum = 0.1;

/** Makes the names of variables unique, as tfjs wants them among all that are alive. */
let made = 0;

/** All variables of a network, in the order of their making. */
export class Parameters {
  private readonly prefix: string;

  readonly trainable: tf.Variable[] = [];
  /** Running means and variances: not trained, but part of the state. */
  readonly statistics: tf.Variable[] = [];

  /** @param scope begins the names in a checkpoint: networks in one checkpoint need different ones */
  constructor(private readonly scope: string) {
    this.prefix = `${scope}#${made++}/`;
  }

  /** Name in a checkpoint, `<scope>/<name>`: the same for every network that is built alike. */
  savedName(variable: tf.Variable): string {
    return `${this.scope}/${variable.name.slice(this.prefix.length)}`;
  }

  weight<T extends tf.Tensor>(name: string, shape: number[], fill: () => number): tf.Variable & T {
    return this.add(name, shape, fill, true) as tf.Variable & T;
  }

  statistic(name: string, size: number, value: number): tf.Variable & tf.Tensor1D {
    return this.add(name, [size], () => value, false) as tf.Variable & tf.Tensor1D;
  }

  /** Trained numbers, without the running statistics. */
  get count(): number {
    return this.trainable.reduce((sum, variable) => sum + variable.size, 0);
  }

  private add(name: string, shape: number[], fill: () => number, trainable: boolean): tf.Variable {
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, fill);
    const variable = tf.tidy(() => tf.variable(tf.tensor(values, shape), trainable, this.prefix + name));
    (trainable ? this.trainable : this.statistics).push(variable);
    return variable;
  }

  dispose(): void {
    tf.dispose([...this.trainable, ...this.statistics]);
  }
}

/** What a forward pass with fixed statistics is made of: on tensors of tfjs, or on whatever a graph is written down with. */
export interface Operations<T> {
  conv(
    x: T,
    options: {
      /** [height, width, channels, filters] */
      filter: tf.Tensor4D;
      bias: tf.Tensor1D;
      stride: number;
      /** Distance between neighbouring taps of the filter in pixels. */
      rate: number;
      /** Zeros on each side. */
      pad: number;
      relu: boolean;
    },
  ): T;
  /** Each channel times its scale, plus its shift, then ReLU. */
  affineRelu(x: T, scale: tf.Tensor1D, shift: tf.Tensor1D): T;
  add(a: T, b: T): T;
  relu(x: T): T;
}

const computed: Operations<tf.Tensor4D> = {
  conv: (x, { filter, bias, stride, rate, pad, relu }) =>
    tf.fused.conv2d({ x, filter, strides: stride, dilations: rate, pad, bias, activation: relu ? 'relu' : 'linear' }),
  affineRelu: (x, scale, shift) => channelAffine(x, scale, shift, true),
  add: (a, b) => tf.add(a, b),
  relu: (x) => tf.relu(x),
};

/** A layer that turns a map into a map. */
export interface Layer {
  output: MapShape;
  /** Floating-point operations of one forward pass over one image (a multiply and an add are two). */
  flops: number;
  /** With the statistics of this batch, which the running ones then follow. */
  train(x: tf.Tensor4D): tf.Tensor4D;
  /** With the running statistics. */
  evaluate<T>(x: T, operations: Operations<T>): T;
}

export const apply = (layer: Layer, x: tf.Tensor4D, training: boolean): tf.Tensor4D =>
  training ? layer.train(x) : layer.evaluate(x, computed);

export interface ConvOptions {
  filters: number;
  kernel: 1 | 3;
  stride: 1 | 2;
  /** Distance between neighbouring taps of the filter in pixels (atrous convolution), with stride 1. Default 1. */
  rate?: number;
}

/**
 * Convolution without bias; padding 1 for 3x3, or its rate.
 * @throws RangeError for a rate above 1 with a stride of 2
 */
function convolution(parameters: Parameters, rng: Rng, name: string, input: MapShape, options: ConvOptions) {
  const { filters, kernel, stride, rate = 1 } = options;
  if (rate > 1 && stride > 1) throw new RangeError(`${name}: expected stride 1 with rate ${rate}, got ${stride}`);
  const [height, width, channels] = input;
  const pad = (rate * (kernel - 1)) / 2;
  const output: MapShape = [Math.ceil(height / stride), Math.ceil(width / stride), filters];
  // He et al. 2015, fan-out form, as the reference ResNets for CIFAR are initialised.
  const deviation = Math.sqrt(2 / (kernel * kernel * filters));
  const weight = parameters.weight<tf.Tensor4D>(`${name}/conv`, [kernel, kernel, channels, filters], () =>
    rng.normal(0, deviation),
  );
  return {
    output,
    weight,
    steps: { stride, rate, pad },
    flops: 2 * kernel * kernel * channels * filters * output[0] * output[1],
    train: (x: tf.Tensor4D) => tf.conv2d(x, weight, stride, pad, 'NHWC', rate),
  };
}

/** Batch norm, and perhaps ReLU, of a map of so many channels. */
function normalization(parameters: Parameters, name: string, channels: number, relu: boolean) {
  const gamma = parameters.weight<tf.Tensor1D>(`${name}/gamma`, [channels], () => 1);
  const beta = parameters.weight<tf.Tensor1D>(`${name}/beta`, [channels], () => 0);
  const mean = parameters.statistic(`${name}/mean`, channels, 0);
  const variance = parameters.statistic(`${name}/variance`, channels, 1);
  const track = (average: tf.Variable, value: tf.Tensor, factor: number) =>
    average.assign(tf.add(tf.mul(average, 1 - statisticsMomentum), tf.mul(value, statisticsMomentum * factor)));
  return {
    train: (x: tf.Tensor4D) =>
      batchNorm(x, gamma, beta, relu, (batchMean, batchVariance, count) => {
        track(mean, batchMean, 1);
        track(variance, batchVariance, count / Math.max(1, count - 1)); // the running variance is the unbiased one
      }),
    /** With fixed statistics it is linear but for the ReLU: scale and shift of each channel. */
    linear() {
      const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, batchNormEpsilon))) as tf.Tensor1D;
      return { scale, shift: tf.sub(beta, tf.mul(mean, scale)) as tf.Tensor1D };
    },
  };
}

/** Convolution, batch norm, and perhaps ReLU. */
export function convNorm(
  parameters: Parameters,
  rng: Rng,
  name: string,
  input: MapShape,
  { relu, ...options }: ConvOptions & { relu: boolean },
): Layer {
  const { output, flops, weight, steps, train } = convolution(parameters, rng, name, input, options);
  const norm = normalization(parameters, name, options.filters, relu);
  return {
    output,
    flops,
    train: (x) => norm.train(train(x)),
    // Fixed statistics go into the filter and a bias.
    evaluate(x, { conv }) {
      const { scale, shift } = norm.linear();
      return conv(x, { filter: tf.mul(weight, scale) as tf.Tensor4D, bias: shift, ...steps, relu });
    },
  };
}

/** Convolution alone. */
export function conv(parameters: Parameters, rng: Rng, name: string, input: MapShape, options: ConvOptions): Layer {
  const { output, flops, weight, steps, train } = convolution(parameters, rng, name, input, options);
  return {
    output,
    flops,
    train,
    evaluate: (x, { conv }) => conv(x, { filter: weight, bias: tf.zeros([options.filters]), ...steps, relu: false }),
  };
}

/** Batch norm and ReLU alone. */
export function normRelu(parameters: Parameters, name: string, input: MapShape): Layer {
  const norm = normalization(parameters, name, input[2], true);
  return {
    output: input,
    flops: 2 * input[0] * input[1] * input[2],
    train: norm.train,
    evaluate(x, { affineRelu }) {
      const { scale, shift } = norm.linear();
      return affineRelu(x, scale, shift);
    },
  };
}

/** Two 3x3 convolutions and a shortcut (He et al. 2016, the basic block); 1x1 projection where the shape changes. */
export function basicBlock(
  parameters: Parameters,
  rng: Rng,
  name: string,
  input: MapShape,
  filters: number,
  stride: 1 | 2,
): Layer {
  const first = convNorm(parameters, rng, `${name}/a`, input, { filters, kernel: 3, stride, relu: true });
  const second = convNorm(parameters, rng, `${name}/b`, first.output, { filters, kernel: 3, stride: 1, relu: false });
  const shortcut =
    stride === 1 && input[2] === filters
      ? undefined
      : convNorm(parameters, rng, `${name}/shortcut`, input, { filters, kernel: 1, stride, relu: false });
  return {
    output: second.output,
    flops: first.flops + second.flops + (shortcut?.flops ?? 0),
    train: (x) => tf.relu(tf.add(second.train(first.train(x)), shortcut ? shortcut.train(x) : x)) as tf.Tensor4D,
    evaluate(x, operations) {
      const residual = second.evaluate(first.evaluate(x, operations), operations);
      return operations.relu(operations.add(residual, shortcut ? shortcut.evaluate(x, operations) : x));
    },
  };
}

/**
 * A block of a WideResNet: batch norm and ReLU, 3x3 convolution, the same again, and a shortcut around all of it; where
 * the shape changes, the shortcut is a 1x1 projection that starts after the first ReLU.
 */
export function preActivationBlock(
  parameters: Parameters,
  rng: Rng,
  name: string,
  input: MapShape,
  filters: number,
  stride: 1 | 2,
): Layer {
  const before = normRelu(parameters, `${name}/norm`, input);
  const first = convNorm(parameters, rng, `${name}/a`, input, { filters, kernel: 3, stride, relu: true });
  const second = conv(parameters, rng, `${name}/b`, first.output, { filters, kernel: 3, stride: 1 });
  const shortcut =
    stride === 1 && input[2] === filters
      ? undefined
      : conv(parameters, rng, `${name}/shortcut`, input, { filters, kernel: 1, stride });
  return {
    output: second.output,
    flops: before.flops + first.flops + second.flops + (shortcut?.flops ?? 0),
    train(x) {
      const active = before.train(x);
      return tf.add(second.train(first.train(active)), shortcut ? shortcut.train(active) : x) as tf.Tensor4D;
    },
    evaluate(x, operations) {
      const active = before.evaluate(x, operations);
      const residual = second.evaluate(first.evaluate(active, operations), operations);
      return operations.add(residual, shortcut ? shortcut.evaluate(active, operations) : x);
    },
  };
}

/** Mean over the map: [n,h,w,c] -> [n,c]. The gradient of tfjs's own average pooling is a scalar loop on wasm. */
export function mapMean(features: tf.Tensor4D): tf.Tensor2D {
  const [n, h, w, c] = features.shape;
  const op = tf.customGrad((x) => ({
    value: tf.reshape(tf.avgPool(x as tf.Tensor4D, [h, w], 1, 'valid'), [n, c]),
    gradFunc: (dy: tf.Tensor) => tf.mul(tf.reshape(dy, [n, 1, 1, c]), tf.fill([1, h, w, 1], 1 / (h * w))),
  }));
  return op(features) as tf.Tensor2D;
}

/** The linear classifier: kernel [channels, classes] and bias [classes], uniform in +-1/sqrt(channels) and zero. */
export interface Classifier {
  kernel: tf.Variable & tf.Tensor2D;
  bias: tf.Variable & tf.Tensor1D;
}

export function classifier(parameters: Parameters, rng: Rng, channels: number, classes: number): Classifier {
  const bound = 1 / Math.sqrt(channels);
  return {
    kernel: parameters.weight<tf.Tensor2D>('classifier/kernel', [channels, classes], () => rng.uniform(-bound, bound)),
    bias: parameters.weight<tf.Tensor1D>('classifier/bias', [classes], () => 0),
  };
}
