/** Random problems of every kind the loss takes, in float64, in the form of the reference's inputs. */
import type { Dense, FeatureSide, Inputs, Labels, LogitSide, Options, Side } from '../reference/types.js';
import { Random } from './random.js';

export interface FeatureSpec {
  channels: number;
  map: readonly [height: number, width: number];
  bias?: boolean;
  layout?: 'NCHW' | 'NHWC';
  weightLayout?: 'KC' | 'CK';
}

export type SideSpec = FeatureSpec | 'logits';

export interface ProblemSpec {
  seed?: number;
  samples: number;
  classes: number;
  grid?: NonNullable<Options['grid']>;
  teacher?: SideSpec;
  student?: SideSpec;
  labels?: 'hard' | 'soft' | 'none';
}

/** The standard deviation of the logits, about that of a trained network. */
const logitScale = 3;

function size(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function normal(random: Random, shape: readonly number[], scale: number): Dense {
  return { data: random.normals(size(shape), scale), shape };
}

export function cells(grid: NonNullable<Options['grid']>): number {
  return typeof grid === 'number' ? grid * grid : grid[0] * grid[1];
}

function features(random: Random, spec: FeatureSpec, samples: number, classes: number): FeatureSide {
  const { channels, layout = 'NCHW', weightLayout = 'KC', bias = true } = spec;
  const [height, width] = spec.map;
  const shape = layout === 'NCHW' ? [samples, channels, height, width] : [samples, height, width, channels];
  const weightShape = weightLayout === 'KC' ? [classes, channels] : [channels, classes];
  // Each channel has a level of its own per sample: white noise alone would leave nothing after the mean over the map.
  const maps = normal(random, shape, 0.5);
  const levels = random.normals(samples * channels);
  const positions = height * width;
  const data = Float64Array.from(maps.data, (value, at) => {
    const sample = Math.floor(at / (channels * positions));
    const channel = layout === 'NCHW' ? Math.floor(at / positions) % channels : at % channels;
    return value + levels[sample * channels + channel];
  });
  return {
    features: { data, shape },
    weight: normal(random, weightShape, logitScale / Math.sqrt(channels)),
    ...(bias && { bias: normal(random, [classes], 1) }),
    layout,
    weightLayout,
  };
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
  const side = (of: SideSpec): Side =>
    of === 'logits'
      ? { logits: normal(random, [samples, 1 + cells(grid), classes], logitScale) }
      : features(random, of, samples, classes);
  return {
    teacher: side(teacher),
    student: side(student),
    ...(kind !== 'none' && { labels: labels(random, kind, samples, classes) }),
  };
}

export type TensorName = 'features' | 'weight' | 'bias' | 'logits';

/** The tensors of a side, by name. */
export function tensorsOf(side: Side): [name: TensorName, tensor: Dense][] {
  const { features, weight, bias, logits }: Partial<FeatureSide & LogitSide> = side;
  const all: [TensorName, Dense | undefined][] = Object.entries({ features, weight, bias, logits }) as typeof all;
  return all.filter((entry): entry is [TensorName, Dense] => entry[1] !== undefined);
}

/** The side with the elements of one tensor changed. */
export function withTensor(side: Side, name: TensorName, change: (value: number, at: number) => number): Side {
  const [, { data, shape }] = tensorsOf(side).find(([found]) => found === name) ?? [name, { data: [], shape: [] }];
  return { ...side, [name]: { data: Float64Array.from(data, change), shape } };
}
