import { native } from './binding.js';

/** What the loss can compute on here. */
export interface DeviceInfo {
  /** The version of the native library. */
  version: string;
  cpu: {
    /** The instruction-set level in use, such as 'x86-64-v3'; GLD_LOSS_CPU_LEVEL in the environment chooses another. */
    level: string;
    /** Levels that are built and that this machine can run. */
    available: string[];
    /** Levels that are built. */
    built: string[];
    /** Size of the thread pool that all calls share; GLD_LOSS_THREADS in the environment sets it. */
    threads: number;
  };
  cuda: {
    available: boolean;
    /** Why not, when it is not. */
    reason?: string;
  };
}

/** The engine levels present and chosen, the threads, and whether CUDA is available or why not. */
export function deviceInfo(): DeviceInfo {
  const { version, level, available, built, threads, cudaReason } = native.info();
  return { version, cpu: { level, available, built, threads }, cuda: { available: false, reason: cudaReason } };
}
