/** Every option of the loss, every two of their values together. */
import { compare, computedIn, type Setting } from '../call.js';
import type { Check } from '../check.js';
import { coverPairs } from '../cover.js';
import { choices, settingOf } from '../generator.js';
import type { Judge } from '../judge.js';
import { usual } from '../limits.js';
import type { Target } from '../target.js';

/** What the numbers of the call are: of the products' precision, or float64. */
const numbersOf = ({ dtype, precision = 'float32' }: Setting) =>
  computedIn(dtype) === 'float64' ? 'float64' : precision;

/** One comparison, judged. */
export async function judgeCall(
  judge: Judge,
  target: Target,
  setting: Setting,
  where: string,
  limits = usual[numbersOf(setting)],
): Promise<void> {
  const kind = numbersOf(setting);
  try {
    const { loss, relation, gradient, storage, answer } = await compare(target, setting);
    judge.add(`loss, ${kind}`, loss, limits.loss, where);
    judge.add(`relation, ${kind}`, relation, limits.relation, where);
    judge.add(`gradient, ${kind}`, gradient, limits.gradient + storage, where);
    for (const damage of answer.damages) judge.ok(false, `${damage}; ${where}`);
  } catch (error) {
    judge.ok(false, `${(error as Error).message}; ${where}`);
  }
}

/** Arrays of combinations; each covers every pair, together most triples. */
const fullSeeds = 6;

export const optionChecks: Check[] = Array.from({ length: fullSeeds }, (_, seed) => ({
  group: 'options',
  name: `every two options together, ${seed + 1} of ${fullSeeds}`,
  quick: seed === 0,
  async run(judge, target) {
    for (const [at, row] of coverPairs(choices(target), seed).entries()) {
      await judgeCall(judge, target, settingOf(row, 100 * seed + at), JSON.stringify(row));
    }
  },
}));
