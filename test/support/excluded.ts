/** Problems in which logits of −∞ exclude classes, and what must hold of their loss. */
import type { Dense, FeatureSide, Inputs, Labels, LogitSide, Options, Result, Side } from '../reference/types.js';
import { arrayError, lossError } from './compare.js';
import { problem, type SideSpec } from './problems.js';
import { Random } from './random.js';

/** The logits [.., K] with about a third of the classes of each row excluded, but never the first one. */
export function exclude(logits: Float64Array, classes: number, random: Random): Float64Array {
  return logits.map((value, at) => (at % classes !== 0 && random.uniform() < 0.3 ? -Infinity : value));
}

/** Excludes the same elements as another tensor does. */
export function excludeAs(data: ArrayLike<number>, other: ArrayLike<number>): Float64Array {
  return Float64Array.from(data, (value, at) => (other[at] === -Infinity ? -Infinity : value));
}

/** Temperature, and no relation: where the mathematics is finite. */
export const finiteOptions: Options = { normalization: { kind: 'temperature', temperature: 4 }, beta: 0 };

/** Labels on classes that are not excluded: the first one of each sample, or soft ones that are 0 on others. */
function labelsBeside(logits: ArrayLike<number>, classes: number, rows: number, kind: 'hard' | 'soft'): Labels {
  const samples = logits.length / classes / rows;
  if (kind === 'hard') return new Int32Array(samples);
  const data = new Float64Array(samples * classes);
  for (let i = 0; i < samples; i++) {
    const of = Array.from({ length: classes }, (_, k) => logits[i * rows * classes + k]);
    const kept = of.filter((value) => value !== -Infinity).length;
    of.forEach((value, k) => (data[i * classes + k] = value === -Infinity ? 0 : 1 / kept));
  }
  return { data, shape: [samples, classes] };
}

const samples = 3;
const rows = 5;

/** Logits on both sides, of which the teacher alone excludes classes, or both do. */
function logitProblems(classes: number): [string, Inputs][] {
  const random = new Random(classes);
  const { teacher, student } = problem({ samples, classes, seed: classes }) as {
    teacher: LogitSide;
    student: LogitSide;
  };
  const { shape } = student.logits;
  const side = (data: Float64Array): LogitSide => ({ logits: { data, shape } });
  const excluding = exclude(Float64Array.from(teacher.logits.data), classes, random);
  const same = excludeAs(student.logits.data, excluding);
  const fewer = same.map((value, at) => (random.uniform() < 0.5 ? student.logits.data[at] : value));
  return [
    ['the teacher excludes', { teacher: side(excluding), student, labels: new Int32Array(samples) }],
    [
      'both exclude',
      { teacher: side(excluding), student: side(same), labels: labelsBeside(same, classes, rows, 'hard') },
    ],
    [
      'soft labels',
      { teacher: side(excluding), student: side(fewer), labels: labelsBeside(fewer, classes, rows, 'soft') },
    ],
  ];
}

/** Classifiers whose bias excludes classes. */
function biasProblems(student: SideSpec): [string, Inputs][] {
  const classes = 10;
  const inputs = problem({ samples, classes, teacher: { channels: 6, map: [4, 4] }, student, labels: 'none' });
  const biased = (side: Side): Side => {
    const { bias, ...rest } = side as FeatureSide;
    const { data, shape } = bias as Dense;
    return { ...rest, bias: { data: Float64Array.from(data, (value, k) => (k % 4 === 2 ? -Infinity : value)), shape } };
  };
  const labels = Int32Array.of(0, 3, 9);
  return [
    ["the teacher's bias excludes", { ...inputs, teacher: biased(inputs.teacher), labels }],
    ['both biases exclude', { ...inputs, teacher: biased(inputs.teacher), student: biased(inputs.student), labels }],
  ];
}

/** Finite all of them, under {@link finiteOptions}. */
export const excludedProblems: [name: string, inputs: Inputs][] = [
  ...[3, 10, 100, 200, 400, 900, 2000, 5000].flatMap((classes) =>
    logitProblems(classes).map(([name, inputs]): [string, Inputs] => [`${classes} classes, ${name}`, inputs]),
  ),
  ...biasProblems({ channels: 7, map: [4, 6] }),
  ...biasProblems({ channels: 7, map: [5, 3], layout: 'NHWC', weightLayout: 'CK' }),
];

interface Answer {
  loss: number;
  terms: { task?: number; global: number; local: number; relation: number };
  gradients: { readonly [name: string]: ArrayLike<number> };
}

/**
 * Holds an answer to the reference's: its loss, its terms but for the relation, which is NaN, and its gradients, which are
 * exactly 0 on the student's excluded classes.
 */
export function checkExcluded(
  got: Answer,
  expected: Result,
  student: Side,
  limits: { loss: number; gradient: number },
  report: { add(name: string, error: number, limit: number): void; ok(holds: boolean, what: string): void },
): void {
  report.add('loss', lossError(got.loss, expected.loss), limits.loss);
  for (const name of ['task', 'global', 'local'] as const) {
    report.add(name, lossError(got.terms[name], expected.terms[name]), limits.loss);
  }
  report.ok(Number.isNaN(got.terms.relation) && Number.isNaN(expected.terms.relation), 'the relation is NaN');
  for (const [name, tensor] of Object.entries(expected.gradients) as [string, Dense][]) {
    const gradient = got.gradients[name] ?? [];
    report.add(`gradient of ${name}`, arrayError(gradient, tensor.data), limits.gradient);
    const { data } = (student as unknown as { [name: string]: Dense })[name];
    const zeros = Array.from(data).every((value, at) => value !== -Infinity || gradient[at] === 0);
    report.ok(zeros, `gradient of ${name}: 0 where a class is excluded`);
  }
}
