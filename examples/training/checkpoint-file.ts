/** The file of a checkpoint: a safetensors file whose metadata holds a state as JSON, and a digest of the whole. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomically } from './files.js';
import { decodeSafetensors, encodeSafetensors, type NamedArray } from './safetensors.js';

export interface Checkpoint<State> {
  tensors: Map<string, NamedArray>;
  state: State;
}

function digest(state: string, tensors: Map<string, NamedArray>): string {
  const hash = createHash('sha256').update(state);
  for (const [name, { data }] of tensors) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Replaces the file in one step: after a kill there is the old one or the new one. */
export async function writeCheckpoint(path: string, { tensors, state }: Checkpoint<unknown>): Promise<void> {
  const text = JSON.stringify(state);
  const metadata = { state: text, sha256: digest(text, tensors) };
  await writeFileAtomically(path, encodeSafetensors({ tensors, metadata }));
}

/** The checkpoint, or undefined when there is no such file. @throws Error when the file is damaged. */
export async function readCheckpoint<State>(path: string): Promise<Checkpoint<State> | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { tensors, metadata } = decodeSafetensors(bytes, path);
  const text = metadata.state ?? '';
  if (metadata.sha256 !== digest(text, tensors)) {
    throw new Error(`${path}: the checkpoint's content does not match its digest; remove it to begin this part anew`);
  }
  return { tensors, state: JSON.parse(text) as State };
}
