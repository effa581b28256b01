/** The networks, built by name. Each ends in a feature map and one linear classifier: what the GLD loss distils. */
import type { Rng } from '../data/rng.js';
import { tf } from './backend.js';
import {
  apply, basicBlock, classifier, type Classifier, convNorm, type Layer, mapMean, type MapShape, type Operations, Parameters,
} from './layers.js';
import { parseNetwork } from './network-names.js';

export interface Network {
  name: string;
  parameters: Parameters;
  classifier: Classifier;
  /** Shape of the feature map. */
  map: MapShape;
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
  /** Images [n, h, w, c] to the last feature map; `training` uses and updates batch statistics. */
  features(images: tf.Tensor4D, training: boolean): tf.Tensor4D;
  /** The same without training, on whatever the operations work on. */
  evaluate<T>(images: T, operations: Operations<T>): T;
  /** Logits [n, classes] of the whole map: the mean over it, then the classifier. */
  logits(features: tf.Tensor4D): tf.Tensor2D;
  dispose(): void;
}

export interface NetworkOptions {
  input: MapShape;
  classes: number;
  /** Prefix of the variables' names, unique among the networks alive. */
  scope: string;
  rng: Rng;
}

/** Builds a network with freshly drawn weights. Free it with dispose(). */
export function buildNetwork(name: string, options: NetworkOptions): Network {
  const family = parseNetwork(name);
  const parameters = new Parameters(options.scope);
  const layers = family.kind === 'cnn' ? cnn(parameters, options, family.width)
    : resnet(parameters, options, family.blocks);
  const map = layers[layers.length - 1].output;
  const head = classifier(parameters, options.rng, map[2], options.classes);
  return {
    name, parameters, classifier: head, map,
    flops: layers.reduce((sum, layer) => sum + layer.flops, 0),
    features: (images, training) => layers.reduce((x, layer) => apply(layer, x, training), images),
    evaluate: (images, operations) => layers.reduce((x, layer) => layer.evaluate(x, operations), images),
    logits: (features) => {
      return tf.add(tf.matMul(mapMean(features), head.kernel), head.bias) as tf.Tensor2D;
    },
    dispose: () => parameters.dispose(),
  };
}

function cnn(parameters: Parameters, { input, rng }: NetworkOptions, width: number): Layer[] {
  const layers: Layer[] = [];
  let shape = input;
  for (const [i, filters] of [width, 2 * width, 4 * width].entries()) {
    const stride = i > 0 && Math.min(shape[0], shape[1]) >= 16 ? 2 : 1;
    const layer = convNorm(parameters, rng, `conv${i + 1}`, shape, { filters, kernel: 3, stride, relu: true });
    layers.push(layer);
    shape = layer.output;
  }
  return layers;
}

function resnet(parameters: Parameters, { input, rng }: NetworkOptions, blocks: number): Layer[] {
  const layers = [convNorm(parameters, rng, 'stem', input, { filters: 16, kernel: 3, stride: 1, relu: true })];
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let block = 0; block < blocks; block++) {
      const shape = layers[layers.length - 1].output;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      layers.push(basicBlock(parameters, rng, `stage${stage + 1}/block${block + 1}`, shape, filters, stride));
    }
  }
  return layers;
}
