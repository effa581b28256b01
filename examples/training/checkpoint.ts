/**
 * The state of one training in one file: weights, running statistics and momentum as tensors, everything else
 * (generator states, position, curves so far) as JSON. Numbers come back with the same bits, so a resumed training goes
 * on exactly where the saved one was.
 */
import { tf } from '../tfjs/backend.js';
import type { Parameters } from '../tfjs/layers.js';
import type { Sgd } from '../tfjs/optimizer.js';
import { type Checkpoint, writeCheckpoint } from './checkpoint-file.js';
import type { NamedArray } from './safetensors.js';

const momentumSuffix = '#momentum';

const variablesOf = (parameters: readonly Parameters[]) =>
  parameters.flatMap(({ trainable, statistics }) => [...trainable, ...statistics]);

const toArray = (tensor: tf.Tensor): NamedArray =>
  ({ data: Float32Array.from(tensor.dataSync()), shape: tensor.shape });

/** Saves parameters, optimizer and state. */
export async function saveTraining(
  path: string, parameters: readonly Parameters[], optimizer: Sgd, state: unknown,
): Promise<void> {
  const tensors = new Map(variablesOf(parameters).map((variable) => [variable.name, toArray(variable)]));
  for (const [name, slot] of await optimizer.slots()) tensors.set(name + momentumSuffix, toArray(slot));
  await writeCheckpoint(path, { tensors, state });
}

/**
 * Copies the tensors into the variables of the same names, and the momentum into the optimizer if one is given. Tensors
 * of other names are left out: a backbone can be restored from the checkpoint of a whole network.
 */
export async function restoreTraining(
  { tensors }: Checkpoint<unknown>, parameters: readonly Parameters[], optimizer?: Sgd,
): Promise<void> {
  const read = (name: string, shape: number[]): tf.Tensor => {
    const array = tensors.get(name);
    if (!array || !tf.util.arraysEqual(array.shape, shape)) {
      throw new Error(`checkpoint: expected '${name}' of shape [${shape}], got ${array ? `[${array.shape}]` : 'none'}`);
    }
    return tf.tensor(array.data, array.shape);
  };
  tf.tidy(() => {
    for (const variable of variablesOf(parameters)) variable.assign(read(variable.name, variable.shape));
  });
  if (!optimizer) return;
  const saved = optimizer.variables.filter(({ name }) => tensors.has(name + momentumSuffix));
  const slots = new Map(saved.map(({ name, shape }) => [name, read(name + momentumSuffix, shape)]));
  await optimizer.restore(slots);
  tf.dispose([...slots.values()]);
}
