import { availableParallelism } from 'node:os';
import { describe } from './describe.js';
import { fail } from './errors.js';
import { load, type Native } from './native.cjs';

const platform = `${process.platform}-${process.arch}`;

/** Known reasons why an addon does not load, by what the loader says, and what the user can do about each. */
const cures: readonly (readonly [RegExp, string])[] = [
  [
    /No native build was found/,
    `This package carries no binary for ${platform} and none was built when it was installed. Build one with ` +
      '`npm rebuild gld-loss --foreground-scripts`; that needs Linux, a C++17 compiler (g++ 11 or newer), Python and ' +
      'Eigen 3.4 (Debian and Ubuntu: apt-get install g++ make python3 libeigen3-dev). If the package was installed ' +
      'with --ignore-scripts, that is why nothing was built; if by a bundler, mark gld-loss as external.',
  ],
  [
    /GLIBC(XX)?_[\d.]+' not found/,
    'The binary needs a newer C library than this system has. Use a newer system (or container image), or build from ' +
      'source here: `npm rebuild gld-loss --build-from-source --foreground-scripts`.',
  ],
  [
    /ld-linux|ld-musl|symbol not found|Error relocating/,
    'The binary was made for another C library (glibc or musl). Build from source here: ' +
      '`npm rebuild gld-loss --build-from-source --foreground-scripts`.',
  ],
  [
    /invalid ELF header|wrong ELF class|not a valid Win32|mach-o|incompatible architecture/i,
    `The binary is for another platform than ${platform}: node_modules was probably copied from another machine. ` +
      'Delete node_modules and install here.',
  ],
  [/ERR_DLOPEN_DISABLED|no-addons/, 'Node.js was started with --no-addons, which forbids every native library.'],
  [
    /Cannot find module 'node-gyp-build'/,
    'Its dependency node-gyp-build is missing: install gld-loss with a package manager, or mark it as external in the ' +
      'bundler.',
  ],
  [
    /libgld_cpu|cannot open shared object file/,
    'A library that belongs beside the binary is missing: install the package again, and keep its prebuilds/ or build/ ' +
      'folder whole when bundling or copying.',
  ],
];

/** Explains a failure to load, and what can be done about it. */
export function loadError(cause: unknown): Error {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const found = cures.find(([pattern]) => pattern.test(`${code} ${message}`));
  const cure = found?.[1] ?? `This is Node.js ${process.version} on ${platform}; it needs 20.17 or newer on Linux.`;
  const error = new Error(`gld-loss: the native library did not load. ${cure}\nThe loader said: ${message}`, { cause });
  const expected = `a native library for ${platform}`;
  return Object.assign(error, { code: 'ERR_GLD_LOAD', argument: 'gld-loss', expected, received: message });
}

/** Threads that the pool may have: GLD_LOSS_THREADS, else what the process may use of the machine. */
function parallelism(): number {
  const value = process.env.GLD_LOSS_THREADS;
  if (value === undefined || value === '') return availableParallelism();
  const threads = Number(value);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    fail('ERR_GLD_OPTION', 'GLD_LOSS_THREADS', 'an integer from 1 to 1024', describe(value));
  }
  return threads;
}

function open(): Native {
  let native: Native;
  try {
    native = load();
  } catch (cause) {
    throw loadError(cause);
  }
  native.configure(parallelism(), level(native.info().available));
  return native;
}

/** The instruction-set level that GLD_LOSS_CPU_LEVEL forces, if it does. */
function level(available: readonly string[]): string | undefined {
  const value = process.env.GLD_LOSS_CPU_LEVEL || undefined;
  if (value !== undefined && !available.includes(value)) {
    const expected = `one of ${available.join(', ')}, the levels that are built and that this machine has`;
    fail('ERR_GLD_OPTION', 'GLD_LOSS_CPU_LEVEL', expected, describe(value));
  }
  return value;
}

/** The addon, loaded and configured. */
export const native = open();

/** The size of the pool, which no call exceeds. */
export const { threads: maxThreads } = native.info();
