/**
 * The ONNX file format, a protobuf message (https://onnx.ai/onnx/repo-docs/IR.html), as far as it takes to cut a part out of
 * a model. What is not looked into is copied byte by byte, so that nothing of a model is lost or has to be understood: the
 * constants above all, whatever types they have.
 */

/** Numbers of the format's fields: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const fields = {
  model: { graph: 7 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12, valueInfo: 13, sparseInitializer: 15 },
  node: { input: 1, output: 2, operator: 4, attribute: 5 },
  attribute: { name: 1, integer: 3, graph: 6, graphs: 11, type: 20 },
  tensor: { name: 8 },
  valueInfo: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { element: 1, shape: 2 },
  shape: { axis: 1 },
  axis: { size: 1, name: 2 },
} as const;

/** A field of a message. */
interface Field {
  readonly number: number;
  /** Of a number. */
  readonly value: number;
  /** Of a message, a text or packed numbers. */
  readonly bytes: Uint8Array;
  /** The field as it is written, with its number. */
  readonly raw: Uint8Array;
}

/** A node as it is written, and the names of its tensors. */
interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly raw: Uint8Array;
}

/** What is known of a graph's input. */
export interface OnnxInput {
  readonly name: string;
  /** The format's number of the element type; undefined for what is no tensor. */
  readonly element: number | undefined;
  /** undefined where the number of axes is free, and for an axis whose size is. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

/** Element types of the format by the names that ONNX Runtime has for them. */
export const elements = { float32: 1, float16: 10, float64: 11 } as const;

/** A model, of which parts can be cut out. */
export class OnnxModel {
  readonly nodes: readonly OnnxNode[];
  /** Without constants, which old models list among them. */
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly string[];
  readonly #model: readonly Field[];
  readonly #graph: readonly Field[];
  readonly #constants: ReadonlySet<string>;
  readonly #producers = new Map<string, OnnxNode>();

