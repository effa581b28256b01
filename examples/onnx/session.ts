/** A model in ONNX Runtime, any of whose tensors can be asked for. */
import { dirname, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Numbers, TeacherError } from '../teachers/types.js';
import { withOutputs } from './edit.js';
import type { ModelInput } from './input.js';

export interface Session {
  /**
   * The named tensors for images as the model takes them: `count` images with `shape` each.
   * @throws TeacherError when one of them holds other numbers than float32 or float64
   */
  run(images: Float32Array, count: number, shape: readonly number[]): Promise<Numbers[]>;
  dispose(): Promise<void>;
}

/**
 * @param model the model's bytes
 * @param path its file, in whose folder constants may lie that are kept outside of it
 * @param known names of the graph's outputs; others of `names` are made outputs
 */
export async function openSession(
  model: Uint8Array,
  path: string,
  known: readonly string[],
  names: readonly string[],
  input: ModelInput,
  threads: number,
): Promise<Session> {
  const added = names.filter((name) => !known.includes(name));
  const session = await InferenceSession.create(withOutputs(model, added), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: dirname(resolve(path)) } },
  });
  return {
    run: (images, count, shape) =>
      inBatches(images, count, input.batch ?? count, async (part) => {
        const feeds = { [input.name]: new Tensor('float32', part, [input.batch ?? count, ...shape]) };
        const results = await session.run(feeds, names);
        return names.map((name): Numbers => {
          const { type, data, dims } = results[name];
          if (data instanceof Float32Array) return { data, shape: [...dims] };
          if (data instanceof Float64Array) return { data: Float32Array.from(data), shape: [...dims] };
          throw new TeacherError(`'${name}' has elements of type ${type}; expected float32 or float64`);
        });
      }),
    dispose: () => session.release(),
  };
}

/** Runs a model that takes `batch` images at once on `count`: the last batch is filled up, and the surplus dropped. */
async function inBatches(
  images: Float32Array,
  count: number,
  batch: number,
  run: (part: Float32Array) => Promise<Numbers[]>,
): Promise<Numbers[]> {
  if (batch === count) return run(images);
  const perImage = images.length / count;
  const whole: Numbers[] = [];
  for (let at = 0; at < count; at += batch) {
    const size = Math.min(batch, count - at);
    const part = new Float32Array(batch * perImage);
    part.set(images.subarray(at * perImage, (at + size) * perImage));
    for (const [
      i,
      {
        data,
        shape: [, ...shape],
      },
    ] of (await run(part)).entries()) {
      const perRow = data.length / batch;
      whole[i] ??= { data: new Float32Array(count * perRow), shape: [count, ...shape] };
      whole[i].data.set(data.subarray(0, size * perRow), at * perRow);
    }
  }
  return whole;
}
