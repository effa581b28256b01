/** The networks, built by name. Each ends in a feature map and one linear classifier: what the GLD loss distils. */
import type { Rng } from '../data/rng.js';
import { tf } from './backend.js';
import {
  apply,
  basicBlock,
  classifier,
  type Classifier,
  conv,
  convNorm,
  type Layer,
  mapMean,
  type MapShape,
  normRelu,
  type Operations,
  Parameters,
  preActivationBlock,
} from './layers.js';
import { parseNetwork } from './network-names.js';

/** All of a network but its classifier: three stages, each of which turns a map into one of more channels. */
export interface Backbone {
  name: string;
  parameters: Parameters;
  /** Shapes of the maps after each stage, for images of the size it was built for. Any other size can be given. */
  stages: MapShape[];
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
  /**
   * Images [n, h, w, c] to the maps after each stage, the finest first; `training` uses and updates batch statistics.
   * All are after a ReLU but those of a WideResNet, where only the last one is.
   */
  maps(images: tf.Tensor4D, training: boolean): tf.Tensor4D[];
  /** The last map without training, on whatever the operations work on. */
  evaluate<T>(images: T, operations: Operations<T>): T;
  dispose(): void;
}

export interface Network extends Backbone {
  classifier: Classifier;
  /** Shape of the feature map, the last stage's. */
  map: MapShape;
  /** Images [n, h, w, c] to the last feature map; `training` uses and updates batch statistics. */
  features(images: tf.Tensor4D, training: boolean): tf.Tensor4D;
  /** Logits [n, classes] of the whole map: the mean over it, then the classifier. */
  logits(features: tf.Tensor4D): tf.Tensor2D;
}

export interface BackboneOptions {
  input: MapShape;
  /** Prefix of the variables' names in a checkpoint. */
  scope: string;
  rng: Rng;
}

export interface NetworkOptions extends BackboneOptions {
  classes: number;
}

/** Builds the stages of a network with freshly drawn weights. Free it with dispose(). */
export function buildBackbone(name: string, options: BackboneOptions): Backbone {
  const family = parseNetwork(name);
  const parameters = new Parameters(options.scope);
  const stages =
    family.kind === 'cnn'
      ? cnn(parameters, options, family.width)
      : family.kind === 'resnet'
        ? resnet(parameters, options, family)
        : wideResnet(parameters, options, family);
  return {
    name,
    parameters,
    stages: stages.map(({ output }) => output),
    flops: stages.reduce((sum, { flops }) => sum + flops, 0),
    maps(images, training) {
      const maps: tf.Tensor4D[] = [];
      for (const stage of stages) maps.push(apply(stage, maps[maps.length - 1] ?? images, training));
      return maps;
    },
    evaluate: (images, operations) => stages.reduce((x, stage) => stage.evaluate(x, operations), images),
    dispose: () => parameters.dispose(),
  };
}

/** Builds a network with freshly drawn weights. Free it with dispose(). */
export function buildNetwork(name: string, options: NetworkOptions): Network {
  const backbone = buildBackbone(name, options);
  const { parameters, stages } = backbone;
  const map = stages[stages.length - 1];
  const head = classifier(parameters, options.rng, map[2], options.classes);
  return {
    ...backbone,
    classifier: head,
    map,
    features: (images, training) => backbone.maps(images, training)[stages.length - 1],
    logits: (features) => tf.add(tf.matMul(mapMean(features), head.kernel), head.bias) as tf.Tensor2D,
  };
}

/** Layers one after the other as one. */
function sequence(layers: Layer[]): Layer {
  return {
    output: layers[layers.length - 1].output,
    flops: layers.reduce((sum, { flops }) => sum + flops, 0),
    train: (x) => layers.reduce((y, layer) => layer.train(y), x),
    evaluate: (x, operations) => layers.reduce((y, layer) => layer.evaluate(y, operations), x),
  };
}

function cnn(parameters: Parameters, { input, rng }: BackboneOptions, width: number): Layer[] {
  const stages: Layer[] = [];
  let shape = input;
  for (const [i, filters] of [width, 2 * width, 4 * width].entries()) {
    const stride = i > 0 && Math.min(shape[0], shape[1]) >= 16 ? 2 : 1;
    stages.push(convNorm(parameters, rng, `conv${i + 1}`, shape, { filters, kernel: 3, stride, relu: true }));
    shape = stages[i].output;
  }
  return stages;
}

type Block = typeof basicBlock;
/** Blocks per stage, and filters of the first. */
interface Size {
  blocks: number;
  width: number;
}

/** A stem, then stages of blocks, the first of which halves the map from the second stage on. */
function residual(
  parameters: Parameters,
  { rng }: BackboneOptions,
  stem: Layer,
  { blocks, width }: Size,
  block: Block,
): Layer[] {
  let shape = stem.output;
  return [width, 2 * width, 4 * width].map((filters, stage) => {
    const layers = stage === 0 ? [stem] : [];
    for (let i = 0; i < blocks; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const layer = block(parameters, rng, `stage${stage + 1}/block${i + 1}`, shape, filters, stride);
      layers.push(layer);
      shape = layer.output;
    }
    return sequence(layers);
  });
}

function resnet(parameters: Parameters, options: BackboneOptions, size: Size): Layer[] {
  const { input, rng } = options;
  const stem = convNorm(parameters, rng, 'stem', input, { filters: size.width, kernel: 3, stride: 1, relu: true });
  return residual(parameters, options, stem, size, basicBlock);
}

function wideResnet(parameters: Parameters, options: BackboneOptions, size: Size): Layer[] {
  const stem = conv(parameters, options.rng, 'stem', options.input, { filters: 16, kernel: 3, stride: 1 });
  const stages = residual(parameters, options, stem, size, preActivationBlock);
  const last = stages[stages.length - 1];
  return [...stages.slice(0, -1), sequence([last, normRelu(parameters, 'norm', last.output)])];
}
