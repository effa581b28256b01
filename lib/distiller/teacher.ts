/** Whatever can teach: models of every kind, functions, and outputs that were stored. */
import { Found, replaceInSide } from '../adapters/inputs.js';
import { isTensor, read, type TfjsSide } from '../adapters/tfjs-inputs.js';
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { checkSide } from '../check-side.js';
import { type Check, expectObject, known, oneOf, options as checkOptions } from '../check.js';
import { describe, isPromise } from '../describe.js';
import { kinds } from '../elements.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import { expectSide } from '../sides.js';
import { pool } from '../stages/pool.js';
import { copyDense, expectHost, readView, View } from '../tensor.js';
import type { GldLossOptions, Side, TensorLike } from '../types.js';
import { expectSamples } from './batches.js';
import type { Source, Values } from './graph.js';
import { inParts, judged } from './graph.js';
import { graphSource } from './graph-model.js';
import { classifierOf, headOf } from './head.js';
import { LayersGraph, layersSource } from './layers-model.js';
import type { OnnxRuntime, TfjsGraphModel, TfjsLayersModel, TfjsMath, TfjsModel } from './model-types.js';
import { onnxSource } from './onnx-model.js';
import { findSplit, type Split, textOf } from './split.js';
import { keepMade, probeOf, toValues } from './tensors.js';

/** A model that teaches, with what is to be known of it. */
export interface TfjsTeacherModel<Tensor = TfjsTensor> {
  /** A model of TensorFlow.js, or an ONNX model: its bytes, or its path. */
  readonly model: TfjsModel<Tensor> | Uint8Array | string;
  /** The name of the tensor that is the feature map; false takes the logits alone, without local ones. @default found */
  readonly features?: string | false | undefined;
  /** The name of the logits, or of what a softmax makes of them. @default found behind the model's output */
  readonly logits?: string | undefined;
  /** ONNX Runtime, which an ONNX model needs: `import * as ort from 'onnxruntime-node'`. */
  readonly ort?: OnnxRuntime | undefined;
  /** Options of ONNX Runtime's sessions, as its `InferenceSession.create` takes them. */
  readonly sessionOptions?: object | undefined;
  /** What the model takes in the place of the images: other values, say, than the student was made for. */
  readonly preprocess?: ((images: Tensor) => Tensor) | undefined;
  /**
   * Axis order of the images that an ONNX model takes.
   * @default the one that its input's shape allows; channels first, if both are possible
   */
  readonly layout?: 'NCHW' | 'NHWC' | undefined;
}

/** Gives the teacher's side for images, and for the places of these in the data set. */
export type TfjsTeacherFunction<Tensor = TfjsTensor> = (
  images: Tensor,
  indices: readonly number[] | undefined,
) => TfjsSide<Tensor> | Promise<TfjsSide<Tensor>>;

/**
 * A teacher: a model, a function, or its outputs for the whole data set, a side whose samples are those of the data set in
 * its order.
 */
export type TfjsTeacher<Tensor = TfjsTensor> =
  | TfjsModel<Tensor>
  | TfjsTeacherModel<Tensor>
  | TfjsTeacherFunction<Tensor>
  | TfjsSide<Tensor>;

/** A teacher that is ready. */
export interface Teacher<Tensor> {
  /** Its side of the loss, in typed arrays: there is nothing to dispose. */
  outputs(images: Tensor, indices?: readonly number[]): Promise<Side>;
  /** What was taken from a model, for a log. */
  readonly description: string;
  /** Frees what was made for the teacher; models stay. */
  dispose(): Promise<void>;
}

/**
 * Opens a teacher. A model is split into feature map and head on a few images, and both are checked there: the mean over the
 * map, run through the head, has to be what the model puts out.
 *
 * A head that is an affine map becomes a classifier's weight and bias. Any other is run on the means over the cells of the
 * grid, so that it gives their logits.
 *
 * @param images a batch, of which a few are enough
 * @throws {GldError} `ERR_GLD_SPLIT`, which says what was found instead
 */
export async function openTeacher<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  teacher: TfjsTeacher<Tensor>,
  images: Tensor,
  options: Pick<GldLossOptions, 'grid'> = {},
): Promise<Teacher<Tensor>> {
  switch (kindOf(teacher)) {
    case 'function':
      return functionTeacher(tf, teacher as TfjsTeacherFunction<Tensor>);
    case 'model':
      return modelTeacher(tf, { model: teacher as TfjsModel<Tensor> }, images, options);
    case 'settings': {
      const settings = checkOptions(modelTable, teacher, 'teacher') as unknown as TfjsTeacherModel<Tensor>;
      return modelTeacher(tf, settings, images, options);
    }
    case 'stored':
      return storedTeacher(teacher as TfjsSide<Tensor>);
  }
}

/** What a teacher is given as; refuses what can be none. */
export function kindOf(teacher: unknown): 'function' | 'model' | 'settings' | 'stored' {
  if (typeof teacher === 'function') return 'function';
  const given = expectObject('teacher', teacher, 'a model, a function of images, or a side of the loss');
  if (isModel(given)) return 'model';
  return 'model' in given ? 'settings' : 'stored';
}

