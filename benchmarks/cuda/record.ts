/** What npm run check:cuda writes, and what its table is made of. */
import type { Accuracy, CheckResult, DeviceFacts, Precision } from '../../test/conformance/record.js';
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
