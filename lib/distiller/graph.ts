/** The form that models of every kind are brought into: which tensor is made of which, and how their numbers are had. */
import { brackets } from '../describe.js';
import { fail } from '../errors.js';
import type { DType } from '../types.js';

/** A tensor that a model computes. */
export interface GraphNode {
  /** What computes it: the class of a layer, or the operator of a graph; for messages. */
  readonly op: string;
  /** Names of the tensors that it is made of. Constants may be among them. */
  readonly inputs: readonly string[];
}

/** The tensors of a model by name. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** The images. */
  readonly input: string;
  readonly outputs: readonly string[];
}

/** Numbers of a tensor in CPU memory, dense and row-major. */
export interface Values {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  /** The element type that the model has them in. */
  readonly dtype: DType;
}

/** A model of any kind. */
export interface Source<Tensor> {
  readonly graph: Graph;
  /** How many samples the model takes at once, where that is fixed. */
  readonly batch?: number | undefined;
  /**
   * Runs a part of the model: from one tensor, the images or any other that the fetched ones depend on through nothing
   * else, to others.
   */
  run(from: string, value: Tensor | Values, fetches: readonly string[]): Promise<Values[]>;
  /** Frees what was made for the parts that have run. What is run again is made again. */
  release(): Promise<void>;
}

/** The same, whose model's own errors about the images are of this package's form. */
export function judged<Tensor extends { readonly shape: readonly number[]; readonly dtype: string }>(
  argument: string,
  source: Source<Tensor>,
): Source<Tensor> {
  return {
    ...source,
    async run(from, value, fetches) {
      try {
        return await source.run(from, value, fetches);
      } catch (error) {
        const { code, message } = Object(error) as { code?: unknown; message?: unknown };
        if (from !== source.graph.input || String(code).startsWith('ERR_GLD_')) throw error;
        const { shape, dtype } = value;
        if (dtype !== 'float32')
          return fail('ERR_GLD_DTYPE', 'images', 'float32', `${dtype}, of which the ${argument} says: ${message}`);
        const expected = `a model that takes images of shape ${brackets(shape)}`;
        return fail('ERR_GLD_SPLIT', argument, expected, `one that says: ${message}`);
      }
    },
  };
}

/**
 * The tensors that everything from the images to the output goes through, from the output back: nodes that dominate it.
 * What lies behind one of them is a function of it alone.
 */
export function cutsOf({ nodes, input }: Graph, output: string): string[] {
  const order = orderOf(nodes, input, output);
  const place = new Map(order.map((name, index) => [name, index]));
  const cuts: string[] = [];
  // Tensors between what was walked through and what was not: where it is one alone, there is no other way.
  const border = new Set([output]);
  for (let index = order.length - 1; index >= 0; index -= 1) {
    if (!border.delete(order[index])) continue;
    if (border.size === 0) cuts.push(order[index]);
    for (const name of nodes.get(order[index])?.inputs ?? []) if (place.has(name)) border.add(name);
  }
  return cuts;
}

/** The outputs that no other output is made of. */
export function lastOutputs({ nodes, input, outputs }: Graph): string[] {
  const behind = outputs.flatMap((output) => orderOf(nodes, input, output).filter((name) => name !== output));
  return outputs.filter((name) => !behind.includes(name));
}

/** Tensors that the output is made of and that are made of the input, each behind those that it is made of itself. */
function orderOf(nodes: Graph['nodes'], input: string, output: string): string[] {
  const inputsOf = (name: string) => nodes.get(name)?.inputs ?? [];
  const order = output === input ? [] : [input];
  /** Whether a tensor that was come by is made of the input, as far as is known. */
  const isMadeOfInput = new Map([
    [output, false],
    [input, true],
  ]);
  const path = [{ name: output, inputs: inputsOf(output), next: 0 }];
  while (path.length > 0) {
    const at = path[path.length - 1];
    if (at.next < at.inputs.length) {
      const name = at.inputs[at.next];
      at.next += 1;
      if (isMadeOfInput.has(name)) continue;
      isMadeOfInput.set(name, false);
      path.push({ name, inputs: inputsOf(name), next: 0 });
      continue;
    }
    path.pop();
    if (!at.inputs.some((name) => isMadeOfInput.get(name))) continue;
    isMadeOfInput.set(at.name, true);
    order.push(at.name);
  }
  return order;
}

/** Runs on any number of samples what takes a fixed number of them: the last ones are filled up, and the surplus dropped. */
export async function inParts(
  value: Values,
  batch: number,
  run: (part: Values) => Promise<Values[]>,
): Promise<Values[]> {
  const [n, ...shape] = value.shape;
  if (n === batch) return run(value);
  const size = value.data.length / n;
  const parts: Values[][] = [];
  for (let at = 0; at < n; at += batch) {
    const data = new Float32Array(batch * size);
    data.set(value.data.subarray(at * size, (at + batch) * size));
    parts.push(await run({ ...value, data, shape: [batch, ...shape] }));
  }
  return parts[0].map(({ shape: [, ...rest], dtype }, i) => {
    const perSample = parts[0][i].data.length / batch;
    const data = new Float32Array(n * perSample);
    parts.forEach((part, index) => {
      const at = index * batch * perSample;
      data.set(part[i].data.subarray(0, Math.min(batch * perSample, data.length - at)), at);
    });
    return { data, shape: [n, ...rest], dtype };
  });
}