/** How many samples there are in stored outputs, which are checked where they are opened. */
export function storedCount(teacher: object): number | undefined {
  const { features, logitMap, logits } = teacher as Partial<Record<string, { shape?: readonly number[] }>>;
  return (features ?? logitMap ?? logits)?.shape?.[0];
}

/** Whatever it is: read where it is used. */
const unread: Check<unknown> = (value) => value;

function ofType(type: 'string' | 'function', what: string, or?: unknown): Check<unknown> {
  return (value, path) => {
    if (value === undefined || value === or) return value;
    if (typeof value !== type) fail('ERR_GLD_ARG_TYPE', path, what, describe(value));
    return value;
  };
}

/** What {@link TfjsTeacherModel} may have. */
const modelTable = {
  model: unread,
  ort: unread,
  sessionOptions: unread,
  features: ofType('string', "the name of the model's feature map, or false for its logits alone", false),
  logits: ofType('string', "the name of the model's logits"),
  preprocess: ofType('function', 'a function of the images'),
  layout: oneOf(['NCHW', 'NHWC']),
} satisfies { readonly [name in keyof TfjsTeacherModel]-?: Check<unknown> };

function isModel<Tensor>(value: object): value is TfjsModel<Tensor> {
  return isLayersModel(value) || isGraphModel(value);
}

function isLayersModel<Tensor>(value: object): value is TfjsLayersModel<Tensor> {
  const { layers, outputs, predict } = value as Partial<TfjsLayersModel<Tensor>>;
  return Array.isArray(layers) && Array.isArray(outputs) && typeof predict === 'function';
}

function isGraphModel<Tensor>(value: object): value is TfjsGraphModel<Tensor> {
  const { execute, save } = value as Partial<TfjsGraphModel<Tensor>>;
  return typeof execute === 'function' && typeof save === 'function';
}

async function sourceOf<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  { model, ort, ...options }: TfjsTeacherModel<Tensor>,
): Promise<Source<Tensor>> {
  if (typeof model === 'string' || model instanceof Uint8Array) {
    if (ort !== undefined) return onnxSource('teacher', { model, ort, ...options });
    return fail(
      'ERR_GLD_ARG_TYPE',
      'teacher.ort',
      "ONNX Runtime, which import * as ort from 'onnxruntime-node' gives",
      'none',
    );
  }
  const given = expectObject('teacher.model', model, 'a model of TensorFlow.js, or an ONNX model');
  if (isLayersModel<Tensor>(given)) return layersSource(tf, new LayersGraph('teacher', given));
  if (isGraphModel<Tensor>(given)) return graphSource(tf, 'teacher', given);
  return fail(
    'ERR_GLD_ARG_TYPE',
    'teacher.model',
    'a LayersModel, a GraphModel, or the bytes or the path of an ONNX model',
    describe(model),
  );
}

async function modelTeacher<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  teacher: TfjsTeacherModel<Tensor>,
  images: Tensor,
  options: Pick<GldLossOptions, 'grid'>,
): Promise<Teacher<Tensor>> {
  const source = prepared(tf, judged('teacher', await sourceOf(tf, teacher)), teacher.preprocess);
  const probe = probeOf(tf, images);
  try {
    const split = await findSplit('teacher', source, probe, teacher);
    // What was made to look at its tensors: a session has all constants of the model.
    await source.release();
    const opened = await splitTeacher(source, split, options);
    const { activation, values } = split;
    // What else is made of the logits is not compared with them again.
    const output = activation === undefined || activation === 'softmax' ? values.output : values.logits;
    checkSide(await opened.outputs(probe), asMatrix(output), { name: 'teacher' });
    return opened;
  } catch (error) {
    await source.release();
    throw error;
  } finally {
    probe.dispose();
  }
}

/** A model whose images are prepared first, and which takes any number of them. */
function prepared<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  source: Source<Tensor>,
  preprocess: TfjsTeacherModel<Tensor>['preprocess'],
): Source<Tensor> {
  const { graph, batch } = source;
  return {
    ...source,
    async run(from, value, fetches) {
      let made: Tensor | undefined;
      if (preprocess !== undefined && from === graph.input) {
        tf.tidy(() => {
          const given: unknown = preprocess(value as Tensor);
          expectSamples('teacher.preprocess()', given, value.shape[0]);
          made = tf.keep(tf.clone(given as Tensor));
        });
      }
      const given = made ?? value;
      try {
        if (batch === undefined) return await source.run(from, given, fetches);
        return await inParts(await toValues(given), batch, (part) => source.run(from, part, fetches));
      } finally {
        made?.dispose();
      }
    },
  };
}

