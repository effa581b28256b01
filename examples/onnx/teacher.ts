/** An ONNX model as a teacher. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Side, TensorLike } from 'gld-loss';
import { openTeacher } from 'gld-loss/tfjs';
import * as ort from 'onnxruntime-node';
import type { Batch, Dataset } from '../data/index.js';
import type { Grid } from '../teachers/logits.js';
import { type Form, type Numbers, type Teacher, TeacherError } from '../teachers/types.js';
import { tf } from '../tfjs/backend.js';
import { type InputOptions, preparation } from './input.js';
import { decodeModel, floatingTypes, type TensorProto } from './schema.js';

/** What to take from which model. */
export interface OnnxOptions extends InputOptions {
  /** The model's file. */
  path: string;
  /** Names of tensors, which are found otherwise: the feature map, and the logits. Logits without a map are all that is taken. */
  features?: string;
  logits?: string;
  /** Axis order of the model's input. */
  layout?: 'NCHW' | 'NHWC';
}

/** Whether a model's logits are all that is taken of it. */
export const isLogitsAlone = ({ features, logits }: Partial<OnnxOptions> = {}): boolean =>
  logits !== undefined && features === undefined;

export interface OnnxTeacher extends Teacher {
  /** sha256 of the model's file, of those that it refers to, and of what was taken from it. */
  digest: string;
  /** Numbers in the model's constants of floating-point type. */
  parameters: number;
  /** What was taken from the model, for a log. */
  description: string;
}

/** Enough images to tell axes and tensors apart, few enough to cost nothing. */
const probeImages = 8;

/**
 * Opens a model by the library's `openTeacher`, which finds the map and the head, and checks them on one batch.
 *
 * @param threads of ONNX Runtime
 * @param grid cells whose logits a head that is not linear has to give
 * @throws TeacherError that says what does not fit: the model's images, classes, or the tensors named
 */
export async function openOnnxTeacher(
  options: OnnxOptions,
  data: Dataset,
  threads: number,
  grid: Grid = [2, 2],
): Promise<OnnxTeacher> {
  const { path, features, logits, layout } = options;
  const bytes = await readFile(path).catch((error: Error) => {
    throw new TeacherError(`--teacher ${path}: expected an ONNX model (${error.message})`);
  });
  const { graph } = decodeModel(bytes, path);
  const prepare = preparation(data, options);
  const sessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  };
  const names = { features: isLogitsAlone(options) ? (false as const) : features, logits };
  const model = { model: path, ort, sessionOptions, layout, ...names };
  const withImages = <Result>(batch: Batch, use: (images: tf.Tensor) => Promise<Result>): Promise<Result> => {
    const images = tf.tensor4d(prepare(batch), batch.shape);
    return use(images).finally(() => images.dispose());
  };

  await tf.ready();
  const probe = await firstBatch(data);
  const teacher = await withImages(probe, (images) =>
    openTeacher(tf, model, images, { grid: rowsAndColumns(grid) }),
  ).catch((error: Error) => {
    const here = '--teacher-features and --teacher-logits name the two, and --teacher-logits alone takes nothing else';
    throw new TeacherError(`${path}: ${error.message}. Here ${here}`);
  });
  try {
    const sideOfBatch = (batch: Batch) => withImages(batch, (images) => teacher.outputs(images));
    const form = formOf(await sideOfBatch(probe), data.classes.length);
    const { description } = teacher;
    return {
      form,
      digest: await digest([bytes, description, JSON.stringify(form.shape)], graph.initializer, path),
      parameters: graph.initializer
        .filter(({ dataType }) => floatingTypes.has(dataType))
        .reduce((sum, { dims }) => sum + dims.reduce((product, extent) => product * extent, 1), 0),
      description,
      outputs: async (batch) => perSampleOf(await sideOfBatch(batch)).data as Float32Array,
      dispose: () => teacher.dispose(),
    };
  } catch (error) {
    await teacher.dispose();
    throw error;
  }
}

/** [0, 0] stands for the global logits alone, for which one cell is enough. */
const rowsAndColumns = ([rows, columns]: Grid): number[] => (rows * columns === 0 ? [1, 1] : [rows, columns]);

/** Map or logits. */
function perSampleOf(side: Side): TensorLike {
  if ('logits' in side) return side.logits;
  return 'logitMap' in side ? side.logitMap : side.features;
}

/** @throws TeacherError for other classes than the data set has */
function formOf(side: Side, classes: number): Form {
  const shape = Array.from(perSampleOf(side).shape ?? []).slice(1);
  const expectClasses = (got: number) => {
    if (got === classes) return;
    throw new TeacherError(`The model tells ${got} classes apart; expected ${classes}, as the data set has`);
  };
  if ('logits' in side) {
    expectClasses(shape.at(-1) ?? 0);
    return { kind: 'logits', shape: shape.length === 1 ? [1, classes] : (shape as [number, number]) };
  }
  const layout = side.layout === 'NHWC' ? 'NHWC' : 'NCHW';
  const form = { kind: 'features' as const, shape: shape as [number, number, number], layout } as const;
  if ('logitMap' in side) {
    expectClasses(layout === 'NHWC' ? shape[2] : shape[0]);
    // A map of logits is its own classifier's.
    const data = Float32Array.from({ length: classes ** 2 }, (_, i) => (i % (classes + 1) === 0 ? 1 : 0));
    return { ...form, classifier: { weight: { data, shape: [classes, classes] }, weightLayout: 'CK' } };
  }
  const numbers = (tensor: TensorLike): Numbers => ({
    data: tensor.data as Float32Array,
    shape: Array.from(tensor.shape ?? []),
  });
  const [weight, bias] = [numbers(side.weight), side.bias && numbers(side.bias)];
  expectClasses(weight.shape[1]);
  return { ...form, classifier: { weight, weightLayout: 'CK', ...(bias ? { bias } : {}) } };
}

async function firstBatch(data: Dataset): Promise<Batch> {
  for await (const batch of data.test.batches({ batchSize: Math.min(probeImages, data.test.size) })) return batch;
  throw new Error('the test split is empty');
}

async function digest(parts: (Uint8Array | string)[], constants: TensorProto[], path: string): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const locations = constants
    .filter(({ dataLocation }) => dataLocation === 1)
    .flatMap(({ externalData = [] }) => externalData.filter(({ key }) => key === 'location'));
  const files = new Set(locations.map(({ value }) => join(dirname(path), value)));
  for (const file of files) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
