/** Graph models of TensorFlow.js, which converters write. */
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { fail } from '../errors.js';
import type { Graph, GraphNode, Source } from './graph.js';
import type { TfjsGraphModel, TfjsMath } from './model-types.js';
import { readKept, toTensor } from './tensors.js';

/** The part of a GraphDef that says what is made of what. */
interface Topology {
  readonly node?: readonly { readonly name: string; readonly op: string; readonly input?: readonly string[] }[];
}

/** A graph model that a teacher's numbers are taken from. */
export async function graphSource<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  argument: string,
  model: TfjsGraphModel<Tensor>,
): Promise<Source<Tensor>> {
  const { inputs, outputs } = model;
  if (inputs.length !== 1) {
    fail('ERR_GLD_SPLIT', argument, 'a model with one input, the images', names(inputs.map(({ name }) => name)));
  }
  const [{ name: input, shape = [] }] = inputs;
  const graph: Graph = {
    nodes: nodesOf(await topologyOf(model)),
    input: tensorName(input),
    outputs: outputs.map(({ name }) => tensorName(name)),
  };
  return {
    graph,
    batch: shape[0] > 0 ? shape[0] : undefined,
    run: (from, value, fetches) =>
      readKept(tf, () => {
        const made = model.execute({ [from]: toTensor(tf, value) }, [...fetches]);
        return Array.isArray(made) ? made : [made];
      }),
    release: async () => {},
  };
}

/** The graph as the model would be saved. */
async function topologyOf<Tensor>(model: TfjsGraphModel<Tensor>): Promise<Topology> {
  let topology: Topology = {};
  await model.save({
    save: async ({ modelTopology = {} }) => {
      topology = modelTopology;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  return topology;
}

function nodesOf({ node: nodes = [] }: Topology): Map<string, GraphNode> {
  // Names that begin with ^ are of nodes that have to run before, and not of tensors.
  const tensors = (input: readonly string[]) => input.filter((name) => !name.startsWith('^')).map(tensorName);
  const found = new Map(nodes.map(({ name, op, input = [] }) => [name, { op, inputs: tensors(input) }]));
  // Further outputs of a node are known by those that use them.
  for (const name of [...found.values()].flatMap(({ inputs }) => inputs)) {
    const node = found.get(name.split(':')[0]);
    if (node !== undefined) found.set(name, node);
  }
  return found;
}

/** A node's first output goes by the name of the node. */
function tensorName(name: string): string {
  return name.replace(/:0$/, '');
}

function names(list: readonly string[]): string {
  return `${list.length} (${list.join(', ')})`;
}
