/** An ONNX model as a teacher. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Batch, Dataset } from '../data/index.js';
import { logitRows } from '../teachers/logits.js';
import { type Form, type Numbers, sideOf, type Teacher, TeacherError } from '../teachers/types.js';
import { GraphIndex, type LinearLayer } from './graph.js';
import { findHead, type HeadNames } from './head.js';
import { findInput, type InputOptions, preparation } from './input.js';
import { decodeModel, type TensorProto } from './schema.js';
import { openSession } from './session.js';
import { externalFile, readFloats } from './tensor.js';

/** What to take from which model. */
export interface OnnxOptions extends HeadNames, InputOptions {
  /** The model's file. */
  path: string;
}

export interface OnnxTeacher extends Teacher {
  /** sha256 of the model's file and of those that it refers to. */
  digest: string;
  /** Numbers in the model's constants of floating-point type. */
  parameters: number;
  /** What was taken from the model, for a log. */
  description: string;
}

/**
 * Opens a model and runs it on one batch, from which everything that the file does not say is learnt.
 *
 * A teacher of feature maps is checked there: the mean over the map times the classifier's weight has to be what the
 * model itself computes as its logits. So a wrong map, weight, bias or axis order is an error and not a bad teacher.
 *
 * @param threads of ONNX Runtime
 * @throws TeacherError that says what does not fit: the model's images, classes, or the tensors named
 */
export async function openOnnxTeacher(options: OnnxOptions, data: Dataset, threads: number): Promise<OnnxTeacher> {
  const { path } = options;
  const bytes = await read(path);
  const { graph } = decodeModel(bytes, path);
  const input = findInput(new GraphIndex(graph).inputs, data, options);
  const prepare = preparation(data, input, options);
  const head = findHead(graph, options);
  const names = head.kind === 'logits' ? [head.logits] : [head.features, head.classifier.output];
  const outputs = graph.output.map(({ name }) => name);
  const session = await openSession(bytes, path, outputs, names, input, threads).catch((error: Error) => {
    throw new TeacherError(`${path}: ONNX Runtime does not take the model: ${error.message}`);
  });
  const { height, width, channels } = data;
  const shape = input.layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
  const run = (batch: Pick<Batch, 'images' | 'size'>) => session.run(prepare(batch), batch.size, shape);
  try {
    const batch = await firstBatch(data);
    const probe = await run(batch).catch((error: Error) => {
      throw new TeacherError(`${path}: the model does not run on images of ${height} x ${width}: ${error.message}`);
    });
    const form =
      head.kind === 'logits'
        ? logitForm(head.logits, probe[0], data.classes.length)
        : await featureForm(head.features, head.classifier, probe, data.classes.length, path);
    return {
      form,
      digest: await digest(bytes, graph.initializer, path),
      parameters: graph.initializer
        .filter(({ dataType }) => floating.has(dataType))
        .reduce((sum, { dims }) => sum + dims.reduce((product, extent) => product * extent, 1), 0),
      description:
        head.kind === 'logits'
          ? `logits '${head.logits}' [${form.shape.slice(1)}]`
          : `feature map '${head.features}' [${form.shape}], classifier '${head.classifier.weight.name}'`,
      async outputs(batch) {
        const [{ data: result }] = await run(batch);
        return result;
      },
      dispose: () => session.dispose(),
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}

/** float, float16, double, bfloat16 */
const floating = new Set([1, 10, 11, 16]);

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new TeacherError(`--teacher ${path}: expected an ONNX model (${(error as Error).message})`);
  }
}

/** Enough images to tell axes and tensors apart, few enough to cost nothing. */
const probeImages = 8;

async function firstBatch(data: Dataset): Promise<Batch> {
  for await (const batch of data.test.batches({ batchSize: Math.min(probeImages, data.test.size) })) return batch;
  throw new Error('the test split is empty');
}

function logitForm(name: string, { data, shape: [n, ...rest] }: Numbers, classes: number): Form {
  const got = data.length / n;
  const flat = rest.filter((extent) => extent !== 1);
  if (flat.length > 1) throw new TeacherError(`'${name}' has shape [n, ${rest}]; expected logits [n, ${classes}]`);
  expectClasses(got, classes);
  return { kind: 'logits', shape: [1, classes] };
}

function expectClasses(got: number, expected: number): void {
  if (got !== expected) {
    throw new TeacherError(`The model tells ${got} classes apart; expected ${expected}, as the data set has`);
  }
}

/** How far the classifier's own logits may be from those computed here, as a share of the largest. */
const tolerance = 1e-3;

async function featureForm(
  name: string,
  layer: LinearLayer & { bias?: TensorProto },
  [map, logits]: Numbers[],
  classes: number,
  path: string,
): Promise<Form> {
  expectClasses(layer.classes, classes);
  const {
    shape: [n, ...shape],
  } = map;
  const { channels, weightLayout, classes: k } = layer;
  const layouts =
    shape.length !== 3
      ? []
      : (['NCHW', 'NHWC'] as const).filter((layout) => shape[layout === 'NCHW' ? 0 : 2] === channels);
  if (layouts.length === 0) {
    throw new TeacherError(
      `The feature map '${name}' has shape [n, ${shape}]; expected [n, ${channels}, H, W] or ` +
        `[n, H, W, ${channels}], for the classifier's ${channels} channels`,
    );
  }
  const scaled = async (tensor: TensorProto, factor: number, shape: number[]): Promise<Numbers> => ({
    data: (await readFloats(tensor, path)).data.map((value) => value * factor),
    shape,
  });
  const classifier = {
    weight: await scaled(layer.weight, layer.weightFactor, weightLayout === 'KC' ? [k, channels] : [channels, k]),
    weightLayout,
    ...(layer.bias ? { bias: await scaled(layer.bias, layer.biasFactor, [k]) } : {}),
  };
  const size = logits.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  let nearest = Infinity;
  for (const layout of layouts) {
    const form: Form = { kind: 'features', shape: shape as [number, number, number], layout, classifier };
    const own = logitRows(sideOf(form, map.data, n), [0, 0]);
    const difference = logits.data.reduce((most, value, i) => Math.max(most, Math.abs(value - own[i])), 0);
    if (difference <= tolerance * Math.max(size, 1e-6)) return form;
    nearest = Math.min(nearest, difference);
  }
  throw new TeacherError(
    `The mean over '${name}' times '${layer.weight.name}' is not the model's '${layer.output}': ` +
      `they differ by ${nearest.toPrecision(2)}, and '${layer.output}' is at most ${size.toPrecision(2)}. The map, the ` +
      'weight and the bias have to belong together, with nothing between them but the mean; otherwise take nothing but ' +
      'logits with --teacher-logits',
  );
}

async function digest(model: Uint8Array, constants: TensorProto[], path: string): Promise<string> {
  const hash = createHash('sha256').update(model);
  const files = new Set(constants.flatMap((tensor) => externalFile(tensor, path) ?? []));
  for (const file of files) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
