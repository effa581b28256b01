/** ONNX models, which ONNX Runtime runs. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { TfjsTensor } from '../adapters/tfjs-types.js';
import { brackets, describe } from '../describe.js';
import { numberOf, type ViewArray } from '../elements.js';
import { fail } from '../errors.js';
import type { GraphNode, Source, Values } from './graph.js';
import type { OnnxRuntime, OnnxSession } from './model-types.js';
import { elements, type OnnxInput, OnnxModel } from './onnx-format.js';
import { toValues } from './tensors.js';

/** An ONNX model and what runs it. */
export interface OnnxOptions {
  /** The model's bytes, or its path, in whose folder constants may lie that are kept outside of it. */
  readonly model: Uint8Array | string;
  readonly ort: OnnxRuntime;
  readonly sessionOptions?: object | undefined;
  /** Axis order of the images that the model takes. @default the one that its input's shape allows, channels first if both */
  readonly layout?: 'NCHW' | 'NHWC' | undefined;
}

/** What a tensor of ONNX Runtime is, as far as it is read. */
interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  getData(): Promise<ViewArray>;
}

/** An ONNX model that a teacher's numbers are taken from. */
export async function onnxSource<Tensor extends TfjsTensor>(
  argument: string,
  { model: given, ort, sessionOptions, layout }: OnnxOptions,
): Promise<Source<Tensor>> {
  const model = decode(argument, typeof given === 'string' ? await readModel(argument, given) : given);
  const options = { ...(typeof given === 'string' ? besideFile(given) : {}), ...sessionOptions };
  const [input, ...others] = model.inputs;
  if (input === undefined || others.length > 0) {
    const names = model.inputs.map(({ name }) => name).join(', ');
    fail('ERR_GLD_SPLIT', argument, 'a model with one input, the images', `${model.inputs.length} (${names})`);
  }
  const nodes = new Map<string, GraphNode>();
  for (const { operator: op, inputs, outputs } of model.nodes)
    for (const name of outputs) nodes.set(name, { op, inputs });
  const batch = input.shape?.[0];
  const sessions = new Map<string, Promise<OnnxSession>>();

  /** The session of a part, made when it is first used. */
  function sessionOf(from: string, { shape, dtype }: Values, fetches: readonly string[]): Promise<OnnxSession> {
    const key = JSON.stringify([from, fetches]);
    const known = sessions.get(key);
    if (known !== undefined) return known;
    const isImages = from === input.name;
    const axes = isImages ? input.shape : [batch, ...shape.slice(1)];
    const element = isImages ? (input.element ?? elements.float32) : elements[dtype as keyof typeof elements];
    const session = ort.InferenceSession.create(model.part(from, axes, element, fetches), options);
    sessions.set(key, session);
    return session;
  }

  return {
    graph: { nodes, input: input.name, outputs: model.outputs },
    batch,
    async run(from, value, fetches) {
      const numbers = await toValues<Tensor>(value);
      const { data, shape, dtype } = from === input.name ? arrange(argument, numbers, input, layout) : numbers;
      const session = await sessionOf(from, { data, shape, dtype }, fetches);
      const isCast = from === input.name ? input.element !== elements.float32 : dtype !== 'float32';
      const feeds = { [isCast ? `${from}/float32` : from]: new ort.Tensor('float32', data, shape) };
      const results = await session.run(feeds, fetches);
      return Promise.all(fetches.map((name) => readTensor(results[name] as OnnxTensor)));
    },
    async release() {
      const made = await Promise.allSettled(sessions.values());
      sessions.clear();
      for (const session of made) if (session.status === 'fulfilled') await session.value.release();
    },
  };
}

async function readModel(argument: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const received = `${describe(path)}, which cannot be read (${(error as Error).message})`;
    return fail('ERR_GLD_OPTION', `${argument}.model`, 'the path of an ONNX model', received);
  }
}

function decode(argument: string, bytes: Uint8Array): OnnxModel {
  let why = 'a file without a graph';
  try {
    const model = new OnnxModel(bytes);
    if (model.nodes.length > 0) return model;
  } catch (error) {
    why = `${bytes.length} bytes that are none (${(error as Error).message})`;
  }
  return fail('ERR_GLD_OPTION', `${argument}.model`, 'an ONNX model', why);
}

/** Tells ONNX Runtime where constants are that a model keeps in other files, as it gets the bytes alone. */
function besideFile(path: string): object {
  return { extra: { session: { model_external_initializers_file_folder_path: dirname(resolve(path)) } } };
}

/** Images [n, H, W, C], or any other input, in the axis order of the model. */
function arrange(argument: string, images: Values, input: OnnxInput, layout: OnnxOptions['layout']): Values {
  const { shape: wanted } = input;
  const { shape } = images;
  const [n, height, width, channels] = shape;
  const orders = { NCHW: [n, channels, height, width], NHWC: shape };
  const fits = (extents: readonly number[]) =>
    wanted === undefined ||
    (wanted.length === extents.length && extents.every((size, i) => i === 0 || (wanted[i] ?? size) === size));
  const found = shape.length === 4 ? (['NCHW', 'NHWC'] as const).find((each) => fits(orders[each])) : 'NHWC';
  const chosen = layout ?? found ?? 'NHWC';
  if (!fits(orders[chosen])) {
    const sizes = brackets((wanted ?? []).map((size) => size ?? 'any'));
    fail('ERR_GLD_SHAPE', 'images', `${sizes}, which ${argument} takes as '${input.name}'`, brackets(shape));
  }
  if (chosen === 'NHWC') return images;
  const data = new Float32Array(images.data.length);
  const area = height * width;
  for (let image = 0; image < n; image += 1) {
    for (let pixel = 0; pixel < area; pixel += 1) {
      const at = (image * area + pixel) * channels;
      for (let c = 0; c < channels; c += 1) data[(image * channels + c) * area + pixel] = images.data[at + c];
    }
  }
  return { data, shape: orders.NCHW, dtype: 'float32' };
}

async function readTensor(tensor: OnnxTensor): Promise<Values> {
  const { type, dims } = tensor;
  const data = await tensor.getData();
  const shape = [...dims];
  if (data instanceof Float32Array) return { data, shape, dtype: 'float32' };
  const isBits = type === 'float16' && data instanceof Uint16Array;
  const floats = Float32Array.from(data as ArrayLike<number>, (element, i) =>
    isBits ? numberOf(data, i, 'float16') : Number(element),
  );
  return { data: floats, shape, dtype: type === 'float16' || type === 'float64' ? type : 'float32' };
}
