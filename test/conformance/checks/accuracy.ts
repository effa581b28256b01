/** The errors of each precision, measured: what docs/cuda.md quotes. */
import { problem } from '../../support/problems.js';
import { Random } from '../../support/random.js';
import type { Inputs } from '../../reference/types.js';
import type { Accuracy } from '../record.js';
import type { Target } from '../target.js';
import { compare } from '../call.js';

const side = { channels: 256, map: [8, 8] } as const;

/** A student that has learnt: its features are the teacher's with some noise. */
function trained(samples: number): Inputs {
  const inputs = problem({ samples, classes: 100, teacher: side, student: side, seed: 5 });
  const random = new Random(11);
  const teacher = inputs.teacher as { features: { data: ArrayLike<number>; shape: readonly number[] } };
  const { data, shape } = teacher.features;
  const noisy = Float64Array.from(data, (value) => value + 0.1 * random.normal());
  return { ...inputs, student: { ...inputs.teacher, features: { data: noisy, shape } } as Inputs['student'] };
}

export async function measureAccuracy(target: Target, quick: boolean): Promise<Accuracy[]> {
  const samples = quick ? 4 : 64;
  const cases: [string, Inputs, object][] = [
    ['random', problem({ samples, classes: 100, teacher: side, student: side }), {}],
    [
      'random, moments',
      problem({ samples, classes: 100, teacher: side, student: side }),
      { relation: { method: 'moments' } },
    ],
    ['a student close to its teacher', trained(samples), {}],
  ];
  const all: Accuracy[] = [];
  for (const [name, inputs, options] of cases) {
    for (const precision of target.precisions) {
      const { loss, relation, gradient } = await compare(target, { inputs, precision, options });
      all.push({ precision, inputs: `${name}; n ${samples}, 256x8x8, K 100, grid 2`, loss, relation, gradient });
    }
  }
  return all;
}
