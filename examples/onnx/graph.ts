/** Finding one's way in the graph of an ONNX model. */
import { type Attribute, attributeType, elementType, type Graph, type Node, type TensorProto } from './schema.js';

/** A linear layer whose weight is a constant: Gemm, MatMul (with the Add after it) or a 1 x 1 Conv. */
export interface LinearLayer {
  input: string;
  /** What the layer gives, bias included. */
  output: string;
  weight: TensorProto;
  /** Of the weight as it is stored: [classes, channels] or [channels, classes]. */
  weightLayout: 'KC' | 'CK';
  classes: number;
  channels: number;
  bias?: TensorProto;
  /** Gemm's factors. */
  weightFactor: number;
  biasFactor: number;
}

export class GraphIndex {
  private readonly producers = new Map<string, Node>();
  private readonly consumers = new Map<string, Node[]>();
  private readonly initializers = new Map<string, TensorProto>();

  constructor(readonly graph: Graph) {
    for (const tensor of graph.initializer) this.initializers.set(tensor.name ?? '', tensor);
    for (const node of graph.node) {
      for (const name of node.output) this.producers.set(name, node);
      for (const name of node.input) this.consumers.set(name, [...(this.consumers.get(name) ?? []), node]);
    }
  }

  /** The graph's true inputs: old models list their constants among them. */
  get inputs() {
    return this.graph.input.filter(({ name }) => !this.initializers.has(name));
  }

  producer(name: string): Node | undefined {
    return this.producers.get(name);
  }

  /** Names of all tensors that the model computes. */
  get tensors(): string[] {
    return [...this.producers.keys()];
  }

  /** The constant of that name: an initializer, or what a Constant node gives, also behind an Identity. */
  constant(name: string | undefined): TensorProto | undefined {
    if (!name) return undefined;
    const initializer = this.initializers.get(name);
    if (initializer) return initializer;
    const node = this.producers.get(name);
    if (node?.opType === 'Identity') return this.constant(node.input[0]);
    const value = node?.opType === 'Constant' ? attribute(node, 'value')?.t : undefined;
    return value && { ...value, name };
  }

  /** The tensor from which this one comes through nothing but nodes of the given kinds. */
  behind(name: string, kinds: ReadonlySet<string>): string {
    const node = this.producers.get(name);
    return node && kinds.has(node.opType) ? this.behind(node.input[0], kinds) : name;
  }

  /** Whether the tensor is computed from the other one, or is it. */
  isMadeOf(name: string, other: string): boolean {
    const seen = new Set([name]);
    // A set that grows while it is walked through.
    for (const tensor of seen) for (const input of this.producers.get(tensor)?.input ?? []) seen.add(input);
    return seen.has(other);
  }

  /** All linear layers with constant weights, in the order of the graph. */
  linearLayers(): LinearLayer[] {
    return this.graph.node.flatMap((node) => this.linearLayer(node) ?? []);
  }

  private linearLayer(node: Node): LinearLayer | undefined {
    const transpose = this.producers.get(node.input[1] ?? '');
    const turned = transpose?.opType === 'Transpose' ? this.constant(transpose.input[0]) : undefined;
    const weight = turned ?? this.constant(node.input[1]);
    if (!weight) return undefined;
    const { dims } = weight;
    const matrix = dims.length === 2;
    const factors = { weightFactor: 1, biasFactor: 1 };
    const layer = (classesFirst: boolean) => ({
      input: node.input[0],
      output: node.output[0],
      weight,
      weightLayout: classesFirst ? ('KC' as const) : ('CK' as const),
      classes: dims[classesFirst ? 0 : 1],
      channels: dims[classesFirst ? 1 : 0],
      ...factors,
    });
    const withBias = (found: LinearLayer, name: string | undefined): LinearLayer | undefined => {
      if (!name) return found;
      const bias = this.bias(name, found.classes);
      return bias && { ...found, bias };
    };
    if (node.opType === 'MatMul' && matrix) return this.withAdd(layer(turned !== undefined));
    if (node.opType === 'Gemm' && matrix && !integer(node, 'transA')) {
      factors.weightFactor = attribute(node, 'alpha')?.f ?? 1;
      factors.biasFactor = attribute(node, 'beta')?.f ?? 1;
      return withBias(layer(Boolean(integer(node, 'transB')) !== (turned !== undefined)), node.input[2]);
    }
    const point = dims.length === 4 && dims[2] === 1 && dims[3] === 1 && (integer(node, 'group') ?? 1) === 1;
    return node.opType === 'Conv' && point ? withBias(layer(true), node.input[2]) : undefined;
  }

  private bias(name: string | undefined, classes: number): TensorProto | undefined {
    const tensor = this.constant(name);
    const size = tensor?.dims.reduce((product, extent) => product * extent, 1);
    return size === classes ? tensor : undefined;
  }

  /** A MatMul with the bias that the one node after it adds, and what comes out of that. */
  private withAdd(product: LinearLayer): LinearLayer {
    const [next, ...others] = this.consumers.get(product.output) ?? [];
    if (next?.opType !== 'Add' || others.length > 0) return product;
    const bias = this.bias(
      next.input.find((name) => name !== product.output),
      product.classes,
    );
    return bias ? { ...product, bias, output: next.output[0] } : product;
  }

  /** Whether the node takes the mean over a map; of an AveragePool only running it tells. */
  isMeanOverMap(node: Node): boolean {
    if (node.opType === 'GlobalAveragePool' || node.opType === 'AveragePool') return true;
    if (node.opType !== 'ReduceMean') return false;
    const axes = attribute(node, 'axes')?.ints ?? integers(this.constant(node.input[1]));
    const known = axes
      ?.map((axis) => (axis < 0 ? axis + 4 : axis))
      .sort()
      .join();
    return known === '2,3' || known === '1,2';
  }
}

export const attribute = (node: Node, name: string): Attribute | undefined =>
  node.attribute.find((candidate) => candidate.name === name);

const integer = (node: Node, name: string): number | undefined => attribute(node, name)?.i;

function integers(tensor: TensorProto | undefined): number[] | undefined {
  if (tensor?.dataType !== elementType.int64) return undefined;
  if (!tensor.rawData?.length) return tensor.int64Data;
  return Array.from(new BigInt64Array(new Uint8Array(tensor.rawData).buffer), Number);
}

export const integerAttribute = (name: string, i: number): Attribute => ({ name, type: attributeType.int, i });
export const integersAttribute = (name: string, ints: number[]): Attribute => ({
  name,
  type: attributeType.ints,
  ints,
});
