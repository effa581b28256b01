/** How a model takes its images, and the way there from a data set's batch. */
import type { Batch } from '../data/index.js';
import { TeacherError } from '../teachers/types.js';
import { elementType, type ValueInfo } from './schema.js';

/** What a data set's images are like. */
export interface ImageFormat {
  height: number;
  width: number;
  channels: number;
  /** Per channel, of values in 0 ... 1: what the images were normalised with. */
  mean: readonly number[];
  deviation: readonly number[];
}

/** How the model wants its images; what is left out is as the data set has it, or found. */
export interface InputOptions {
  /** Axis order of the model's input. */
  layout?: 'NCHW' | 'NHWC';
  /** The model gets (value - mean) / std with values in 0 ... 1; one number for all channels, or one per channel. */
  mean?: number[];
  std?: number[];
}

export interface ModelInput {
  name: string;
  layout: 'NCHW' | 'NHWC';
  /** The one number of images that the model takes at once, if it is fixed. */
  batch: number | undefined;
}

/** @throws TeacherError when the model cannot take images of this format. */
export function findInput(inputs: ValueInfo[], format: ImageFormat, options: InputOptions): ModelInput {
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new TeacherError(`The model has ${inputs.length} inputs (${names}); expected one, the images`);
  }
  const [{ name, type }] = inputs;
  const { elemType, shape } = type?.tensorType ?? {};
  if (elemType !== elementType.float) {
    throw new TeacherError(
      `The model's input '${name}' has elements of type ${elemType} of the format; expected float (1)`,
    );
  }
  const sizes = shape?.dim.map(({ dimValue }) => (dimValue && dimValue > 0 ? dimValue : undefined));
  if (sizes && sizes.length !== 4) {
    throw new TeacherError(
      `The model's input '${name}' has ${sizes.length} axes; expected 4, [n, C, H, W] or [n, H, W, C]`,
    );
  }
  const { height, width, channels } = format;
  const extents = { NCHW: [channels, height, width], NHWC: [height, width, channels] };
  const fits = (layout: 'NCHW' | 'NHWC') =>
    extents[layout].every((extent, i) => sizes?.[i + 1] === undefined || sizes[i + 1] === extent);
  const layout = options.layout ?? (['NCHW', 'NHWC'] as const).find(fits);
  if (!layout || !fits(layout)) {
    const wanted = `[${sizes?.map((size) => size ?? 'n').join(', ')}]`;
    const order = options.layout ? ` in the order ${options.layout}` : '';
    throw new TeacherError(
      `The model's input '${name}' has shape ${wanted}, and the data set's images are of ` +
        `${height} x ${width} pixels and ${channels} channels${order}: it was made for other images`,
    );
  }
  return { name, layout, batch: sizes?.[0] };
}

/** Turns a batch's images into the model's numbers. */
export function preparation(format: ImageFormat, { layout }: ModelInput, options: InputOptions) {
  const { height, width, channels } = format;
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
  const area = height * width;
  const [step, stride] = layout === 'NCHW' ? [1, area] : [channels, 1];
  return ({ images, size }: Pick<Batch, 'images' | 'size'>): Float32Array => {
    const result = new Float32Array(images.length);
    for (let image = 0; image < size; image++) {
      const at = image * area * channels;
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < area; i++) {
          result[at + c * stride + i * step] = images[at + i * channels + c] * factor[c] + shift[c];
        }
      }
    }
    return result;
  };
}
