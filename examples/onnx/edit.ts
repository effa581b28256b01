/** Changes to a model that is kept as bytes. */
import { encodeModel, type Graph, type Model } from './schema.js';

/**
 * The model with more of its tensors as outputs of the graph. Two protobuf messages one after the other are one message
 * whose lists are joined, so nothing that the model holds is decoded, changed or lost.
 */
export function withOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return model;
  // Without a type: the runtime infers it.
  const more: Model = { graph: { output: names.map((name) => ({ name })) } as Graph };
  return Buffer.concat([model, encodeModel(more)]);
}
