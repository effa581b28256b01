import { native } from './binding.js';
import { fail } from './errors.js';

/** A GPU as options and messages name it. */
export type CudaName = 'cuda' | `cuda:${number}`;

let count: number | undefined;

/** How many GPUs CUDA can use. The first call loads the driver. */
export function countGpus(): number {
  return (count ??= native.countDevices());
}

/** Why there is none. */
export function cudaReason(): string {
  const devices = native.devices();
  return typeof devices === 'string' ? devices : '';
}

/** Refuses a GPU that is not there: `given` names it, and `expected` would have been right without it. */
export function expectGpu(argument: string, index: number, expected: string, given: string): void {
  const gpus = countGpus();
  if (index < gpus) return;
  if (gpus === 0) fail('ERR_GLD_DEVICE', argument, expected, `${given}, which is not available: ${cudaReason()}`);
  const last = gpus - 1;
  const there = last === 0 ? 'the only one is cuda:0' : `the last one is cuda:${last}`;
  fail('ERR_GLD_DEVICE', argument, expected, `${given}, which is not there (${there})`);
}

/** The index in a name; undefined for 'cuda' alone, which names none, and for what is no name. */
export function indexOf(name: string): number | undefined {
  const match = /^cuda:(0|[1-9]\d{0,8})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}
