import type { Call } from './call.js';
import { expectObject, known } from './check.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { gradientNames, tables } from './options.js';
import { readFloats, type View } from './tensor.js';

type Layout = 'NCHW' | 'NHWC';
type WeightLayout = 'KC' | 'CK';

/** A network after reading, its views in the logical axis order whatever the layout. Filled anew for each call. */
export class Side {
  /** What it was given as. */
  kind: 'features' | 'logits' = 'logits';
  n = 0;
  classes = 0;
  /** Of logits. */
  rows = 0;
  /** Of features, else 0. */
  channels = 0;
  height = 0;
  width = 0;
  layout: Layout = 'NCHW';
  weightLayout: WeightLayout = 'KC';
  /** [n, channels, height, width]. */
  readonly features: View;
  /** [classes, channels]. */
  readonly weight: View;
  /** [classes]; may be absent. */
  readonly bias: View;
  /** [n, rows, classes]. */
  readonly logits: View;
  /** All four, in the order of {@link gradientNames}. */
  readonly tensors: readonly View[];

  constructor(call: Call, readonly name: 'teacher' | 'student') {
    this.features = call.view(`${name}.features`);
    this.weight = call.view(`${name}.weight`);
    this.bias = call.view(`${name}.bias`);
    this.logits = call.view(`${name}.logits`);
    this.tensors = gradientNames.map((tensor) => this[tensor]);
  }
}

/** What messages call the parts of a side, or of a classifier on its own. */
const paths = {
  teacher: pathsOf('teacher.'),
  student: pathsOf('student.'),
  classifier: pathsOf(''),
};

function pathsOf(prefix: string) {
  return {
    features: `${prefix}features`,
    layout: `${prefix}layout`,
    weight: `${prefix}weight`,
    bias: `${prefix}bias`,
    weightLayout: `${prefix}weightLayout`,
    logits: `${prefix}logits`,
  };
}

/** Which of the caller's axes are [n, channels, height, width], and which [classes, channels]. */
export const layouts = { NCHW: [0, 1, 2, 3], NHWC: [0, 3, 1, 2] } as const;
export const weightLayouts = { KC: [0, 1], CK: [1, 0] } as const;

const axes = { NCHW: '[n, C, H, W]', NHWC: '[n, H, W, C]', KC: '[K, C]', CK: '[C, K]' } as const;
const ranks = { features: [4], weight: [2], bias: [1], logits: [3] } as const;

/** Reads teacher or student and checks that its own tensors belong together. */
export function readSide(side: Side, value: unknown): void {
  const { name } = side;
  const path = paths[name];
  const what = '{ features, weight } or { logits }';
  const given = expectObject(name, value, what);
  if ('data' in given && ('shape' in given || 'dims' in given)) fail('ERR_GLD_ARG_TYPE', name, what, 'a tensor');
  const { features, weight, bias, layout, weightLayout, logits } = known(tables.side, given, name);
  side.layout = tables.side.layout(layout, path.layout);
  side.weightLayout = tables.side.weightLayout(weightLayout, path.weightLayout);
  if (logits !== undefined) {
    const tensors = features !== undefined || weight !== undefined || bias !== undefined;
    if (tensors || layout !== undefined || weightLayout !== undefined) {
      refuseBoth(name, what, { features, weight, bias, layout, weightLayout });
    }
    return readLogitSide(side, path.logits, logits);
  }
  if (features === undefined && weight === undefined) fail('ERR_GLD_ARG_TYPE', name, what, 'neither');
  side.kind = 'features';
  readFeatures(side.features, path.features, features, side.layout);
  const { shape } = side.features;
  side.n = shape[0]!;
  side.channels = shape[1]!;
  side.height = shape[2]!;
  side.width = shape[3]!;
  side.classes = readClassifier(side, name, weight, bias, side.weightLayout, side.channels, "features'");
}

/** Reads a feature map as [n, channels, height, width]. */
export function readFeatures(view: View, argument: string, value: unknown, layout: Layout): void {
  readFloats(view, argument, value, ranks.features, axes[layout]);
  view.permute(layouts[layout]);
}

/**
 * Reads a linear classifier as [classes, channels] and [classes], for that many channels of the named input, and
 * returns its number of classes.
 */
export function readClassifier(
  into: { readonly weight: View; readonly bias: View },
  name: keyof typeof paths,
  weight: unknown,
  bias: unknown,
  weightLayout: WeightLayout,
  channels: number,
  input: string,
): number {
  const path = paths[name];
  const { shape } = into.weight;
  readFloats(into.weight, path.weight, weight, ranks.weight, axes[weightLayout]);
  into.weight.permute(weightLayouts[weightLayout]);
  const classes = shape[0]!;
  if (shape[1] !== channels) {
    const [wanted, got] = weightLayout === 'KC'
      ? [[classes, channels], [classes, shape[1]!]]
      : [[channels, classes], [shape[1]!, classes]];
    const expected = `shape ${brackets(wanted)} to match ${input} ${channels} channels`;
    fail('ERR_GLD_SHAPE', path.weight, expected, brackets(got));
  }
  expectClasses(path.weight, classes, shape);
  if (bias === undefined) return classes;
  readFloats(into.bias, path.bias, bias, ranks.bias, '[K]');
  if (into.bias.shape[0] !== classes) {
    const expected = `shape [${classes}] to match weight's ${classes} classes`;
    fail('ERR_GLD_SHAPE', path.bias, expected, brackets(into.bias.shape));
  }
  return classes;
}

function refuseBoth(name: string, what: string, others: Readonly<Record<string, unknown>>): never {
  const other = Object.keys(others).find((key) => others[key] !== undefined);
  return fail('ERR_GLD_ARG_TYPE', name, `${what}, not both`, `logits and ${other}`);
}

function readLogitSide(side: Side, argument: string, value: unknown): void {
  readFloats(side.logits, argument, value, ranks.logits, '[n, 1 + L, K]');
  const { shape } = side.logits;
  side.kind = 'logits';
  side.n = shape[0]!;
  side.rows = shape[1]!;
  side.classes = shape[2]!;
  side.channels = side.height = side.width = 0;
  expectClasses(argument, side.classes, shape);
}

/** One class alone has no distribution to distil, and no standard deviation. */
export function expectClasses(argument: string, classes: number, shape: readonly number[]): void {
  if (classes < 2) fail('ERR_GLD_CLASSES', argument, 'at least 2 classes', `${classes} in shape ${brackets(shape)}`);
}
