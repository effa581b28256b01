import { loadCifar } from './cifar.js';
import { loadIdx } from './idx.js';
import { shapes } from './shapes.js';
import type { Dataset, DatasetName, DatasetOptions } from './types.js';

export {
  type Box,
  type Scene,
  type SceneDataset,
  type SceneObject,
  scenes,
  type ScenesOptions,
  type SceneSplit,
  singleObjects,
} from './scenes.js';
export { shapes, type ShapesOptions } from './shapes.js';
export { Rng } from './rng.js';
export type { RngState } from './rng.js';
export type { Batch, BatchOptions, Dataset, DatasetName, DatasetOptions, Split } from './types.js';

/** Every name `loadDataset` takes. */
export const datasetNames: readonly DatasetName[] = ['fashion-mnist', 'shapes', 'mnist', 'cifar10', 'cifar100'];

/**
 * Open a data set by name. 'shapes' is generated; the others are read from their files: those of CIFAR batch by batch, those
 * of the MNIST kind at once.
 *
 * @throws TypeError for an unknown name, a missing `dir` (CIFAR) or a `dir` that would not be used ('shapes').
 * @throws RangeError for a size that is not an integer in range or more than the files hold.
 * @throws Error when a file is missing or is not what its name promises; the message says where to get it.
 */
export async function loadDataset(name: DatasetName, options: DatasetOptions): Promise<Dataset> {
  const { dir, ...rest } = options;
  if (name === 'shapes') {
    if (dir !== undefined) {
      throw new TypeError(`dir: the data set 'shapes' is generated and reads no files, got '${dir}'`);
    }
    return shapes(rest);
  }
  if (name === 'fashion-mnist' || name === 'mnist') return loadIdx(name, options);
  if (name !== 'cifar10' && name !== 'cifar100') {
    throw new TypeError(`dataset: expected one of ${datasetNames.join(', ')}, got '${String(name)}'`);
  }
  if (dir === undefined) {
    throw new TypeError(`dir: expected the folder with the ${name} binary files, got none`);
  }
  return loadCifar(name, { dir, ...rest });
}
