import type { Call } from './call.js';
import { native } from './engines/native.js';
import type { Settings } from './options.js';

const methods = { auto: 0, pairwise: 1, moments: 2 } as const;
const metrics = { sqeuclidean: 0, euclidean: 1 } as const;

export function setThreads(call: Call, threads: number): void {
  call.set('threads', Math.min(threads, native.threads));
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
  call.set('relationRows', rowsOf(relation.reduction));
}

/** What the relation's sum is divided by besides m; 0 stands for m. */
function rowsOf(reduction: Settings['relation']['reduction']): number {
  if (typeof reduction === 'object') return reduction.rows;
  return reduction === 'row' ? 1 : 0;
}
