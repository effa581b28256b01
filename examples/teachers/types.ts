/** A teacher: whatever gives its outputs for a batch of images. A network of tfjs, an ONNX model, or a file of outputs. */
import type { FeatureSide, LogitSide } from 'gld-loss';
import type { Batch } from '../data/index.js';
import { UsageError } from '../training/options.js';

export interface Numbers {
  data: Float32Array;
  shape: number[];
}

/** The linear classifier behind a feature map. */
export interface Classifier {
  /** [K, C], or [C, K] with `weightLayout` 'CK'. */
  weight: Numbers;
  weightLayout: 'KC' | 'CK';
  /** [K] */
  bias?: Numbers;
}

/** What a teacher's outputs are. */
export type Form =
  | {
      kind: 'features';
      /** Of one image: [C, H, W], or [H, W, C] with `layout` 'NHWC'. */
      shape: [number, number, number];
      layout: 'NCHW' | 'NHWC';
      classifier: Classifier;
    }
  /** Logits, of the whole image and of the cells of a grid; one row alone if the teacher has no map. */
  | { kind: 'logits' /** [rows, K] */; shape: [number, number] };

export interface Teacher {
  readonly form: Form;
  /** Outputs of the images, one after the other: [size, ...form.shape]. */
  outputs(batch: Batch): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Something about a teacher that the user has to change. */
export class TeacherError extends UsageError {}

/** A side of the loss, as a teacher gives it. */
export type TeacherSide = FeatureSide | LogitSide;

/** The teacher's side of the loss, from its outputs of `size` images. */
export function sideOf(form: Form, outputs: Float32Array, size: number): TeacherSide {
  const tensor = { data: outputs, shape: [size, ...form.shape] };
  if (form.kind === 'logits') return { logits: tensor };
  const {
    layout,
    classifier: { weight, weightLayout, bias },
  } = form;
  return { features: tensor, layout, weight, weightLayout, ...(bias ? { bias } : {}) };
}

export const classesOf = ({ weight, weightLayout }: Classifier): number => weight.shape[weightLayout === 'KC' ? 0 : 1];

/** Height, width and channels of the map; a teacher of logits has none. */
export function mapOf(form: Form): [number, number, number] | undefined {
  if (form.kind === 'logits') return undefined;
  const [a, b, c] = form.shape;
  return form.layout === 'NCHW' ? [b, c, a] : [a, b, c];
}
