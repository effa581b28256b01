import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { describe } from './describe.js';
import { isOurs, loadError, refuseDamaged, versionError, type Attempt } from './diagnosis.js';
import { fail } from './errors.js';
import { filename, nodeGypBuild, type Native } from './native.cjs';
import { hash } from './schema.js';

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

/** A `require` for that file. Not by an import, because webpack follows that one and puts its own function in its place. */
function requireFrom(file: string): NodeJS.Require {
  return process.getBuiltinModule('node:module').createRequire(file);
}

/** Where the native library should be: where GLD_LOSS_PREBUILD says, else in this package. */
function start(): Attempt {
  const named = process.env.GLD_LOSS_PREBUILD;
  // An ES module has no file name: node-gyp-build also looks beside the running program, and may do so alone.
  const folder = filename === undefined ? dirname(process.execPath) : join(dirname(filename), '..', '..');
  const bundled = filename === undefined || basename(filename) !== 'native.cjs';
  return { folder: resolve(named || folder), named: Boolean(named), bundled, step: 'start', addon: '', built: [] };
}

/** The addon: a build in the folder's build/, else the prebuilt one for this platform. */
function find(attempt: Attempt): string {
  const scope = globalThis as { require?: NodeJS.Require };
  // Code of CommonJS that was bundled into an ES module calls a global `require`, which Node.js does not have.
  const lent = filename === undefined && scope.require === undefined;
  if (lent) scope.require = requireFrom(join(attempt.folder, 'package.json'));
  try {
    const { resolve: search } = nodeGypBuild();
    attempt.step = 'search';
    const file = resolve(search(attempt.folder));
    if (!isOurs(basename(file))) throw new Error(`No native build was found but ${file}, which is not of gld-loss`);
    return file;
  } finally {
    if (lent) delete scope.require;
  }
}

/** Runs one of the steps; what it throws is explained. */
function tried<T>(attempt: Attempt, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw loadError(attempt, cause);
  }
}

let loaded: Native | undefined;

/** The addon, loaded and configured by the first who asks for it. After a failure, the next one tries again. */
export function addon(): Native {
  return (loaded ??= open());
}

function open(): Native {
  const threads = parallelism();
  const attempt = start();
  const native = tried(attempt, () => {
    attempt.addon = find(attempt);
    attempt.step = 'open';
    refuseDamaged(attempt.addon);
    return requireFrom(attempt.addon)(attempt.addon) as Native;
  });
  if (typeof (native as Partial<Native> | undefined)?.info !== 'function')
    throw versionError(`${attempt.addon} has no info()`);
  if (native.schema !== hash) throw versionError(`${attempt.addon} was made of another csrc/call.def`);
  const { available, built } = native.info();
  attempt.built = built;
  const forced = level(available);
  const chosen = forced ?? available[0];
  tried(attempt, () => {
    attempt.step = 'engine';
    if (chosen !== undefined) {
      attempt.engine = join(dirname(attempt.addon), `libgld_cpu_${chosen.replaceAll('-', '_')}.so`);
      refuseDamaged(attempt.engine);
    }
    native.configure(threads, forced);
  });
  return native;
}

/** The instruction-set level that GLD_LOSS_CPU_LEVEL forces, if it does. */
function level(available: readonly string[]): string | undefined {
  const value = process.env.GLD_LOSS_CPU_LEVEL || undefined;
  if (available.length === 0) return undefined; // a fault of the installation, not of the value
  if (value !== undefined && !available.includes(value)) {
    const expected = `one of ${available.join(', ')}, the levels that are built and that this machine has`;
    fail('ERR_GLD_OPTION', 'GLD_LOSS_CPU_LEVEL', expected, describe(value));
  }
  return value;
}

/**
 * Loads the native library, which otherwise the first call does that needs it. A server that calls this at its start fails
 * there if it has to.
 *
 * @throws {GldLoadError} `ERR_GLD_LOAD`, with the reason; `ERR_GLD_OPTION` for a wrong variable of the environment.
 */
export function loadEngine(): void {
  addon();
}
