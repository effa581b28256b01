/** An ONNX model as a teacher. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Batch, Dataset } from '../data/index.js';
import { type Teacher, TeacherError } from '../teachers/types.js';
import { featureForm, logitForm } from './form.js';
import { GraphIndex } from './graph.js';
import { findHead, type HeadNames } from './head.js';
import { findInput, type InputOptions, preparation } from './input.js';
import { decodeModel, floatingTypes, type TensorProto } from './schema.js';
import { openSession } from './session.js';
import { externalFile } from './tensor.js';

/** What to take from which model. */
export interface OnnxOptions extends HeadNames, InputOptions {
  /** The model's file. */
  path: string;
}

export interface OnnxTeacher extends Teacher {
  /** sha256 of the model's file, of those that it refers to, and of the tensor that is taken in place of a named one. */
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
  const index = new GraphIndex(graph);
  const input = findInput(index.inputs, data, options);
  const prepare = preparation(data, input, options);
  const head = findHead(index, options);
  const names = head.kind === 'logits' ? [head.logits] : [head.features, head.classifier.output, ...head.outputs];
  const instead = head.kind === 'logits' && head.logits !== options.logits ? head.logits : '';
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
      if (error instanceof TeacherError) throw error;
      throw new TeacherError(`${path}: the model does not run on images of ${height} x ${width}: ${error.message}`);
    });
    const form =
      head.kind === 'logits'
        ? logitForm(head.logits, probe[0], data.classes.length, index)
        : await featureForm(head, probe, data.classes.length, path, index);
    return {
      form,
      digest: await digest([bytes, instead], graph.initializer, path),
      parameters: graph.initializer
        .filter(({ dataType }) => floatingTypes.has(dataType))
        .reduce((sum, { dims }) => sum + dims.reduce((product, extent) => product * extent, 1), 0),
      description:
        head.kind === 'logits'
          ? `logits '${head.logits}' [${form.shape.slice(1)}]${instead && `, of which '${options.logits}' is made`}`
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

async function digest(parts: (Uint8Array | string)[], constants: TensorProto[], path: string): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const files = new Set(constants.flatMap((tensor) => externalFile(tensor, path) ?? []));
  for (const file of files) {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
