/** Inputs on which careless formulas break, and inputs that are not finite. */
import { problem, tensorsOf, withTensor } from '../../../test/support/problems.js';
import { Random } from '../../../test/support/random.js';
import type { Inputs, Options } from '../../../test/reference/types.js';
import { call, Prepared, type Setting } from './call.js';
import type { Check } from './index.js';
import { hostile as limits } from './limits.js';
import { judgeCall } from './options.js';

type Change = (logits: Float64Array, classes: number, random: Random) => void;

function changed(shape: readonly [number, number, number], student: Change, teacher: Change = student): Inputs {
  const [samples, rowsPerSample, classes] = shape;
  const random = new Random(samples * classes);
  const sides = [teacher, student].map((change) => {
    const data = random.normals(samples * rowsPerSample * classes, 3);
    change(data, classes, random);
    return { logits: { data, shape } };
  });
  const labels = Int32Array.from({ length: samples }, () => random.integer(classes));
  return { teacher: sides[0]!, student: sides[1]!, labels };
}

const usual = [8, 5, 10] as const;
const keep: Change = () => undefined;
const scale =
  (factor: number): Change =>
  (z) =>
    z.forEach((value, at) => (z[at] = factor * value));
const constantRow: Change = (z, classes) => z.fill(0.1, 3 * classes, 4 * classes);
const duplicates: Change = (z, classes) => z.copyWithin((z.length / classes / 2) * classes, 0);
const allEqual: Change = (z, classes) => z.forEach((_, at) => (z[at] = z[at % classes]!));
const allConstant: Change = (z) => z.fill(0.1);
const zero: Change = (z) => z.fill(0);
const offset: Change = (z) => z.forEach((value, at) => (z[at] = value + 1000));
const offsetPerClass: Change = (z, classes) =>
  z.forEach((value, at) => (z[at] = value + 1000 * Math.sin(at % classes)));
const signs =
  (size: number): Change =>
  (z, _, random) =>
    z.forEach((_value, at) => (z[at] = random.uniform() < 0.5 ? -size : size));
const oneFarAway: Change = (z, classes) => z.fill(1e4, 0, classes / 2);

/** A student whose distance to the teacher is that part of a logit. */
function close(distance: number): Inputs {
  const inputs = changed(usual, keep);
  const random = new Random(9);
  const { data } = (inputs.teacher as { logits: { data: ArrayLike<number> } }).logits;
  const student = Float64Array.from(data, (value) => value + distance * random.normal());
  return { ...inputs, student: { logits: { data: student, shape: usual } } };
}

const side = { channels: 12, map: [4, 4] } as const;
const fromFeatures = problem({ samples: 8, classes: 10, teacher: side, student: side });
type Name = Parameters<typeof withTensor>[1];
function both(name: Name, change: (value: number, at: number) => number): Inputs {
  const { teacher, student } = fromFeatures;
  return { ...fromFeatures, teacher: withTensor(teacher, name, change), student: withTensor(student, name, change) };
}

export const hostileInputs: { [name: string]: Inputs } = {
  'a constant row': changed(usual, constantRow),
  'duplicate rows': changed(usual, duplicates),
  'all rows equal, student': changed(usual, allEqual, keep),
  'all rows equal, both': changed(usual, allEqual),
  'all logits equal': changed(usual, allConstant),
  'all logits zero, student': changed(usual, zero, keep),
  'logits of ±1e4': changed(usual, signs(1e4)),
  'logits of ±1e30': changed(usual, signs(1e30)),
  'logits about 1e30, teacher': changed(usual, keep, scale(1e30)),
  'logits about 1e-15': changed(usual, scale(1e-15)),
  'a common offset of 1000': changed(usual, offset),
  'an offset of up to 1000 per class': changed(usual, offsetPerClass),
  'one row far from all others': changed(usual, oneFarAway),
  'K = 2': changed([8, 5, 2], keep),
  'n = 1': changed([1, 5, 10], keep),
  'a single row': changed([1, 1, 10], keep),
  'two rows': changed([2, 1, 10], keep),
  'a student equal to the teacher': close(0),
  'a student 1e-6 from the teacher': close(1e-6),
  'a student 1e-4 from the teacher': close(1e-4),
  'a student 1e-2 from the teacher': close(1e-2),
  'a bias of 1000': both('bias', (value) => value + 1000),
  'features about 1e30': both('features', (value) => 1e30 * value),
  'a sample without features': both('features', (value, at) => (at < 12 * 16 ? 0 : value)),
  'no features at all': both('features', () => 0),
  'weights of zero': both('weight', () => 0),
};