async function splitTeacher<Tensor>(
  source: Source<Tensor>,
  split: Split,
  { grid }: Pick<GldLossOptions, 'grid'>,
): Promise<Teacher<Tensor>> {
  const { graph } = source;
  const fetch = async (name: string, images: Tensor) => (await source.run(graph.input, images, [name]))[0];
  const dispose = () => source.release();
  const { map, logits } = split;
  const description = textOf(split, 'linear');
  if (map === undefined) {
    const outputs = async (images: Tensor) => ({ logits: asMatrix(await fetch(logits, images)) });
    return { outputs, dispose, description };
  }
  const { layout } = map;
  if (map.isLogits) {
    const outputs = async (images: Tensor) => ({ logitMap: asTensor(await fetch(map.map, images)), layout });
    return { outputs, dispose, description };
  }
  const head = headOf(source, split, map);
  const classifier = await classifierOf(head, map.rows);
  if (classifier !== undefined) {
    const [k, c] = [classifier.bias.length, classifier.weight.length / classifier.bias.length];
    const constant = {
      layout,
      weight: { data: classifier.weight, shape: [c, k] },
      weightLayout: 'CK' as const,
      bias: { data: classifier.bias, shape: [k] },
    };
    const outputs = async (images: Tensor) => ({ features: asTensor(await fetch(map.map, images)), ...constant });
    return { outputs, dispose, description };
  }
  const outputs = async (images: Tensor) => {
    const { pooled } = pool({ features: asTensor(await fetch(map.map, images)), layout }, { grid });
    const [n, cells, channels] = pooled.shape;
    const made = await head({ data: pooled.data as Float32Array, shape: [n * cells, channels], dtype: 'float32' });
    return { logits: { data: made.data, shape: [n, cells, made.data.length / (n * cells)] } };
  };
  return { outputs, dispose, description: textOf(split, 'not linear') };
}

function asTensor({ data, shape }: Values): TensorLike {
  return { data, shape };
}

/** Logits [n, K], whatever axes of one position they have besides. */
function asMatrix({ data, shape: [n] }: Values): TensorLike {
  return { data, shape: [n, data.length / n] };
}

/** A function's tensors are disposed where they were made in it, by an asynchronous one before it first waits. */
function functionTeacher<Tensor extends TfjsTensor>(
  tf: TfjsMath<Tensor>,
  teacher: TfjsTeacherFunction<Tensor>,
): Teacher<Tensor> {
  return {
    description: 'a function',
    dispose: async () => {},
    async outputs(images, indices) {
      let side!: ReturnType<typeof teacher>;
      const kept: TfjsTensor[] = [];
      tf.tidy(() => {
        side = teacher(images, indices);
        if (isPromise(side)) return void kept.push(...keepMade(tf));
        side = replaceInSide('teacher', side, isTensor, (_, tensor) => {
          const copy = tf.keep(tf.clone(tensor as Tensor));
          kept.push(copy);
          return copy;
        }) as unknown as TfjsSide<Tensor>;
      });
      try {
        return await readTeacher(await side);
      } finally {
        for (const tensor of kept) tensor.dispose();
      }
    },
  };
}

/** The side in typed arrays, with the axis orders of tfjs where it does not say others. */
async function readTeacher(teacher: object): Promise<Side> {
  known(tables.side, expectSide('teacher', teacher), 'teacher');
  return (await read(new Found({ teacher }, isTensor))).teacher;
}

/** Outputs for the whole data set, of which those of a batch are taken. */
async function storedTeacher<Tensor extends TfjsTensor>(stored: TfjsSide<Tensor>): Promise<Teacher<Tensor>> {
  const side = await readTeacher(stored);
  const perSample = Object.entries(side).filter(
    ([name, tensor]) => samples[name] !== undefined && tensor !== undefined,
  );
  const takers = perSample.map(([name, tensor]) => [name, takerOf(`teacher.${name}`, tensor, samples[name])] as const);
  return {
    description: 'stored outputs',
    dispose: async () => {},
    async outputs(_, indices) {
      if (indices === undefined)
        fail('ERR_GLD_ARG_TYPE', 'indices', 'the places of the images in the data set', 'none');
      return { ...side, ...Object.fromEntries(takers.map(([name, take]) => [name, take(indices)])) };
    },
  };
}

/** Ranks of the parts of a side that have samples. */
const samples: Readonly<Record<string, readonly number[]>> = {
  features: [3, 4, 5],
  logitMap: [3, 4, 5],
  logits: [2, 3],
  mask: [2, 3, 4],
};

/** What takes samples out of a tensor. */
function takerOf(
  argument: string,
  tensor: unknown,
  ranks: readonly number[],
): (indices: readonly number[]) => TensorLike {
  const view = new View();
  readView(view, argument, tensor, ranks, '[N, ...]');
  expectHost(view, 'a tensor in CPU memory', 'one');
  const { dtype } = view;
  const [count, ...shape] = view.shape;
  const all = copyDense(view) as Float32Array;
  const size = all.length / count;
  return (indices) => {
    // One array's type stands for all of them here.
    const data = new (kinds[dtype] as Float32ArrayConstructor)(indices.length * size);
    indices.forEach((index, i) => {
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        fail('ERR_GLD_OPTION', `indices[${i}]`, `a place among the ${count} samples of ${argument}`, describe(index));
      }
      data.set(all.subarray(index * size, (index + 1) * size), i * size);
    });
    return { data, shape: [indices.length, ...shape], dtype };
  };
}
