/** A small convolutional network in jax-js: two normalized 3 × 3 convolutions with a 2 × 2 maximum between them. */
import { numpy as np, random, tree } from '@jax-js/jax';
import type { JaxOptimizer, JaxSide } from 'gld-loss/jax';

export type Parameters = { first: np.Array; second: np.Array; weight: np.Array; bias: np.Array };

/** Weights [9·inputs, outputs] of He's scale, for images of 3 channels. The caller owns them. */
export function initialize(width: number, classes: number, seed: number): Parameters {
  const normal = (key: number, shape: [number, number]) =>
    random.normal(random.key(seed * 10 + key), shape).mul(Math.sqrt(2 / shape[0]));
  return {
    first: normal(0, [9 * 3, width]),
    second: normal(1, [9 * width, 2 * width]),
    weight: normal(2, [2 * width, classes]),
    bias: np.zeros([classes]),
  };
}

/** The feature map [n, H/2, W/2, C] of images [n, H, W, 3], and the classifier. Consumes both arguments. */
export function forward({ first, second, weight, bias }: Parameters, images: np.Array): JaxSide<np.Array> {
  const [n, height, width] = images.shape;
  const half = convolve(images, first)
    .reshape([n, height / 2, 2, width / 2, 2, -1])
    .max([2, 4]);
  return { features: convolve(half, second), weight, bias, layout: 'NHWC', weightLayout: 'CK' };
}

/** The classes' logits [n, K]. Consumes both arguments. */
export function classify(parameters: Parameters, images: np.Array): np.Array {
  const { features, weight, bias } = forward(parameters, images) as Record<'features' | 'weight' | 'bias', np.Array>;
  return np.matmul(features.mean([1, 2]), weight).add(bias);
}

/**
 * A 3 × 3 convolution, each channel brought to mean 0 and variance 1 over the batch (also when it is evaluated), and relu.
 * The convolution is one product of matrices, which on wasm jax-js computes much faster than its convolutions.
 */
function convolve(x: np.Array, kernel: np.Array): np.Array {
  const [n, height, width, channels] = x.shape;
  const padded = np.pad(x, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
  const shifts = [0, 1, 2].flatMap((i) =>
    [0, 1, 2].map((j) => padded.ref.slice([], [i, i + height], [j, j + width], [])),
  );
  padded.dispose();
  const patches = np.concatenate(shifts, -1).reshape([n * height * width, 9 * channels]);
  const sums = np.matmul(patches, kernel);
  const centred = sums.ref.sub(sums.mean(0, { keepdims: true }));
  const variance = np.square(centred.ref).mean(0, { keepdims: true });
  return np.maximum(centred.div(np.sqrt(variance.add(1e-5))), 0).reshape([n, height, width, -1]);
}

/** The means of gradients and of their squares that Adam keeps, and how many there were. */
export type AdamState = { mean: Parameters; square: Parameters; step: number };

/** Adam (Kingma and Ba, 2015) with a learning rate by the step. */
export function adam(rate: (step: number) => number): JaxOptimizer<Parameters, AdamState> {
  const map = (f: (...x: np.Array[]) => np.Array, first: Parameters, ...rest: Parameters[]) =>
    tree.map(f, first, ...rest) as Parameters;
  const average = (decay: number) => (old: np.Array, x: np.Array) => old.mul(decay).add(x.mul(1 - decay));
  return {
    init(parameters) {
      return { mean: map(np.zerosLike, tree.ref(parameters)), square: map(np.zerosLike, parameters), step: 0 };
    },
    update(gradients, { mean, square, step }, parameters) {
      tree.dispose(parameters);
      const m = map(average(0.9), mean, tree.ref(gradients));
      const v = map(average(0.999), square, map(np.square, gradients));
      const scale = (rate(step) * Math.sqrt(1 - 0.999 ** (step + 1))) / (1 - 0.9 ** (step + 1));
      const updates = map((m, v) => m.mul(-scale).div(np.sqrt(v).add(1e-8)), tree.ref(m), tree.ref(v));
      return [updates, { mean: m, square: v, step: step + 1 }];
    },
  };
}
