import { maxThreads } from './binding.js';
import type { Call, Field, RoleView } from './call.js';
import type { Settings } from './options.js';
import type { Output } from './outputs.js';
import { copyView } from './tensor.js';

const methods = { auto: 0, pairwise: 1, moments: 2 } as const;
const metrics = { sqeuclidean: 0, euclidean: 1 } as const;
const reductions = { matrix: 0, row: 1 } as const;

/** Writes sizes or other plain numbers of a call. */
export function setNumbers(call: Call, numbers: { readonly [name in Field]?: number }): void {
  for (const name in numbers) call.set(name as Field, numbers[name as Field]!);
}

export function setThreads(call: Call, threads: number): void {
  call.set('threads', Math.min(threads, maxThreads));
}

export function setNormalization(call: Call, normalization: Settings['normalization']): void {
  if ('temperature' in normalization) {
    call.set('normalization', 1);
    call.set('temperature', normalization.temperature);
  } else {
    call.set('normalization', 0);
    call.set('unbiased', normalization.unbiased ? 1 : 0);
  }
}

export function setRelation(call: Call, relation: Settings['relation']): void {
  call.set('method', methods[relation.method]);
  call.set('metric', metrics[relation.metric]);
  call.set('reduction', reductions[relation.reduction]);
}

/** Hands over all that the call reads and writes, and computes in float64 if anything it reads is. */
export function bindAll(call: Call, inputs: readonly RoleView[], outputs: readonly Output[]): void {
  call.set('compute', inputs.some(([, view]) => view.dtype === 'float64') ? 1 : 0);
  for (const view of inputs) call.bind(view);
  for (const { view } of outputs) call.bind(view);
}

/** The inputs in memory of our own, for work that goes on after the caller got control back. */
export function copyInputs(inputs: readonly RoleView[]): RoleView[] {
  return inputs.map(([role, view]) => [role, copyView(view)]);
}
