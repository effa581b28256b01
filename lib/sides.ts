import { expectObject, options } from './check.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { tables } from './options.js';
import { permute, readFloats, type FloatView } from './tensor.js';

/** A network after reading, its views in the logical axis order whatever the layout. */
export type ReadSide = ReadFeatures | ReadLogits;

export interface ReadFeatures {
  readonly kind: 'features';
  readonly n: number;
  readonly classes: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [n, channels, height, width]. */
  readonly features: FloatView;
  /** [classes, channels]. */
  readonly weight: FloatView;
  /** [classes]. */
  readonly bias: FloatView | undefined;
  readonly layout: 'NCHW' | 'NHWC';
  readonly weightLayout: 'KC' | 'CK';
}

export interface ReadLogits {
  readonly kind: 'logits';
  readonly n: number;
  readonly classes: number;
  readonly rows: number;
  /** [n, rows, classes]. */
  readonly logits: FloatView;
}

/** Which of the caller's axes are [n, channels, height, width], and which [classes, channels]. */
export const layouts = { NCHW: [0, 1, 2, 3], NHWC: [0, 3, 1, 2] } as const;
export const weightLayouts = { KC: [0, 1], CK: [1, 0] } as const;

const axes = { NCHW: '[n, C, H, W]', NHWC: '[n, H, W, C]', KC: '[K, C]', CK: '[C, K]' } as const;

/** Reads teacher or student and checks that its own tensors belong together. */
export function readSide(name: 'teacher' | 'student', value: unknown): ReadSide {
  const what = '{ features, weight } or { logits }';
  const given = expectObject(name, value, what);
  if ('data' in given && ('shape' in given || 'dims' in given)) fail('ERR_GLD_ARG_TYPE', name, what, 'a tensor');
  const side = options(tables.side, given, name);
  if (side.logits !== undefined) {
    const other = Object.keys(given).find((key) => key !== 'logits' && given[key] !== undefined);
    if (other !== undefined) fail('ERR_GLD_ARG_TYPE', name, `${what}, not both`, `logits and ${other}`);
    return readLogitSide(`${name}.logits`, side.logits);
  }
  if (side.features === undefined && side.weight === undefined) fail('ERR_GLD_ARG_TYPE', name, what, 'neither');
  const features = readFeatures(`${name}.features`, side.features, side.layout);
  const [n, channels, height, width] = features.shape as [number, number, number, number];
  const { weight, bias, classes } = readClassifier(`${name}.`, side, channels, "features'");
  const { layout, weightLayout } = side;
  return { kind: 'features', n, classes, channels, height, width, features, weight, bias, layout, weightLayout };
}

/** Reads a feature map as [n, channels, height, width]. */
export function readFeatures(argument: string, value: unknown, layout: 'NCHW' | 'NHWC'): FloatView {
  return permute(readFloats(argument, value, [4], axes[layout]), layouts[layout]);
}

/** Reads a linear classifier as [classes, channels] and [classes], for that many channels of the named input. */
export function readClassifier(
  prefix: string,
  given: { readonly weight: unknown; readonly bias: unknown; readonly weightLayout: 'KC' | 'CK' },
  channels: number,
  input: string,
): { weight: FloatView; bias: FloatView | undefined; classes: number } {
  const { weightLayout } = given;
  const read = readFloats(`${prefix}weight`, given.weight, [2], axes[weightLayout]);
  const weight = permute(read, weightLayouts[weightLayout]);
  const classes = weight.shape[0]!;
  if (weight.shape[1] !== channels) {
    const shape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
    const expected = `shape ${brackets(shape)} to match ${input} ${channels} channels`;
    fail('ERR_GLD_SHAPE', `${prefix}weight`, expected, brackets(read.shape));
  }
  expectClasses(`${prefix}weight`, classes, weight.shape);
  if (given.bias === undefined) return { weight, bias: undefined, classes };
  const bias = readFloats(`${prefix}bias`, given.bias, [1], '[K]');
  if (bias.shape[0] !== classes) {
    const expected = `shape [${classes}] to match weight's ${classes} classes`;
    fail('ERR_GLD_SHAPE', `${prefix}bias`, expected, brackets(bias.shape));
  }
  return { weight, bias, classes };
}

function readLogitSide(argument: string, value: unknown): ReadLogits {
  const logits = readFloats(argument, value, [3], '[n, 1 + L, K]');
  const [n, rows, classes] = logits.shape as [number, number, number];
  expectClasses(argument, classes, logits.shape);
  return { kind: 'logits', n, rows, classes, logits };
}

/** One class alone has no distribution to distil, and no standard deviation. */
export function expectClasses(argument: string, classes: number, shape: readonly number[]): void {
  if (classes < 2) fail('ERR_GLD_CLASSES', argument, 'at least 2 classes', `${classes} in shape ${brackets(shape)}`);
}
