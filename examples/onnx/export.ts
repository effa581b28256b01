/** Networks of examples/tfjs as ONNX models. */
import { tf } from '../tfjs/backend.js';
import type { Operations } from '../tfjs/layers.js';
import type { Network } from '../tfjs/networks.js';
import {
  type Attribute,
  attributeType,
  elementType,
  encodeModel,
  type Node,
  type TensorProto,
  type ValueInfo,
} from './schema.js';

/** Of the format and of its operators: old enough for every runtime of the last years. */
const irVersion = 8;
const operatorSet = 17;

/**
 * The network as it is evaluated (batch norm goes into the convolutions), as a model file of ONNX.
 *
 * Its input is `images` [batch, channels, height, width], normalised as the network got them in training; its outputs
 * are `features` [batch, C, H, W], the last feature map, and `logits` [batch, classes].
 *
 * @param input height, width, channels of the images
 */
export function exportNetwork(network: Network, input: [number, number, number]): Uint8Array {
  const [height, width, channels] = input;
  const nodes: Node[] = [];
  const constants: TensorProto[] = [];
  const node = (opType: string, inputs: string[], attribute: Attribute[] = [], output = `${opType}${nodes.length}`) => {
    nodes.push({ opType, name: output, input: inputs, output: [output], attribute });
    return output;
  };
  const constant = (name: string, tensor: tf.Tensor): string => {
    // Copied: what dataSync gives may be the tensor's own memory.
    const rawData = new Uint8Array(Float32Array.from(tensor.dataSync()).buffer);
    constants.push({ name, dims: tensor.shape, dataType: elementType.float, rawData });
    return name;
  };
  const operations: Operations<string> = {
    conv(x, { filter, bias, stride, rate, pad, relu }) {
      const name = `conv${nodes.length}`;
      const weight = constant(`${name}.weight`, tf.transpose(filter, [3, 2, 0, 1]));
      const sum = node(
        'Conv',
        [x, weight, constant(`${name}.bias`, bias)],
        [
          integersAttribute('strides', [stride, stride]),
          integersAttribute('dilations', [rate, rate]),
          integersAttribute('pads', [pad, pad, pad, pad]),
        ],
      );
      return relu ? operations.relu(sum) : sum;
    },
    affineRelu(x, scale, shift) {
      const name = `affine${nodes.length}`;
      const perChannel = (part: string, values: tf.Tensor1D) =>
        constant(`${name}.${part}`, tf.reshape(values, [values.shape[0], 1, 1]));
      const product = node('Mul', [x, perChannel('scale', scale)]);
      return operations.relu(node('Add', [product, perChannel('shift', shift)]));
    },
    add: (a, b) => node('Add', [a, b]),
    relu: (x) => node('Relu', [x]),
  };
  const classes = network.classifier.bias.shape[0];
  tf.tidy(() => {
    const features = node('Identity', [network.evaluate('images', operations)], [], 'features');
    const mean = node('Flatten', [node('GlobalAveragePool', [features])]);
    const { kernel, bias } = network.classifier;
    node('Gemm', [mean, constant('classifier.weight', kernel), constant('classifier.bias', bias)], [], 'logits');
  });
  const [mapHeight, mapWidth, mapChannels] = network.map;
  return encodeModel({
    irVersion,
    producerName: 'gld-loss',
    opsetImport: [{ domain: '', version: operatorSet }],
    graph: {
      name: network.name,
      node: nodes,
      initializer: constants,
      input: [tensorInfo('images', [channels, height, width])],
      output: [tensorInfo('features', [mapChannels, mapHeight, mapWidth]), tensorInfo('logits', [classes])],
    },
  });
}

const integersAttribute = (name: string, ints: number[]): Attribute => ({ name, type: attributeType.ints, ints });

/** A tensor of any number of items with these axes each. */
const tensorInfo = (name: string, shape: number[]): ValueInfo => ({
  name,
  type: {
    tensorType: {
      elemType: elementType.float,
      shape: { dim: [{ dimParam: 'batch' }, ...shape.map((dimValue) => ({ dimValue }))] },
    },
  },
});
