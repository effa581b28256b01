/** The single shot detector: a backbone's maps, further coarser ones, and a predictor on each. */
import type { Box, Rng } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import { apply, convNorm, type Layer, type MapShape, Parameters } from '../../tfjs/layers.js';
import { boxesPerCell, defaultBoxes, type DefaultBoxOptions } from './default-boxes.js';
import type { Predictions } from './loss.js';

export interface DetectorOptions extends DefaultBoxOptions {
  /** Shapes of the backbone's maps that are used, the finest first. */
  maps: readonly MapShape[];
  /** Further maps, each half as wide and high as the one before. */
  extraMaps: number;
  /** Classes of objects. */
  classes: number;
  /** Prefix of the variables' names in a checkpoint, another than the backbone's. */
  scope: string;
  rng: Rng;
}

/** All of a detector but its backbone. */
export interface DetectorHead {
  parameters: Parameters;
  /** In the order of the predictions. */
  defaults: Box[];
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
  /** @param maps of the shapes given in the options, for n images */
  predict(maps: readonly tf.Tensor4D[], training: boolean): Predictions;
}

/** Builds the extra maps and the predictors with freshly drawn weights; free them with `parameters.dispose()`. */
export function detectorHead(options: DetectorOptions): DetectorHead {
  const { maps, extraMaps, classes, scope, rng } = options;
  const parameters = new Parameters(scope);
  const extras: Layer[] = [];
  let coarsest = maps[maps.length - 1];
  for (let i = 0; i < extraMaps; i++) {
    extras.push(
      convNorm(parameters, rng, `extra${i + 1}`, coarsest, { filters: coarsest[2], kernel: 3, stride: 2, relu: true }),
    );
    coarsest = extras[i].output;
  }
  const shapes = [...maps, ...extras.map(({ output }) => output)];
  const numbers = 1 + classes + 4;
  const filters = boxesPerCell(options) * numbers;
  const predictors = shapes.map(([, , channels], i) =>
    predictor(parameters, rng, `predictor${i + 1}`, channels, filters),
  );
  return {
    parameters,
    defaults: defaultBoxes(shapes, options),
    flops:
      extras.reduce((sum, extra) => sum + extra.flops, 0) +
      shapes.reduce((sum, [height, width, channels]) => sum + 2 * 9 * channels * filters * height * width, 0),
    predict(given, training) {
      const all = [...given];
      for (const extra of extras) all.push(apply(extra, all[all.length - 1], training));
      const rows = all.map((map, i) => tf.reshape(predictors[i](map), [map.shape[0], -1, numbers]) as tf.Tensor3D);
      const [kinds, offsets] = tf.split(tf.concat(rows, 1), [1 + classes, 4], 2) as tf.Tensor3D[];
      return { classes: kinds, offsets };
    },
  };
}

/** A 3x3 convolution with bias: what it says about a cell depends on the cell's surroundings. */
function predictor(
  parameters: Parameters,
  rng: Rng,
  name: string,
  channels: number,
  filters: number,
): (map: tf.Tensor4D) => tf.Tensor4D {
  // Small weights: at first all classes are about as likely and no default box is moved.
  const filter = parameters.weight<tf.Tensor4D>(`${name}/conv`, [3, 3, channels, filters], () => rng.normal(0, 0.01));
  const bias = parameters.weight<tf.Tensor1D>(`${name}/bias`, [filters], () => 0);
  return (map) => tf.add(tf.conv2d(map, filter, 1, 'same'), bias) as tf.Tensor4D;
}
