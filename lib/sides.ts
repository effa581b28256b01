import type { Call } from './call.js';
import { expectObject, known } from './check.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { refuseModel } from './foreign.js';
import { readMask } from './masks.js';
import { gradientNames, tables } from './options.js';
import { readFloats, type View } from './tensor.js';
import type { MapLayout } from './types.js';

/** What a side is called: one that is checked by itself need not be either. */
export type SideName = 'teacher' | 'student' | 'side';

type WeightLayout = 'KC' | 'CK';

/** A network after reading, its views in the logical axis order whatever the layout. Filled anew for each call. */
export class Side {
  /** What it was given as. */
  kind: 'features' | 'logitMap' | 'logits' = 'logits';
  n = 0;
  classes = 0;
  /** Of logits. */
  rows = 0;
  /** Of a map, else 0. */
  channels = 0;
  /** Of a map: how many, one to three. */
  axes = 0;
  layout: MapLayout = 'NCHW';
  weightLayout: WeightLayout = 'KC';
  /** A map of features or logits, [n, channels, ...axes]. */
  readonly map: View;
  /** [n, ...axes]; may be absent. */
  readonly mask: View;
  /** [classes, channels]. */
  readonly weight: View;
  /** [classes]; may be absent. */
  readonly bias: View;
  /** [n, rows, classes], or [n, classes] with one row for each sample. */
  readonly logits: View;
  /** Map, weight, bias and logits: what gradients are of. */
  readonly tensors: readonly View[];

  /** `role` is the side of the call that it is, `name` what messages call it. */
  constructor(
    call: Call,
    readonly role: 'teacher' | 'student',
    readonly name: SideName = role,
  ) {
    this.map = call.view(`${role}.features`);
    this.mask = call.view(`${role}.mask`);
    this.weight = call.view(`${role}.weight`);
    this.bias = call.view(`${role}.bias`);
    this.logits = call.view(`${role}.logits`);
    this.tensors = [this.map, this.weight, this.bias, this.logits];
  }

  /** Positions of the map along depth (2), height (1) and width (0); 1 on an axis that it does not have. */
  size(fromLast: number): number {
    if (this.kind === 'logits') return 0;
    return fromLast < this.axes ? this.map.shape[this.map.shape.length - 1 - fromLast] : 1;
  }
}

/** What the tensors of a side are called, of which the first may be either kind of map: places in {@link gradientNames}. */
export function slotOf({ kind }: Side, tensor: number): number {
  return tensor === 0 && kind === 'logitMap' ? logitMapSlot : tensor;
}

const logitMapSlot = gradientNames.indexOf('logitMap');

/** What messages call the parts of a side, or of a classifier on its own. */
const paths = {
  teacher: pathsOf('teacher.'),
  student: pathsOf('student.'),
  side: pathsOf('side.'),
  classifier: pathsOf(''),
};

function pathsOf(prefix: string) {
  return {
    features: `${prefix}features`,
    logitMap: `${prefix}logitMap`,
    mask: `${prefix}mask`,
    layout: `${prefix}layout`,
    weight: `${prefix}weight`,
    bias: `${prefix}bias`,
    weightLayout: `${prefix}weightLayout`,
    logits: `${prefix}logits`,
  };
}

/** Which of the caller's axes are [n, channels, ...axes of the map], and which [classes, channels]. */
export const layouts = {
  NCW: [0, 1, 2],
  NWC: [0, 2, 1],
  NCHW: [0, 1, 2, 3],
  NHWC: [0, 3, 1, 2],
  NCDHW: [0, 1, 2, 3, 4],
  NDHWC: [0, 4, 1, 2, 3],
} as const satisfies Record<MapLayout, readonly number[]>;
export const weightLayouts = { KC: [0, 1], CK: [1, 0] } as const;

/** Ranks of maps, and their axes as messages show them. */
const maps = {
  any: { ranks: [3, 4, 5], axes: '[n, C, W], [n, C, H, W] or [n, C, D, H, W]' },
  NCW: { ranks: [3], axes: '[n, C, W]' },
  NWC: { ranks: [3], axes: '[n, W, C]' },
  NCHW: { ranks: [4], axes: '[n, C, H, W]' },
  NHWC: { ranks: [4], axes: '[n, H, W, C]' },
  NCDHW: { ranks: [5], axes: '[n, C, D, H, W]' },
  NDHWC: { ranks: [5], axes: '[n, D, H, W, C]' },
} as const;
const axes = { KC: '[K, C]', CK: '[C, K]' } as const;
const ranks = { weight: [2], bias: [1], logits: [2, 3] } as const;

/** Of the first rank of maps on. */
const usualLayouts = ['NCW', 'NCHW', 'NCDHW'] as const;

