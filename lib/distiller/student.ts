/** A model that is to be trained, as its feature map and its linear classifier. */
import { checkFound, findSide, type Found } from '../adapters/inputs.js';
import { copyStudent, isTensor, read, type TfjsSide } from '../adapters/tfjs-inputs.js';
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { fail } from '../errors.js';
import { Kept } from './kept.js';
import { judged } from './graph.js';
import { isLinearLayer, type LayerNode, LayersGraph, layersSource } from './layers-model.js';
import type { LayerVariable, TfjsLayersModel, TfjsMath } from './model-types.js';
import { findSplit, type Split, textOf } from './split.js';
import { probeOf } from './tensors.js';

/** A student that is ready. It keeps no tensors of its own, so there is nothing to dispose. */
export interface Student<Tensor> {
  /**
   * The student's side of the loss, differentiable by all that it is made of. To be called in a tidy, or where an optimizer
   * differentiates.
   */
  forward(images: Tensor, training: boolean): TfjsSide<Tensor>;
  /** Its logits [n, K] as at inference, before any softmax. To be called in a tidy. */
  logits(images: Tensor): Tensor;
  /** The model's trainable variables. */
  readonly variables: Tensor[];
  /** What was taken from the model, for a log. */
  readonly description: string;
}

/**
 * Opens a model as a student: finds its feature map, folds all layers between the mean over that and the logits into one
 * linear classifier, and checks on a few images that the two are what the model puts out.
 *
 * @param images a batch, of which a few are enough
 * @throws {GldError} `ERR_GLD_SPLIT`, which names the layer at fault
 */
export async function openStudent<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  model: TfjsLayersModel<Tensor>,
  images: Tensor,
): Promise<Student<Tensor>> {
  const graph = new LayersGraph('student', model);
  const probe = probeOf(tf, images);
  try {
    const split = await findSplit('student', judged('student', layersSource(tf, graph)), probe);
    if (split.activation === 'sigmoid') {
      const expected =
        'logits, or their softmax, at the end (end it in a linear layer, or in a softmax: classes exclude each other)';
      fail('ERR_GLD_SPLIT', 'student', expected, `'${split.cuts[0]}', a sigmoid of them`);
    }
    const student = splitStudent(tf, model, graph, split);
    await expectSame(tf, student, model, split, probe);
    return student;
  } finally {
    probe.dispose();
  }
}

function splitStudent<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  model: TfjsLayersModel<Tensor>,
  graph: LayersGraph<Tensor>,
  split: Split,
): Student<Tensor> {
  const { map, logits, cuts, values } = split;
  if (map === undefined) return fail('ERR_GLD_SPLIT', 'student', 'a model with a feature map', 'none');
  const { layout } = map;
  const classes = values.logits.data.length / values.logits.shape[0];
  // From the logits back to the mean.
  const head = cuts.slice(cuts.indexOf(logits), cuts.indexOf(map.pooled));
  const folds = head.map((name) => foldOf(tf, graph.nodes.get(name) as LayerNode<Tensor>, classes));

  const evaluate = (images: Tensor, name: string, training: boolean) =>
    graph.evaluate(graph.input, images, [name], training)[0];
  return {
    description: textOf(split, 'linear'),
    forward(images, training) {
      const features = evaluate(images, map.map, training);
      const { weight, bias } = folds.reduce<Affine<Tensor>>((behind, fold) => fold(behind), {});
      return weight === undefined
        ? { logitMap: features, layout }
        : { features, layout, weight, weightLayout: 'CK', bias };
    },
    logits: (images) => tf.reshape(evaluate(images, logits, false), [-1, classes]),
    get variables() {
      const { trainableWeights } = model as unknown as { trainableWeights: LayerVariable<Tensor>[] };
      return trainableWeights.map((variable) => variable.read());
    },
  };
}

/** Checks the student on images, and thereby what its model does with these. */
async function expectSame<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  student: Student<Tensor>,
  model: TfjsLayersModel<Tensor>,
  { activation, values: { logits } }: Split,
  images: Tensor,
): Promise<void> {
  const [n, k] = [logits.shape[0], logits.data.length / logits.shape[0]];
  const kept = new Kept(tf);
  let found!: Found<TfjsTensor>;
  tf.tidy(() => {
    const side = copyStudent(student.forward(images, false), kept.keep);
    // What else is made of the logits is not compared with them again.
    const isCompared = activation === undefined || activation === 'softmax';
    const [output] = isCompared ? tensorsOf(model.predict(images)) : [student.logits(images)];
    found = findSide(side, kept.keep(tf.reshape(output, [n, k])), settings, isTensor);
  });
  try {
    checkFound(await read(found), settings);
  } finally {
    kept.dispose();
  }
}

