/** What npm run check:cuda writes, and what its table is made of. */
import type { Environment as Suite, ErrorOf, Floor } from '../record.js';

export interface CheckRecord {
  /** Raised when a field changes its meaning. */
  format: 1;
  environment: Environment;
  checks: CheckResult[];
  /** Measured errors of each precision against the float64 reference. */
  accuracy: Accuracy[];
  limits?: Limits;
  timings: Timing[];
  /** Of single kernels, where there was a profiler. */
  kernels: KernelTimes[];
  /** What was not done, with the reason. */
  absent: Record<string, string>;
}

export interface Environment extends Omit<Suite, 'level' | 'levels' | 'absent'> {
  /** What was checked: a GPU, an emulated one, or the CPU engine in its place. */
  device: DeviceFacts;
}

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

export interface Limits {
  /** Bytes read plus bytes written by a large copy on the device, per second. */
  copyBytesPerSecond: number;
  /** Pinned host memory to the device and back, bytes per second. */
  toDeviceBytesPerSecond?: number;
  fromDeviceBytesPerSecond?: number;
  /** Of a large matrix product, two per multiply-add. */
  productFlopsPerSecond: Record<Precision, number>;
  /** From the launch of a captured graph to its end, with next to nothing in it. */
  graphSeconds?: number;
  measuredBy: string;
}

export interface KernelTimes {
  case: string;
  /** Per call of the case. */
  kernels: { name: string; seconds: number; launches: number }[];
}

/** One contender on one case. */
export interface Timing {
  case: string;
  title: string;
  /** 'gld-loss', 'pytorch', 'pytorch-compile'. */
  contender: string;
  /** Where the inputs are, or which stage ran alone. */
  variant: string;
  precision: Precision;
  /** Wall time per call of each repetition; repetition i of all contenders of a case ran side by side. */
  seconds: number[];
  /** Against the float64 reference, before the timing. */
  error?: ErrorOf;
  floor?: Floor;
  method?: 'pairwise' | 'moments';
  /** Why there are no numbers; seconds is then empty. */
  skipped?: string;
}
