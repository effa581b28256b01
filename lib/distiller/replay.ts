/** Forward passes that can be made twice, for backends that are read asynchronously only. */
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { fail } from '../errors.js';
import type { LayerVariable, TfjsLayersModel, TfjsMath } from './model-types.js';

/** A layer, or a model that is one, as far as chance and statistics in training go. */
interface TrainedLayer<Tensor> {
  readonly name: string;
  readonly layers?: readonly object[];
  readonly layer?: object;
  readonly nonTrainableWeights: readonly (LayerVariable<Tensor> & { write(value: Tensor): unknown })[];
  getClassName(): string;
  seed?: number | null;
}

const seeded: ReadonlySet<string> = new Set(['Dropout', 'SpatialDropout1D']);
const unseeded: ReadonlySet<string> = new Set(['GaussianNoise', 'GaussianDropout', 'AlphaDropout']);

/**
 * Runs the model in training twice with the same outcome: `first` reads what it computes, `second` differentiates it. Dropout
 * drops the same both times, and moving averages move once.
 *
 * @throws {GldError} `ERR_GLD_ADAPTER` for a model with noise that cannot be repeated
 */
export async function replayed<Tensor extends TfjsTensor, Read, Result>(
  tf: TfjsMath<Tensor>,
  model: TfjsLayersModel<Tensor>,
  first: () => Promise<Read>,
  second: (read: Read) => Result,
): Promise<Result> {
  const layers = layersIn<Tensor>(model);
  const noisy = layers.find((layer) => unseeded.has(layer.getClassName()));
  if (noisy !== undefined) {
    const expected = 'layers whose training can be repeated, on a backend that is read asynchronously';
    fail('ERR_GLD_ADAPTER', 'student', expected, `'${noisy.name}' (${noisy.getClassName()})`);
  }
  const dropouts = layers.filter((layer) => seeded.has(layer.getClassName()));
  const seeds = dropouts.map((layer) => layer.seed);
  const statistics = (model as unknown as TrainedLayer<Tensor>).nonTrainableWeights;
  const before: Tensor[] = [];
  try {
    for (const layer of dropouts) layer.seed ??= Math.floor(Math.random() * 2 ** 31);
    tf.tidy(() => {
      for (const variable of statistics) before.push(tf.keep(tf.clone(variable.read())));
    });
    const read = await first();
    statistics.forEach((variable, i) => variable.write(before[i]));
    return second(read);
  } finally {
    dropouts.forEach((layer, i) => {
      layer.seed = seeds[i] as number | null;
    });
    for (const tensor of before) tensor.dispose();
  }
}

/** All layers, also those of models and wrappers that are layers. */
function layersIn<Tensor>(container: object): TrainedLayer<Tensor>[] {
  const { layers = [], layer } = container as Partial<TrainedLayer<Tensor>>;
  return [...layers, ...(layer === undefined ? [] : [layer])].flatMap((inner) => [
    inner as TrainedLayer<Tensor>,
    ...layersIn<Tensor>(inner),
  ]);
}
