/** What is found of the place that computes, and of its results. */

export type DeviceKind = 'gpu' | 'emulated' | 'cpu';

export interface DeviceFacts {
  kind: DeviceKind;
  name: string;
  /** '9.0' */
  capability?: string;
  /** CUDA versions of the driver and of the runtime that is linked. */
  driver?: string;
  runtime?: string;
  memoryBytes?: number;
}

export interface CheckResult {
  group: string;
  name: string;
  passed: boolean;
  /** Comparisons that were made. */
  cases: number;
  seconds: number;
  /** Of each kind of error the worst, with its limit and where it was. */
  worst: { name: string; error: number; limit: number; where: string }[];
  /** What went wrong besides, at most a few. */
  failures: string[];
  /** Why it did not run; passed is then true. */
  skipped?: string;
}

export type Precision = 'float32' | 'tf32' | 'bf16';

export interface Accuracy {
  precision: Precision;
  /** What the errors are of: 'random', 'close student', ... */
  inputs: string;
  /** Errors as test/support/compare.ts measures them. */
  loss: number;
  relation: number;
  gradient: number;
}
