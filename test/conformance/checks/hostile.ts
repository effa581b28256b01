/** Inputs on which careless formulas break, and inputs that are not finite. */
import { gld } from '../../reference/gld.js';
import { combinations } from '../../support/combinations.js';
import { checkExcluded, excludedProblems, finiteOptions } from '../../support/excluded.js';
import { hostileFeatures, hostileLogits, isWithinFloat32, poisoned, variants } from '../../support/hostile.js';
import { isOverflowed, overflowedGradients, overflowing } from '../../support/overflow.js';
import { problem } from '../../support/problems.js';
import { Random } from '../../support/random.js';
import { call, Prepared, type Setting } from '../call.js';
import type { Check } from '../check.js';
import { hostile as limits, usual } from '../limits.js';
import type { Target } from '../target.js';
import { judgeCall } from './options.js';

/** Of excluded classes in float64. */
const exactLimits = { loss: 1e-13, relation: 1e-13, gradient: 1e-12 };

const exactTypes = ({ dtypes }: Target) => dtypes.filter((type) => type === 'float32' || type === 'float64');

const hostileInputs = { ...hostileLogits, ...hostileFeatures };

export const hostileChecks: Check[] = [
  {
    group: 'hostile',
    name: 'finite and accurate where the mathematics is',
    quick: true,
    async run(judge, target) {
      for (const type of exactTypes(target)) {
        for (const [name, inputs] of Object.entries(hostileInputs)) {
          for (const options of variants) {
            if (type === 'float32' && !isWithinFloat32(name, options)) continue;
            const setting: Setting = { inputs, options, dtype: { teacher: type, student: type } };
            await judgeCall(judge, target, setting, `${type}, ${name}, ${JSON.stringify(options)}`, limits[type]);
          }
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
            if (!isWithinFloat32(name, options)) continue;
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
    name: 'gradients that overflow have the sign of their sum',
    quick: true,
    async run(judge, target) {
      // From features, an infinite gradient of logits goes through products: in the tiles of a GPU it has no sum.
      const whole = target.facts.kind === 'cpu';
      for (const [name, inputs, options] of overflowing.filter(([, { student }]) => whole || 'logits' in student)) {
        const setting: Setting = { inputs, options };
        const prepared = new Prepared(target, setting);
        const { result, gradients } = await call(target, prepared, setting);
        judge.ok(!Number.isNaN(result.loss), `${name}: loss ${result.loss}`);
        const { gradients: expected, beyond } = overflowedGradients(prepared.exact, options);
        judge.ok(beyond > 5, `${name}: ${beyond} elements overflow`);
        for (const [key, gradient] of expected) judge.ok(isOverflowed(gradients[key].values, gradient), name);
        prepared.dispose();
      }
    },
  },
  {
    group: 'hostile',
    name: 'logits of −∞ exclude classes',
    quick: true,
    async run(judge, target) {
      for (const dtype of target.dtypes) {
        for (const [name, inputs] of excludedProblems) {
          const setting: Setting = { inputs, options: finiteOptions, dtype: { teacher: dtype, student: dtype } };
          const prepared = new Prepared(target, setting);
          const { result, gradients: given } = await call(target, prepared, setting);
          const { loss, terms } = result;
          const gradients = Object.fromEntries(Object.entries(given).map(([key, { values }]) => [key, values]));
          const expected = gld(prepared.exact, finiteOptions);
          const limits = dtype === 'float64' ? exactLimits : usual.float32;
          checkExcluded({ loss, terms, gradients }, expected, inputs.student, limits, {
            add: (quantity, error, most) => judge.add(quantity, error, most, `${name}, ${dtype}`),
            ok: (holds, what) => judge.ok(holds, `${name}, ${dtype}: ${what}`),
          });
          prepared.dispose();
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
        problem({
          samples: 5,
          classes: 7,
          teacher: features,
          student: { ...features, layout: 'NHWC' },
          labels: 'soft',
        }),
        problem({ samples: 5, classes: 7, labels: 'soft' }),
      ];
      const random = new Random(63);
      const all = combinations({ options: variants, type: target.dtypes, memory: target.memories });
      // On an emulated GPU, which is slow, they take turns.
      const forms = target.facts.kind === 'emulated' ? all.filter((_, at) => at % 5 === 0) : all;
      for (const inputs of problems) {
        for (const [where, bad] of poisoned(inputs, random)) {
          for (const { options, type, memory } of forms) {
            const setting: Setting = {
              inputs: bad,
              options,
              dtype: { teacher: type, student: type },
              memory: { teacher: memory, student: memory, labels: memory },
            };
            const what = `${where}, ${type}, ${JSON.stringify(options)}`;
            const prepared = new Prepared(target, setting);
            const { result, gradients, damages } = await call(target, prepared, setting);
            judge.ok(!Number.isFinite(result.loss), `${what}: loss ${result.loss}`);
            const all = 'logits' in bad.student ? 1 : 3;
            judge.ok(Object.keys(gradients).length === all, `${what}: gradients are missing`);
            const alone = await call(target, prepared, { ...setting, gradients: false });
            judge.ok(alone.result.loss !== 0, `${what}, without gradients: loss 0`);
            for (const damage of [...damages, ...prepared.damages()]) judge.ok(false, `${what}: ${damage}`);
            prepared.dispose();
          }
        }
      }
    },
  },
];
