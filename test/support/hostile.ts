/** Inputs on which careless formulas break, and inputs that are not finite. */
import type { Inputs } from '../reference/types.js';
import { combinations } from './combinations.js';
import { problem, tensorsOf, withTensor, type TensorName } from './problems.js';
import { Random } from './random.js';

/** Every way to compute the relation term. */
export const relations = [{ method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }] as const;

/** Options under which such inputs are tried. */
export const variants = combinations({
  relation: relations,
  normalization: [
    { kind: 'std' },
    { kind: 'std', compensated: true },
    { kind: 'temperature', temperature: 4 },
  ] as const,
});

type Change = (logits: Float64Array, classes: number, random: Random) => void;

/** Logits [n, R, K] of both sides, changed by `student` and `teacher`. */
function changed(shape: readonly [number, number, number], student: Change, teacher: Change = student): Inputs {
  const [samples, rowsPerSample, classes] = shape;
  const random = new Random(samples * classes);
  const sides = [teacher, student].map((change) => {
    const data = random.normals(samples * rowsPerSample * classes, 3);
    change(data, classes, random);
    return { logits: { data, shape } };
  });
  const labels = Int32Array.from({ length: samples }, () => random.integer(classes));
  return { teacher: sides[0], student: sides[1], labels };
}

const keep: Change = () => undefined;
const usual = [8, 5, 10] as const;
const scale =
  (factor: number): Change =>
  (z) =>
    z.forEach((value, at) => (z[at] = factor * value));
const signs =
  (size: number): Change =>
  (z, _, random) =>
    z.forEach((_, at) => (z[at] = random.uniform() < 0.5 ? -size : size));
const constantRow: Change = (z, classes) => z.fill(0.1, 3 * classes, 4 * classes);
const duplicates: Change = (z, classes) => z.copyWithin((z.length / classes / 2) * classes, 0);
const allEqual: Change = (z, classes) => z.forEach((_, at) => (z[at] = z[at % classes]));
const allConstant: Change = (z) => z.fill(0.1);
const zero: Change = (z) => z.fill(0);
const offset: Change = (z) => z.forEach((value, at) => (z[at] = value + 1000));
const offsetPerClass: Change = (z, classes) =>
  z.forEach((value, at) => (z[at] = value + 1000 * Math.sin(at % classes)));
const oneFarAway: Change = (z, classes) => z.fill(1e4, 0, classes / 2);

/** A student whose distance to the teacher is that part of a logit. */
function close(distance: number): Inputs {
  const inputs = changed(usual, keep);
  const random = new Random(9);
  const student = withTensor(inputs.teacher, 'logits', (value) => value + distance * random.normal());
  return { ...inputs, student };
}

export const hostileLogits: { [name: string]: Inputs } = {
  'a constant row': changed(usual, constantRow),
  'duplicate rows': changed(usual, duplicates),
  'all rows equal, student': changed(usual, allEqual, keep),
  'all rows equal, teacher': changed(usual, keep, allEqual),
  'all rows equal, both': changed(usual, allEqual),
  'all logits equal': changed(usual, allConstant),
  'all logits zero, student': changed(usual, zero, keep),
  'logits of ±1e4': changed(usual, signs(1e4)),
  'logits of ±1e30': changed(usual, signs(1e30)),
  'logits about 1e30': changed(usual, scale(1e30)),
  'logits about 1e30, teacher': changed(usual, keep, scale(1e30)),
  'logits about 1e-15': changed(usual, scale(1e-15)),
  'a common offset of 1000': changed(usual, offset),
  'an offset of up to 1000 per class': changed(usual, offsetPerClass),
  'one row far from all others': changed(usual, oneFarAway),
  'K = 2': changed([8, 5, 2], keep),
  'n = 1': changed([1, 5, 10], keep),
  'a single row': changed([1, 1, 10], keep),
  'two rows': changed([2, 1, 10], keep),
  ...Object.fromEntries([0, 1e-6, 1e-4, 1e-2].map((part) => [`a student ${part} from the teacher`, close(part)])),
};

const side = { channels: 12, map: [4, 4] } as const;
const fromFeatures = problem({ samples: 8, classes: 10, teacher: side, student: side });

/** Both sides with one tensor changed. */
function both(name: TensorName, change: (value: number, at: number) => number): Inputs {
  const { teacher, student } = fromFeatures;
  return { ...fromFeatures, teacher: withTensor(teacher, name, change), student: withTensor(student, name, change) };
}

export const hostileFeatures: { [name: string]: Inputs } = {
  'a bias of 1000': both('bias', (value) => value + 1000),
  'a bias of up to 1000 per class': both('bias', (value) => 1000 * value),
  'features about 1e30': both('features', (value) => 1e30 * value),
  'a sample without features': both('features', (value, at) => (at < 12 * 16 ? 0 : value)),
  'no features at all': both('features', () => 0),
  'the same map for all samples': both('features', (_, at) => Math.sin(at % (12 * 16))),
  'weights of zero': both('weight', () => 0),
};

/**
 * Whether float32 can have the answer to all digits. A compensated term is a divergence times σ_t σ_s: with features about 1e30
 * its gradients overflow, and where both rows have a σ of hundreds and differ by little, much of it is rounding of the
 * divergence. docs/mathematics.md
 */
export function isWithinFloat32(name: string, { normalization }: (typeof variants)[number]): boolean {
  const beyond = [
    'features about 1e30',
    'one row far from all others',
    'an offset of up to 1000 per class',
    'a bias of up to 1000 per class',
  ];
  return !('compensated' in normalization && beyond.includes(name));
}

export const poisons = [NaN, Infinity, -Infinity];

/** Every way to put one poisoned element into one tensor of the problem. */
export function* poisoned(inputs: Inputs, random: Random): Generator<[where: string, inputs: Inputs]> {
  for (const value of poisons) {
    for (const who of ['teacher', 'student'] as const) {
      for (const [name, { data }] of tensorsOf(inputs[who])) {
        const place = random.integer(data.length);
        const bad = withTensor(inputs[who], name, (element, at) => (at === place ? value : element));
        yield [`${value} in ${who}.${name}[${place}]`, { ...inputs, [who]: bad }];
      }
    }
    const { labels } = inputs;
    if (labels && 'data' in labels) {
      const place = random.integer(labels.data.length);
      const data = Float64Array.from(labels.data, (element, at) => (at === place ? value : element));
      yield [`${value} in labels[${place}]`, { ...inputs, labels: { ...labels, data } }];
    }
  }
}
