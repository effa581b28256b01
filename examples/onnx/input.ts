/** What an ONNX model gets: a data set's images, normalised as the model wants them. */
import type { Batch } from '../data/index.js';
import { TeacherError } from '../teachers/types.js';

/** What a data set's images are like. */
export interface ImageFormat {
  channels: number;
  /** Per channel, of values in 0 ... 1: what the images were normalised with. */
  mean: readonly number[];
  deviation: readonly number[];
}

/** How the model wants its images; what is left out is as the data set has it. */
export interface InputOptions {
  /** The model gets (value - mean) / std with values in 0 ... 1; one number for all channels, or one per channel. */
  mean?: number[];
  std?: number[];
}

/** Turns a batch's images [n, H, W, C] into the model's numbers, in the same order. */
export function preparation(format: ImageFormat, options: InputOptions) {
  const { channels } = format;
  const perChannel = (option: string, values: number[] | undefined, otherwise: readonly number[]) => {
    if (values && values.length !== 1 && values.length !== channels) {
      throw new TeacherError(`${option}: expected 1 or ${channels} numbers, one per channel, got ${values.length}`);
    }
    return Array.from({ length: channels }, (_, c) => (values?.length === 1 ? values[0] : (values ?? otherwise)[c]));
  };
  const mean = perChannel('--teacher-mean', options.mean, format.mean);
  const std = perChannel('--teacher-std', options.std, format.deviation);
  // Of the images as the data set has normalised them, not of their pixels.
  const factor = std.map((value, c) => format.deviation[c] / value);
  const shift = std.map((value, c) => (format.mean[c] - mean[c]) / value);
  return ({ images }: Pick<Batch, 'images'>): Float32Array =>
    images.map((value, i) => value * factor[i % channels] + shift[i % channels]);
}
