/** What results are judged by, in float64: computed once per workload, for all modes, types and contenders. */
import { arrayError, lossError, relationError } from '../test/support/compare.js';
import type { Case, Workload } from './cases.js';
import type { Outputs, Participant } from './contenders/index.js';
import { prepareOurs } from './contenders/ours.js';
import { memoryLimit, relationBytes, type PyTorch } from './contenders/pytorch.js';
import { computeReference, isSmall } from './contenders/typescript.js';
import type { Data } from './data.js';
import type { Task } from './floor.js';
import type { ErrorOf } from './record.js';

export interface Reference {
  outputs: Outputs;
  /** As in the record. */
  source: string;
}

/** The case that has everything in float64. */
function exact(workload: Workload): Case {
  return { ...workload, name: '', title: '', group: 'step', mode: 'gradients', dtype: 'float64', quick: false };
}

async function resultOf(pending: Promise<Participant>): Promise<Outputs> {
  const participant = await pending;
  try {
    return await participant.result();
  } finally {
    await participant.close?.();
  }
}

/** Plain TypeScript where that is quick; else PyTorch, whose code is not ours either; else our own engine. */
export async function makeReference(data: Data, pytorch: PyTorch | undefined, threads: number): Promise<Reference> {
  const { workload, inputs } = data;
  if (isSmall(workload)) return { outputs: computeReference(workload, inputs), source: 'typescript' };
  const on = exact(workload);
  const related = workload.operation === 'gld' || workload.operation === 'relation';
  if (pytorch && (!related || relationBytes(workload.sizes.m, 'float64') <= memoryLimit)) {
    return { outputs: await resultOf(pytorch.prepare(on, data, threads)), source: 'pytorch float64' };
  }
  return { outputs: await resultOf(prepareOurs(on, data, threads)), source: 'gld-loss float64' };
}

/** As test/support/compare.ts measures. */
export function errorOf(on: Task, got: Outputs, { outputs: expected, source }: Reference): ErrorOf {
  const { value } = expected;
  const loss =
    typeof value === 'number' || typeof got.value === 'number'
      ? scalarError(on, Number(got.value), Number(value))
      : arrayError(got.value, value);
  if (on.mode === 'forward') return { loss, reference: source };
  const errors = Object.entries(expected.gradients).map(([name, gradient]) =>
    arrayError(got.gradients[name] ?? [], gradient),
  );
  return { loss, gradients: Math.max(...errors), reference: source };
}

/** The relation loss alone is at most 2/m, which is the unit of its error. */
function scalarError(on: Task, got: number, expected: number): number {
  if (!Number.isFinite(got)) return Infinity;
  return on.operation === 'relation' ? Math.abs(relationError(got, expected, on.sizes.m)) : lossError(got, expected);
}
