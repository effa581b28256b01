/** Random problems of every kind the loss takes, in float64, in the form of the reference's inputs. */
import { countCells, levelsOf } from '../reference/grid.js';
import { usualLayout } from '../reference/layout.js';
import type {
  Dense,
  FeatureSide,
  GridOption,
  Inputs,
  Labels,
  Layout,
  LogitMapSide,
  LogitSide,
  MaskTensor,
  Side,
} from '../reference/types.js';
import { Random } from './random.js';

/** Where positions of a map count: here and there; or only in a corner whose size is each sample's own; nowhere; everywhere. */
export type MaskKind = 'scattered' | 'padded' | 'empty' | 'full';

export interface FeatureSpec {
  channels: number;
  /** Positions per axis. */
  map: readonly number[];
  bias?: boolean;
  layout?: Layout;
  weightLayout?: 'KC' | 'CK';
  mask?: MaskKind;
}

export interface LogitMapSpec {
  /** Positions per axis. */
  logitMap: readonly number[];
  layout?: Layout;
  mask?: MaskKind;
}

export type SideSpec = FeatureSpec | LogitMapSpec | 'logits';

export interface ProblemSpec {
  seed?: number;
  samples: number;
  classes: number;
  grid?: GridOption;
  teacher?: SideSpec;
  student?: SideSpec;
  labels?: 'hard' | 'soft' | 'none';
  /** Weights of the samples, 0 among them. */
  sampleWeights?: boolean;
  /** Weights of the classes, 0 among them. */
  classWeights?: boolean;
}

/** The standard deviation of the logits, about that of a trained network. */
const logitScale = 3;

function size(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function normal(random: Random, shape: readonly number[], scale: number): Dense {
  return { data: random.normals(size(shape), scale), shape };
}

/** L of a grid, on a map of two axes if not said otherwise. */
export function cells(grid: GridOption, axes = 2): number {
  return countCells(levelsOf(grid, axes));
}

/** A map of values that vary between samples as they do between positions, so that its means do not all vanish. */
function map(random: Random, samples: number, channels: number, sizes: readonly number[], layout: Layout): Dense {
  const shape = layout.endsWith('C') ? [samples, ...sizes, channels] : [samples, channels, ...sizes];
  // Each channel has a level of its own per sample: white noise alone would leave nothing after the mean over the map.
  const maps = normal(random, shape, 0.5);
  const levels = random.normals(samples * channels);
  const positions = size(sizes);
  const data = Float64Array.from(maps.data, (value, at) => {
    const sample = Math.floor(at / (channels * positions));
    const channel = layout.endsWith('C') ? at % channels : Math.floor(at / positions) % channels;
    return value + levels[sample * channels + channel];
  });
  return { data, shape };
}

function mask(random: Random, kind: MaskKind, samples: number, sizes: readonly number[]): MaskTensor {
  const shape = [samples, ...sizes];
  const data = new Uint8Array(size(shape)).fill(Number(kind === 'full'));
  if (kind === 'full' || kind === 'empty') return { data, shape };
  if (kind === 'scattered')
    return { data: data.map(() => (random.uniform() < 0.4 ? 1 + random.integer(255) : 0)), shape };
  for (let i = 0, at = 0; i < samples; i++) {
    const ends = sizes.map((extent) => random.integer(extent + 1));
    for (let position = 0; position < size(sizes); position++, at++) {
      let rest = position;
      let inside = true;
      for (let axis = sizes.length - 1; axis >= 0; axis--) {
        inside &&= rest % sizes[axis] < ends[axis];
        rest = Math.floor(rest / sizes[axis]);
      }
      data[at] = Number(inside);
    }
  }
  return { data, shape };
}

function features(random: Random, spec: FeatureSpec, samples: number, classes: number): FeatureSide {
  const { channels, map: sizes, layout = usualLayout(sizes.length + 2), weightLayout = 'KC', bias = true } = spec;
  const weightShape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
  return {
    features: map(random, samples, channels, sizes, layout),
    weight: normal(random, weightShape, logitScale / Math.sqrt(channels)),
    ...(bias && { bias: normal(random, [classes], 1) }),
    layout,
    weightLayout,
    ...(spec.mask && { mask: mask(random, spec.mask, samples, sizes) }),
  };
}

function logitMap(random: Random, spec: LogitMapSpec, samples: number, classes: number): LogitMapSide {
  const { logitMap: sizes, layout = usualLayout(sizes.length + 2) } = spec;
  const { data, shape } = map(random, samples, classes, sizes, layout);
  return {
    logitMap: { data: Float64Array.from(data, (value) => logitScale * value), shape },
    layout,
    ...(spec.mask && { mask: mask(random, spec.mask, samples, sizes) }),
  };
}

/** The axes of the map that a problem's side has; two if neither has one. */
export function axesOf(teacher: SideSpec, student: SideSpec): number {
  for (const side of [student, teacher]) {
    if (side !== 'logits') return 'logitMap' in side ? side.logitMap.length : side.map.length;
  }
  return 2;
}

/** How many times each of them counts: not at all, a whole number of times, or by a fraction. */
function weights(random: Random, count: number): Float64Array {
  const all = Float64Array.from({ length: count }, () => [0, 1, 1, 2, 3, 0.25, 1.5][random.integer(7)]);
  all[random.integer(count)] = 2;
  return all;
}

function labels(random: Random, kind: 'hard' | 'soft', samples: number, classes: number): Labels {
  if (kind === 'hard') return Int32Array.from({ length: samples }, () => random.integer(classes));
  const data = Float64Array.from({ length: samples * classes }, () => random.uniform());
  for (let i = 0; i < samples; i++) {
    const row = data.subarray(i * classes, (i + 1) * classes);
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, k) => (row[k] = value / sum));
  }
  return { data, shape: [samples, classes] };
}

/** A random problem. Without a specification a side is its logits. */
export function problem(spec: ProblemSpec): Inputs {
  const { samples, classes, grid = 2, teacher = 'logits', student = 'logits', labels: kind = 'hard' } = spec;
  const random = new Random(spec.seed ?? 1);
  const rows = 1 + cells(grid, axesOf(teacher, student));
  const side = (of: SideSpec): Side => {
    if (of === 'logits') return { logits: normal(random, [samples, rows, classes], logitScale) };
    return 'logitMap' in of ? logitMap(random, of, samples, classes) : features(random, of, samples, classes);
  };
  return {
    teacher: side(teacher),
    student: side(student),
    ...(kind !== 'none' && { labels: labels(random, kind, samples, classes) }),
    ...(spec.sampleWeights && { sampleWeights: weights(random, samples) }),
    ...(spec.classWeights && kind !== 'none' && { classWeights: weights(random, classes) }),
  };
}

export type TensorName = 'features' | 'weight' | 'bias' | 'logits' | 'logitMap';

/** The tensors of a side, by name. */
export function tensorsOf(side: Side): [name: TensorName, tensor: Dense][] {
  const { features, weight, bias, logits, logitMap }: Partial<FeatureSide & LogitSide & LogitMapSide> = side;
  const all: [TensorName, Dense | undefined][] = Object.entries({
    features,
    weight,
    bias,
    logits,
    logitMap,
  }) as typeof all;
  return all.filter((entry): entry is [TensorName, Dense] => entry[1] !== undefined);
}

/** The side with the elements of one tensor changed. */
export function withTensor(side: Side, name: TensorName, change: (value: number, at: number) => number): Side {
  const [, { data, shape }] = tensorsOf(side).find(([found]) => found === name) ?? [name, { data: [], shape: [] }];
  return { ...side, [name]: { data: Float64Array.from(data, change), shape } };
}
