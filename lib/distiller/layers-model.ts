/** Models of layers: `tf.LayersModel` and `tf.Sequential`, models within models too. */
import { fail } from '../errors.js';
import type { Graph, GraphNode, Source, Values } from './graph.js';
import type {
  Activation,
  Container,
  Layer,
  LayerCall,
  SymbolicTensor,
  TfjsLayersModel,
  TfjsMath,
} from './model-types.js';
import { readKept, toTensor } from './tensors.js';
import type { TfjsTensor } from '../adapters/tfjs-types.js';

/** A tensor of a model of layers. */
export interface LayerNode<Tensor> extends GraphNode {
  readonly layer: Layer<Tensor>;
  /** What the layer does with its numbers at the end of this node. */
  readonly activation: string | undefined;
  /** One of the tensors that a call gives; those of the same call have the same function. */
  readonly index: number;
  readonly call: (inputs: Tensor[], training: boolean) => Tensor | Tensor[];
}

/** Where in a model a walk is: names of the tensors that it knows, and models that are layers, by their calls. */
interface Scope {
  readonly prefix: string;
  readonly names: Map<SymbolicTensor, string>;
  readonly inner: Map<LayerCall, Scope>;
}

/** A model of layers as a graph, in which a softmax or a sigmoid that belongs to a layer is a node of its own. */
export class LayersGraph<Tensor extends TfjsTensor> implements Graph {
  readonly nodes = new Map<string, LayerNode<Tensor>>();
  readonly input = 'images';
  readonly outputs: readonly string[];
  readonly #calls = new Map<LayerCall, LayerNode<Tensor>['call']>();

  /** @param argument what the model is called in messages */
  constructor(
    readonly argument: string,
    readonly model: TfjsLayersModel<Tensor>,
  ) {
    expectUndisposed(argument, model);
    const { inputs, outputs } = model as unknown as Container;
    if (inputs.length !== 1) fail('ERR_GLD_SPLIT', argument, 'a model with one input, the images', `${inputs.length}`);
    const scope: Scope = { prefix: '', names: new Map([[inputs[0], this.input]]), inner: new Map() };
    this.outputs = outputs.map((tensor) => this.#add(tensor, scope));
  }

  /** The name of a tensor, which becomes a node behind those that it is made of. */
  #add(tensor: SymbolicTensor, scope: Scope): string {
    const known = scope.names.get(tensor);
    if (known !== undefined) return known;
    const layer = tensor.sourceLayer as unknown as Layer<Tensor>;
    const call = layer.inboundNodes[tensor.nodeIndex];
    const inputs = call.inputTensors.map((each) => this.#add(each, scope));
    const name = isContainer(layer)
      ? this.#addInner(layer, call, inputs, tensor.tensorIndex, scope)
      : this.#addLayer(layer, call, inputs, tensor.tensorIndex, scope.prefix);
    scope.names.set(tensor, name);
    return name;
  }

  #addInner(model: Layer<Tensor> & Container, call: LayerCall, inputs: string[], index: number, scope: Scope): string {
    let inner = scope.inner.get(call);
    if (inner === undefined) {
      const names = new Map(model.inputs.map((each, i) => [each, inputs[i]]));
      inner = { prefix: `${scope.prefix}${model.name}/`, names, inner: new Map() };
      scope.inner.set(call, inner);
    }
    return this.#add(model.outputs[index], inner);
  }

  #addLayer(layer: Layer<Tensor>, place: LayerCall, inputs: string[], index: number, prefix: string): string {
    const name = this.#free(prefix + layer.name);
    const op = layer.getClassName();
    const { activation } = layer;
    if (activation !== undefined && isLinearLayer(op) && squashing.has(activation.getClassName())) {
      const before = this.#free(`${name}/logits`);
      // The layer with another activation, and with everything else that it has and will have.
      const linear = Object.create(layer, { activation: { value: identity } }) as Layer<Tensor>;
      const [first, second] = [linear.activation, activation].map((each) => each?.getClassName());
      const common = { layer, index: 0 };
      this.nodes.set(before, { ...common, op, inputs, activation: first, call: (given) => linear.call(given, {}) });
      const call = ([x]: Tensor[]) => activation.apply(x);
      this.nodes.set(name, { ...common, op: 'Activation', inputs: [before], activation: second, call });
      return name;
    }
    const apply = (given: Tensor[], training: boolean) => layer.apply(given, { ...place.callArgs, training });
    const call = this.#calls.get(place) ?? apply;
    this.#calls.set(place, call);
    this.nodes.set(name, { op, inputs, layer, activation: activation?.getClassName(), index, call });
    return name;
  }

  #free(name: string): string {
    let free = name;
    for (let i = 1; this.nodes.has(free) || free === this.input; i += 1) free = `${name}:${i}`;
    return free;
  }

  /**
   * Tensors of the model, computed from another one. To be called in a tidy; where nothing is trained, tensors are disposed
   * as soon as they are used.
   */
  evaluate(from: string, value: Tensor, fetches: readonly string[], training: boolean): Tensor[] {
    expectUndisposed(this.argument, this.model);
    const values = new Map([[from, value]]);
    const uses = this.#usesOf(from, fetches);
    const called = new Map<LayerNode<Tensor>['call'], Tensor | Tensor[]>();
    for (const [name, { inputs, index, call }] of this.nodes) {
      if (!uses.has(name) || values.has(name)) continue;
      const given = inputs.map((each) => values.get(each) as Tensor);
      const made = called.get(call) ?? call(given, training);
      called.set(call, made);
      values.set(name, Array.isArray(made) ? made[index] : made);
      for (const each of inputs) {
        const left = (uses.get(each) as number) - 1;
        uses.set(each, left);
        if (left === 0 && !training && each !== from) values.get(each)?.dispose();
      }
    }
    return fetches.map((name) => values.get(name) as Tensor);
  }

  /** How often each of the tensors is used that are between one and others; to be fetched is a use. */
  #usesOf(from: string, fetches: readonly string[]): Map<string, number> {
    const uses = new Map<string, number>();
    const walk = [...fetches];
    for (const name of walk) {
      const count = uses.get(name) ?? 0;
      uses.set(name, count + 1);
      if (count === 0 && name !== from) walk.push(...(this.nodes.get(name)?.inputs ?? []));
    }
    return uses;
  }
}

/** A model of layers that a teacher's or a student's numbers are taken from. */
export function layersSource<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  graph: LayersGraph<Tensor>,
): Source<Tensor> {
  return {
    graph,
    run: (from, value, fetches) =>
      readKept(tf, () => graph.evaluate(from, toTensor(tf, value), fetches, false)) as Promise<Values[]>,
    release: async () => {},
  };
}

/** Refuses a model whose weights are gone. */
export function expectUndisposed(argument: string, model: object): void {
  const { weights } = model as { weights: readonly { readonly val: TfjsTensor }[] };
  if (weights.some(({ val }) => val.isDisposed))
    fail('ERR_GLD_DISPOSED', argument, 'a model in use', 'one that was disposed');
}

/** Activations that make probabilities of logits. */
const squashing: ReadonlySet<string> = new Set(['softmax', 'logSoftmax', 'sigmoid']);

const identity: Activation<unknown> = { getClassName: () => 'linear', apply: (x) => x };

/** Layers that multiply by a kernel. */
export function isLinearLayer(name: string): boolean {
  return name === 'Dense' || /^Conv[123]D$/.test(name);
}

function isContainer<Tensor>(layer: Layer<Tensor>): layer is Layer<Tensor> & Container {
  return Array.isArray((layer as Partial<Container>).layers) && Array.isArray((layer as Partial<Container>).outputs);
}
