import { addon } from './binding.js';
import { native } from './engines/native.js';
import type { Device } from './native.cjs';

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
    /** The driver's CUDA version, such as '13.0'; a driver runs what was built for its version or an older one. */
    driver?: string;
    /** The CUDA version that the engine was built with. */
    runtime?: string;
    /** The GPUs, in the order of their numbers: the first one is 'cuda:0', which 'cuda' alone stands for. */
    devices: Gpu[];
  };
}

/** A GPU. */
export interface Gpu {
  name: string;
  /** Compute capability, such as '9.0'. */
  computeCapability: string;
  /** Bytes of memory. */
  memory: number;
  /** Bytes of memory that nobody uses at the moment. */
  freeMemory: number;
}

/**
 * The engine levels present and chosen, the threads, and the GPUs or why there is none. The first call loads the CUDA
 * driver where there is one, which takes a moment.
 */
export function deviceInfo(): DeviceInfo {
  const { version, level, available, built, threads } = addon().info();
  return { version, cpu: { level, available, built, threads }, cuda: cudaInfo() };
}

function cudaInfo(): DeviceInfo['cuda'] {
  let found: Device[] | string;
  try {
    found = native.describeGpus();
  } catch (error) {
    found = (error as Error).message;
  }
  if (typeof found === 'string') return { available: false, reason: found, devices: [] };
  const devices = found.map(({ name, major, minor, memory, freeMemory }) => ({
    name,
    computeCapability: `${major}.${minor}`,
    memory,
    freeMemory,
  }));
  const { driver, runtime } = found[0];
  return { available: true, driver: version(driver), runtime: version(runtime), devices };
}

/** CUDA's numbers are 1000 * major + 10 * minor. */
function version(number: number): string {
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}