const relations = [{ method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }] as const;
const normalizations: NonNullable<Options['normalization']>[] = [
  { kind: 'std' },
  { kind: 'temperature', temperature: 4 },
];
const variants = relations.flatMap((relation) => normalizations.map((normalization) => ({ relation, normalization })));

const poisons = [Number.NaN, Infinity, -Infinity];

function* poisoned(inputs: Inputs, random: Random): Generator<[where: string, inputs: Inputs]> {
  for (const value of poisons) {
    for (const who of ['teacher', 'student'] as const) {
      for (const [name, { data }] of tensorsOf(inputs[who])) {
        const place = random.integer(data.length);
        const bad = withTensor(inputs[who], name, (element, at) => (at === place ? value : element));
        yield [`${value} in ${who}.${name}[${place}]`, { ...inputs, [who]: bad }];
      }
    }
  }
}

export const hostileChecks: Check[] = [
  {
    group: 'hostile',
    name: 'finite and accurate where the mathematics is',
    quick: true,
    async run(judge, target) {
      for (const [name, inputs] of Object.entries(hostileInputs)) {
        for (const options of variants) {
          await judgeCall(judge, target, { inputs, options }, `${name}, ${JSON.stringify(options)}`, limits);
        }
      }
    },
  },
  {
    group: 'hostile',
    name: 'finite in every precision',
    quick: false,
    async run(judge, target) {
      for (const precision of target.precisions) {
        for (const [name, inputs] of Object.entries(hostileInputs)) {
          // bfloat16 and TF32 have float32's range: what is finite there must be finite here.
          for (const options of variants) {
            const setting: Setting = { inputs, options, precision };
            const prepared = new Prepared(target, setting);
            const { result, gradients } = await call(target, prepared, setting);
            const finite = Object.values(gradients).every(({ values }) => Array.from(values).every(Number.isFinite));
            judge.ok(
              Number.isFinite(result.loss) && finite,
              `${precision}, ${name}, ${JSON.stringify(options)}: not finite`,
            );
            prepared.dispose();
          }
        }
      }
    },
  },
  {
    group: 'hostile',
    name: 'NaN and infinities show in the loss',
    quick: true,
    async run(judge, target) {
      const features = { channels: 6, map: [4, 4] } as const;
      const problems = [
        problem({ samples: 5, classes: 7, teacher: features, student: { ...features, layout: 'NHWC' } }),
        problem({ samples: 5, classes: 7 }),
      ];
      const random = new Random(63);
      for (const inputs of problems) {
        for (const [where, bad] of poisoned(inputs, random)) {
          for (const options of variants) {
            for (const memory of ['host', 'device'] as const) {
              const setting: Setting = {
                inputs: bad,
                options,
                memory: { teacher: memory, student: memory, labels: memory },
              };
              const prepared = new Prepared(target, setting);
              const { result, damages } = await call(target, prepared, setting);
              judge.ok(!Number.isFinite(result.loss), `${where}, ${JSON.stringify(options)}: loss ${result.loss}`);
              for (const damage of [...damages, ...prepared.damages()]) judge.ok(false, `${where}: ${damage}`);
              prepared.dispose();
            }
          }
        }
      }
    },
  },
];