  /** @throws RangeError where the bytes are no such message */
  constructor(bytes: Uint8Array) {
    this.#model = read(bytes);
    const graph = this.#model.find(({ number }) => number === fields.model.graph);
    this.#graph = graph === undefined ? [] : read(graph.bytes);
    this.nodes = fieldsOf(this.#graph, fields.graph.node).map(readNode);
    this.#constants = new Set(fieldsOf(this.#graph, fields.graph.initializer).map(constantName));
    const inputs = fieldsOf(this.#graph, fields.graph.input).map(readInput);
    this.inputs = inputs.filter(({ name }) => !this.#constants.has(name));
    this.outputs = fieldsOf(this.#graph, fields.graph.output).map(nameOf);
    for (const node of this.nodes) for (const name of node.outputs) this.#producers.set(name, node);
  }

  /**
   * The part of the model between one tensor and others, as a model. Its input is the tensor in float32, of which a Cast
   * makes what it is in the model.
   *
   * @param shape of the input; undefined for an axis of any size
   * @param element the type that it has in the model
   */
  part(from: string, shape: OnnxInput['shape'], element: number, fetches: readonly string[]): Uint8Array {
    const used = new Set<string>(fetches);
    const nodes = new Set<OnnxNode>();
    // A set that grows while it is walked through.
    for (const name of used) {
      const node = name === from ? undefined : this.#producers.get(name);
      if (node === undefined || nodes.has(node)) continue;
      nodes.add(node);
      for (const each of node.inputs) used.add(each);
    }
    const isCast = element !== elements.float32;
    const input = isCast ? `${from}/float32` : from;
    const { graph } = fields;
    const copied = (number: number, isWanted: (name: string) => boolean) =>
      fieldsOf(this.#graph, number)
        .filter((field) => isWanted(nameOf(field)))
        .map(rawOf);
    const body = [
      text(graph.name, 'part'),
      message(graph.input, valueInfo(input, elements.float32, shape)),
      ...(isCast ? [message(graph.node, cast(input, from, element))] : []),
      ...this.nodes.filter((node) => nodes.has(node)).map(({ raw }) => raw),
      ...fetches.map((name) => message(graph.output, text(fields.valueInfo.name, name))),
      // Old models list their constants among the inputs, too.
      ...copied(graph.input, (name) => used.has(name) && this.#constants.has(name)),
      ...fieldsOf(this.#graph, graph.initializer)
        .filter((field) => used.has(constantName(field)))
        .map(rawOf),
      ...fieldsOf(this.#graph, graph.sparseInitializer).map(rawOf),
      ...copied(graph.valueInfo, (name) => used.has(name) && name !== from && !fetches.includes(name)),
    ];
    const others = this.#model.filter(({ number }) => number !== fields.model.graph).map(rawOf);
    return join([...others, message(fields.model.graph, ...body)]);
  }
}

function readNode({ bytes, raw }: Field): OnnxNode {
  const all = read(bytes);
  const { node } = fields;
  const inputs = [...texts(all, node.input), ...fieldsOf(all, node.attribute).flatMap(usedInside)];
  // The name of an optional input that is left out is empty.
  return {
    operator: texts(all, node.operator)[0] ?? '',
    inputs: inputs.filter((name) => name !== ''),
    outputs: texts(all, node.output),
    raw,
  };
}

/** Tensors that a graph in an attribute, the body of a loop or a branch, uses; some of them may be its own. */
function usedInside({ bytes }: Field): string[] {
  const all = read(bytes);
  const graphs = [...fieldsOf(all, fields.attribute.graph), ...fieldsOf(all, fields.attribute.graphs)];
  return graphs.flatMap((graph) =>
    fieldsOf(read(graph.bytes), fields.graph.node).flatMap((node) => readNode(node).inputs),
  );
}

function constantName({ bytes }: Field): string {
  return texts(read(bytes), fields.tensor.name)[0] ?? '';
}

/** Of an input, an output or another tensor whose type is given. */
function nameOf({ bytes }: Field): string {
  return texts(read(bytes), fields.valueInfo.name)[0] ?? '';
}

function readInput({ bytes }: Field): OnnxInput {
  const all = read(bytes);
  const type = fieldsOf(all, fields.valueInfo.type).flatMap((field) => read(field.bytes));
  const tensor = fieldsOf(type, fields.type.tensor).flatMap((field) => read(field.bytes));
  const [shape] = fieldsOf(tensor, fields.tensorType.shape);
  return {
    name: texts(all, fields.valueInfo.name)[0] ?? '',
    element: fieldsOf(tensor, fields.tensorType.element)[0]?.value,
    shape: shape && fieldsOf(read(shape.bytes), fields.shape.axis).map((axis) => sizeOf(read(axis.bytes))),
  };
}

function sizeOf(axis: readonly Field[]): number | undefined {
  const [size] = fieldsOf(axis, fields.axis.size);
  return size !== undefined && size.value > 0 ? size.value : undefined;
}

function valueInfo(name: string, element: number, shape: OnnxInput['shape']): Uint8Array {
  const axes = shape?.map((size, i) =>
    message(
      fields.shape.axis,
      size === undefined ? text(fields.axis.name, `axis${i}`) : integer(fields.axis.size, size),
    ),
  );
  const tensor = [integer(fields.tensorType.element, element)];
  if (axes !== undefined) tensor.push(message(fields.tensorType.shape, ...axes));
  const type = message(fields.valueInfo.type, message(fields.type.tensor, ...tensor));
  return join([text(fields.valueInfo.name, name), type]);
}

function cast(from: string, to: string, element: number): Uint8Array {
  const { node, attribute } = fields;
  const ofInteger = 2;
  const type = [text(attribute.name, 'to'), integer(attribute.integer, element), integer(attribute.type, ofInteger)];
  return join([
    text(node.input, from),
    text(node.output, to),
    text(node.operator, 'Cast'),
    message(node.attribute, ...type),
  ]);
}

// The wire format: https://protobuf.dev/programming-guides/encoding/

const wire = { varint: 0, eightBytes: 1, bytes: 2, fourBytes: 5 } as const;

function read(bytes: Uint8Array): Field[] {
  const all: Field[] = [];
  const end = bytes.length;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < end; factor *= 128) {
      const byte = bytes[at];
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError('a number that does not end');
  };
  while (at < end) {
    const start = at;
    const tag = varint();
    const kind = tag % 8;
    let value = 0;
    let length = 0;
    if (kind === wire.varint) value = varint();
    else if (kind === wire.bytes) length = varint();
    else if (kind === wire.eightBytes) length = 8;
    else if (kind === wire.fourBytes) length = 4;
    else throw new RangeError(`a field of kind ${kind}`);
    if (at + length > end) throw new RangeError('a field that does not end');
    const content = bytes.subarray(at, at + length);
    at += length;
    all.push({ number: Math.floor(tag / 8), value, bytes: content, raw: bytes.subarray(start, at) });
  }
  return all;
}

function fieldsOf(all: readonly Field[], number: number): Field[] {
  return all.filter((field) => field.number === number);
}

function texts(all: readonly Field[], number: number): string[] {
  return fieldsOf(all, number).map(({ bytes }) => new TextDecoder().decode(bytes));
}

function rawOf({ raw }: Field): Uint8Array {
  return raw;
}

function varint(value: number): number[] {
  const low = value % 128;
  return value < 128 ? [low] : [low + 128, ...varint(Math.floor(value / 128))];
}

function integer(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + wire.varint), ...varint(value)]);
}

function message(number: number, ...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return join([Uint8Array.from([...varint(number * 8 + wire.bytes), ...varint(length)]), ...parts]);
}

function text(number: number, value: string): Uint8Array {
  return message(number, new TextEncoder().encode(value));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
