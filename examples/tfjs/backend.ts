/**
 * TensorFlow.js on its WebAssembly backend, made able to train convolutional networks.
 * The examples import tfjs through this module only, so that everybody shares one engine.
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { registerGradients } from 'gld-loss/tfjs';

// What is not on wasm runs on the CPU's backend, which would advertise another one when it is first used.
Object.assign(tf.findBackend('cpu'), { firstUse: false });

export { tf };

registerGradients(tf);

/** Selects the backend ('wasm', or the slow 'cpu' one for comparisons); may be called more than once. */
export async function useBackend(name: 'wasm' | 'cpu' = 'wasm'): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`The tfjs backend '${name}' could not be initialised.`);
  await tf.ready();
}
