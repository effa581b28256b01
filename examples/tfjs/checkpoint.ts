/**
 * The state of one training as one safetensors file: weights, running statistics and momentum as tensors, everything
 * else (generator states, position, curves so far) as JSON in the metadata, with a digest of the whole. Numbers come
 * back with the same bits, so a resumed training goes on exactly where the saved one was.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tf } from './backend.js';
import { writeFileAtomically } from './files.js';
import type { Network } from './networks.js';
import type { Sgd } from './optimizer.js';
import { decodeSafetensors, encodeSafetensors, type NamedArray } from './safetensors.js';

const momentumSuffix = '#momentum';

export interface Checkpoint<State> {
  tensors: Map<string, NamedArray>;
  state: State;
}

const variablesOf = ({ parameters }: Network) => [...parameters.trainable, ...parameters.statistics];

const toArray = (tensor: tf.Tensor): NamedArray =>
  ({ data: Float32Array.from(tensor.dataSync()), shape: tensor.shape });

function digest(state: string, tensors: Map<string, NamedArray>): string {
  const hash = createHash('sha256').update(state);
  for (const [name, { data }] of tensors) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Saves network, optimizer (left out: none) and state, replacing the file in one step. */
export async function saveCheckpoint(
  path: string, network: Network, optimizer: Sgd | undefined, state: unknown,
): Promise<void> {
  const tensors = new Map(variablesOf(network).map((variable) => [variable.name, toArray(variable)]));
  for (const [name, slot] of (await optimizer?.slots()) ?? []) tensors.set(name + momentumSuffix, toArray(slot));
  const text = JSON.stringify(state);
  await writeFileAtomically(path, encodeSafetensors({ tensors, metadata: { state: text, sha256: digest(text, tensors) } }));
}

/** The checkpoint, or undefined when there is no such file. @throws Error when the file is damaged. */
export async function loadCheckpoint<State>(path: string): Promise<Checkpoint<State> | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const text = metadata['state'] ?? '';
  if (metadata['sha256'] !== digest(text, tensors)) {
    throw new Error(`${path}: the checkpoint is damaged: its content does not match its digest; remove it to start anew`);
  }
  return { tensors, state: JSON.parse(text) as State };
}

/** Copies the tensors into the network's variables, and the momentum into the optimizer if one is given. */
export async function restore(
  { tensors }: Checkpoint<unknown>, network: Network, optimizer?: Sgd,
): Promise<void> {
  const read = (name: string, shape: number[]): tf.Tensor => {
    const array = tensors.get(name);
    if (!array || !tf.util.arraysEqual(array.shape, shape)) {
      throw new Error(`checkpoint: expected '${name}' of shape [${shape}], got ${array ? `[${array.shape}]` : 'none'}`);
    }
    return tf.tensor(array.data, array.shape);
  };
  tf.tidy(() => {
    for (const variable of variablesOf(network)) variable.assign(read(variable.name, variable.shape));
  });
  if (!optimizer) return;
  const saved = network.parameters.trainable.filter(({ name }) => tensors.has(name + momentumSuffix));
  const slots = new Map(saved.map(({ name, shape }) => [name, read(name + momentumSuffix, shape)]));
  await optimizer.restore(slots);
  tf.dispose([...slots.values()]);
}