/** What a side is made of, as messages say it. */
export const sideText = '{ features, weight }, { logitMap } or { logits }';

/** The object that a side is: not a promise of one, nor a tensor, nor the model that has the tensors. */
export function expectSide(name: string, value: unknown): Readonly<Record<string, unknown>> {
  const side = expectObject(name, value, sideText);
  if ('features' in side || 'logitMap' in side || 'logits' in side) return side;
  if ('data' in side && ('shape' in side || 'dims' in side)) fail('ERR_GLD_ARG_TYPE', name, sideText, 'a tensor');
  refuseModel(name, side, sideText);
  return side;
}

/** Reads teacher or student and checks that its own tensors belong together. */
export function readSide(side: Side, value: unknown): void {
  const { name } = side;
  const path = paths[name];
  const given = expectSide(name, value);
  const { features, weight, bias, layout, weightLayout, logitMap, mask, logits } = known(tables.side, given, name);
  const order = tables.side.layout(layout, path.layout);
  side.weightLayout = tables.side.weightLayout(weightLayout, path.weightLayout);
  if (logits !== undefined) {
    if (logitMap !== undefined || mask !== undefined || layout !== undefined) {
      refuseBoth(name, 'logits', { logitMap, mask, layout });
    }
    refuseClassifier(name, 'logits', features, weight, bias, weightLayout);
    return readLogitSide(side, path.logits, logits);
  }
  if (logitMap !== undefined) {
    refuseClassifier(name, 'logitMap', features, weight, bias, weightLayout);
    side.kind = 'logitMap';
    readSideMap(side, path.logitMap, logitMap, order, mask);
    side.classes = side.channels;
    expectClasses(path.logitMap, side.classes, side.map.shape);
    return;
  }
  if (features === undefined && weight === undefined) fail('ERR_GLD_ARG_TYPE', name, sideText, 'neither');
  side.kind = 'features';
  readSideMap(side, path.features, features, order, mask);
  side.classes = readClassifier(side, name, weight, bias, side.weightLayout, side.channels, "features'");
}

function readSideMap(side: Side, argument: string, value: unknown, layout: MapLayout | undefined, mask: unknown): void {
  const { map } = side;
  side.layout = readMap(map, argument, value, layout);
  side.n = map.shape[0];
  side.channels = map.shape[1];
  side.axes = map.shape.length - 2;
  if (mask !== undefined) readMask(side.mask, paths[side.name].mask, mask, map);
}

/** Reads a map as [n, channels, ...axes] and returns its layout, the usual one of its rank if none is given. */
export function readMap(view: View, argument: string, value: unknown, layout: MapLayout | undefined): MapLayout {
  const { ranks: allowed, axes: shown } = maps[layout ?? 'any'];
  readFloats(view, argument, value, allowed, shown);
  const found = layout ?? usualLayouts[view.shape.length - maps.any.ranks[0]];
  view.permute(layouts[found]);
  return found;
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
  const classes = shape[0];
  if (shape[1] !== channels) {
    const [wanted, got] =
      weightLayout === 'KC'
        ? [
            [classes, channels],
            [classes, shape[1]],
          ]
        : [
            [channels, classes],
            [shape[1], classes],
          ];
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

/** A classifier belongs to features only. */
function refuseClassifier(
  name: string,
  kind: 'logits' | 'logitMap',
  features: unknown,
  weight: unknown,
  bias: unknown,
  weightLayout: unknown,
): void {
  if (features === undefined && weight === undefined && bias === undefined && weightLayout === undefined) return;
  refuseBoth(name, kind, { features, weight, bias, weightLayout });
}

function refuseBoth(name: string, kind: string, others: Readonly<Record<string, unknown>>): never {
  const other = Object.keys(others).find((key) => others[key] !== undefined);
  return fail('ERR_GLD_ARG_TYPE', name, `one of ${sideText}`, `${kind} and ${other}`);
}

function readLogitSide(side: Side, argument: string, value: unknown): void {
  readFloats(side.logits, argument, value, ranks.logits, '[n, K] or [n, 1 + L, K]');
  const { shape } = side.logits;
  side.kind = 'logits';
  side.n = shape[0];
  side.rows = shape.length === 3 ? shape[1] : 1;
  side.classes = shape[shape.length - 1];
  side.channels = side.axes = 0;
  expectClasses(argument, side.classes, shape);
}

/** One class alone has no distribution to distil, and no standard deviation. */
export function expectClasses(argument: string, classes: number, shape: readonly number[]): void {
  if (classes < 2) fail('ERR_GLD_CLASSES', argument, 'at least 2 classes', `${classes} in shape ${brackets(shape)}`);
}
