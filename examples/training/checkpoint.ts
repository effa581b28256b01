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

/** All variables with the names they have in a checkpoint. */
const named = (parameters: readonly Parameters[]) =>
  parameters.flatMap((all) =>
    [...all.trainable, ...all.statistics].map((variable) => ({
      name: all.savedName(variable),
      variable,
    })),
  );

const toArray = (tensor: tf.Tensor): NamedArray => ({
  data: Float32Array.from(tensor.dataSync()),
  shape: tensor.shape,
});

/** Saves parameters, optimizer and state. */
export async function saveTraining(
  path: string,
  parameters: readonly Parameters[],
  optimizer: Sgd,
  state: unknown,
): Promise<void> {
  const all = named(parameters);
  const tensors = new Map(all.map(({ name, variable }) => [name, toArray(variable)]));
  const slots = await optimizer.slots();
  for (const { name, variable } of all) {
    const slot = slots.get(variable.name);
    if (slot) tensors.set(name + momentumSuffix, toArray(slot));
  }
  await writeCheckpoint(path, { tensors, state });
}

/**
 * Copies the tensors into the variables of the same names, and the momentum into the optimizer if one is given. Tensors
 * of other names are left out: a backbone can be restored from the checkpoint of a whole network.
 */
export async function restoreTraining(
  { tensors }: Checkpoint<unknown>,
  parameters: readonly Parameters[],
  optimizer?: Sgd,
): Promise<void> {
  const read = (name: string, shape: number[]): tf.Tensor => {
    const array = tensors.get(name);
    if (!array || !tf.util.arraysEqual(array.shape, shape)) {
      throw new Error(`checkpoint: expected '${name}' of shape [${shape}], got ${array ? `[${array.shape}]` : 'none'}`);
    }
    return tf.tensor(array.data, array.shape);
  };
  const all = named(parameters);
  tf.tidy(() => {
    for (const { name, variable } of all) variable.assign(read(name, variable.shape));
  });
  if (!optimizer) return;
  const saved = all.filter(({ name }) => tensors.has(name + momentumSuffix));
  const slots = new Map(
    saved.map(({ name, variable }) => [variable.name, read(name + momentumSuffix, variable.shape)]),
  );
  await optimizer.restore(slots);
  tf.dispose([...slots.values()]);
}
