/** Problems whose gradients overflow float32, and what must be left of them. */
import { gld } from '../reference/gld.js';
import type { Dense, Inputs, Options } from '../reference/types.js';
import { problem, withTensor, type SideSpec } from './problems.js';

/** Tiny logits: 1/σ and the slopes of the relation are beyond float32, and where their signs differ, so is no sum of theirs. */
const tiny = 2 ** -133;

const sides: SideSpec[] = ['logits', { channels: 4, map: [4, 4] }, { channels: 4, map: [5, 3], layout: 'NHWC' }];

/** The same problem with the student's logits as tiny multiples of what they were, or the teacher's too. */
function shrunk(inputs: Inputs, both: boolean): Inputs {
  const shrink = (side: Inputs['student']) =>
    ['logits' in side ? ('logits' as const) : ('weight' as const), ...('bias' in side ? ['bias' as const] : [])].reduce(
      (changed, name) => withTensor(changed, name, (value) => tiny * (Math.round(value * 256) / 256)),
      side,
    );
  return { ...inputs, student: shrink(inputs.student), ...(both && { teacher: shrink(inputs.teacher) }) };
}

export const overflowing: [name: string, inputs: Inputs, options: Options][] = sides.flatMap((student, i) =>
  [{ method: 'pairwise' }, { method: 'moments' }, { metric: 'euclidean' }, { reduction: { rows: 320 } }].flatMap(
    (relation): [string, Inputs, Options][] => {
      const of = problem({ samples: 4, classes: 6, student, seed: i + 1 });
      const what = `${JSON.stringify(student)}, ${JSON.stringify(relation)}`;
      const alone = { teacher: of.teacher, student: of.student };
      return [
        [`tiny students, ${what}`, shrunk(of, false), { relation } as Options],
        [`tiny on both sides, ${what}`, shrunk(of, true), { relation } as Options],
        [`huge weights, ${what}`, alone, { relation, alpha: 1e41, localWeight: 3e41, beta: 1e44 } as Options],
      ];
    },
  ),
);

/**
 * Whether a float32 gradient is what becomes of the reference's: an infinity of its sign where it overflows, and else as near
 * as sums of numbers of such a size can be.
 */
export function isOverflowed(got: ArrayLike<number>, { data }: Dense): boolean {
  const slack = 1e-4 * Math.max(...Array.from(data, Math.abs));
  return Array.from(data).every(
    (value, at) => got[at] >= Math.fround(value - slack) && got[at] <= Math.fround(value + slack),
  );
}

/** The reference's gradients of such a problem, and how many of their elements float32 cannot hold. */
export function overflowedGradients(
  inputs: Inputs,
  options: Options,
): { gradients: [string, Dense][]; beyond: number } {
  const gradients = Object.entries(gld(inputs, options).gradients) as [string, Dense][];
  const all = gradients.flatMap(([, { data }]) => Array.from(data));
  return { gradients, beyond: all.filter((value) => !Number.isFinite(Math.fround(value))).length };
}