function tensorsOf<Tensor>(made: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(made) ? made : [made];
}

const settings = { name: 'student' } as const;

/** The affine map behind a layer, x · weight + bias of rows x; without a part that it does not have. */
interface Affine<Tensor> {
  /** [C, K]; undefined for the identity. */
  readonly weight?: Tensor | undefined;
  /** [K] */
  readonly bias?: Tensor | undefined;
}

/** Puts a layer before what is behind it. */
type Fold<Tensor> = (behind: Affine<Tensor>) => Affine<Tensor>;

/** Layers that leave a row of numbers as it is at inference. */
const passing: ReadonlySet<string> = new Set([
  ...['Activation', 'Flatten', 'Reshape', 'Permute'],
  ...['Dropout', 'SpatialDropout1D', 'AlphaDropout', 'GaussianDropout', 'GaussianNoise'],
]);

/** Variables and constants of layers. */
interface Parts<Tensor> {
  readonly kernel: LayerVariable<Tensor>;
  readonly bias?: LayerVariable<Tensor> | null;
  readonly gamma?: LayerVariable<Tensor> | null;
  readonly beta?: LayerVariable<Tensor> | null;
  readonly movingMean: LayerVariable<Tensor>;
  readonly movingVariance: LayerVariable<Tensor>;
  readonly epsilon: number;
  readonly scale: number;
  readonly offset: number;
}

/**
 * How a layer joins the affine map behind it. Its variables are read whenever that is computed, so that gradients reach them.
 *
 * @throws {GldError} `ERR_GLD_SPLIT` for a layer that is not an affine map of a row of numbers
 */
function foldOf<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  { op, inputs, activation = 'linear', layer }: LayerNode<Tensor>,
  classes: number,
): Fold<Tensor> {
  const parts = layer as unknown as Parts<Tensor>;
  const refuse = (what: string) => {
    const expected = 'linear layers alone between the mean over its map and its logits';
    return fail('ERR_GLD_SPLIT', 'student', expected, `'${layer.name}' (${what})`);
  };
  if (inputs.length !== 1) return refuse(`${op} of ${inputs.length} tensors`);
  if (activation !== 'linear') return refuse(`${op} with activation '${activation}'`);
  if (passing.has(op)) return (behind) => behind;
  const column = (row: Tensor) => tf.reshape(row, [-1, 1]);
  const constant = (value: number) => tf.scalar(value, 'float32');
  /** What is behind, with a shift of its input. */
  const shifted = ({ weight, bias }: Affine<Tensor>, shift: Tensor | undefined): Tensor | undefined => {
    if (shift === undefined) return bias;
    const through = weight === undefined ? shift : tf.sum(tf.mul(weight, column(shift)), 0);
    return bias === undefined ? through : tf.add(through, bias);
  };
  const elementwise = (behind: Affine<Tensor>, scale: Tensor, shift: Tensor): Affine<Tensor> => {
    const weight = behind.weight ?? tf.eye(classes);
    return { weight: tf.mul(weight, column(scale)), bias: shifted({ ...behind, weight }, shift) };
  };

  if (op === 'Rescaling') return (behind) => elementwise(behind, constant(parts.scale), constant(parts.offset));
  if (op === 'BatchNormalization') {
    return (behind) => {
      const { gamma, beta, movingMean, movingVariance, epsilon } = parts;
      const deviation = tf.sqrt(tf.add(movingVariance.read(), constant(epsilon)));
      const scale = tf.div(gamma?.read() ?? constant(1), deviation);
      return elementwise(behind, scale, tf.sub(beta?.read() ?? constant(0), tf.mul(movingMean.read(), scale)));
    };
  }
  if (!isLinearLayer(op)) return refuse(op);
  const window = parts.kernel.read().shape.slice(0, -2);
  if (window.some((size) => size > 1)) return refuse(`${op} with a kernel of ${window.join(' x ')}`);
  return (behind) => {
    const kernel = parts.kernel.read();
    const matrix = tf.reshape(kernel, [...kernel.shape.slice(-2)]);
    const weight = behind.weight === undefined ? matrix : tf.matMul(matrix, behind.weight);
    return { weight, bias: shifted(behind, parts.bias?.read()) };
  };
}
