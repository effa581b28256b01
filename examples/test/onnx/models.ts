// ONNX models for tests, written from lists of nodes.
import {
  type Attribute,
  attributeType,
  elementType,
  encodeModel,
  type Node,
  type TensorProto,
} from '../../onnx/schema.js';
import { Rng } from '../../data/index.js';

type Shape = (number | string)[];

const info = (name: string, shape: Shape, elemType: number = elementType.float) => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
    },
  },
});

/** A node: [operator, inputs, output, attributes]; integers and lists of integers become attributes of these types. */
export type NodeSpec = [string, string[], string, Record<string, number | number[]>?];

export interface ModelSpec {
  /** Shapes by name; names as sizes are free. */
  inputs: Record<string, Shape>;
  outputs: Record<string, Shape>;
  nodes: NodeSpec[];
  /** Shapes by name; the numbers are random. A list of integers under `axes` becomes an int64 constant. */
  constants: Record<string, number[] | { int64: number[] } | TensorProto>;
  seed?: number;
  inputType?: number;
}

export function floats(name: string, dims: number[], seed: number): TensorProto {
  const random = new Rng(seed);
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform() - 0.5);
  return { name, dims, dataType: elementType.float, rawData: new Uint8Array(data.buffer) };
}

export function model({ inputs, outputs, nodes, constants, seed = 1, inputType }: ModelSpec): Uint8Array {
  const attribute = (name: string, value: number | number[]): Attribute => {
    if (Array.isArray(value)) return { name, type: attributeType.ints, ints: value };
    return Number.isInteger(value)
      ? { name, type: attributeType.int, i: value }
      : { name, type: attributeType.float, f: value };
  };
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: 'test',
      input: Object.entries(inputs).map(([name, shape]) => info(name, shape, inputType)),
      output: Object.entries(outputs).map(([name, shape]) => info(name, shape)),
      node: nodes.map(
        ([opType, input, output, attributes = {}]): Node => ({
          opType,
          input,
          output: [output],
          attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
        }),
      ),
      initializer: Object.entries(constants).map(([name, value], i): TensorProto => {
        if (Array.isArray(value)) return floats(name, value, seed + i);
        if (!('int64' in value)) return value;
        return { name, dims: [value.int64.length], dataType: elementType.int64, int64Data: value.int64 };
      }),
    },
  });
}

/** The usual end of a network: convolution, mean over the map, one linear layer; with changes. */
export function usual(changes: Partial<ModelSpec> = {}): ModelSpec {
  return {
    inputs: { images: ['n', 3, 16, 16] },
    outputs: { logits: ['n', 10] },
    nodes: [
      ['Conv', ['images', 'w'], 'map', { pads: [1, 1, 1, 1], strides: [2, 2] }],
      ['GlobalAveragePool', ['map'], 'mean'],
      ['Flatten', ['mean'], 'flat'],
      ['Gemm', ['flat', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }],
    ],
    constants: { w: [6, 3, 3, 3], 'fc.weight': [10, 6], 'fc.bias': [10] },
    ...changes,
  };
}
