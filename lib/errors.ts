/**
 * What went wrong, in a form that a program can branch on. Every code belongs to one class:
 *
 * | code | class | when |
 * |---|---|---|
 * | `ERR_GLD_ARG_TYPE` | TypeError | an argument is not the kind of thing it must be |
 * | `ERR_GLD_DTYPE` | TypeError | an element type that is not supported, not declared, or not the one expected |
 * | `ERR_GLD_ADAPTER` | TypeError | a framework's own tensor where a tensor of typed arrays belongs |
 * | `ERR_GLD_DETACHED` | TypeError | a buffer that was transferred or whose WebAssembly memory grew |
 * | `ERR_GLD_DISPOSED` | TypeError | a {@link GldLoss}, a Distiller or a CudaTensor used after `dispose()` |
 * | `ERR_GLD_RANK` | RangeError | the wrong number of axes |
 * | `ERR_GLD_SHAPE` | RangeError | a size that is not positive or does not match another tensor's |
 * | `ERR_GLD_CLASSES` | RangeError | fewer than two classes, or teacher and student disagree on them |
 * | `ERR_GLD_GRID` | RangeError | a grid larger than the map, or one that the logits contradict |
 * | `ERR_GLD_SPLIT` | RangeError | a side that does not give what the model puts out; see {@link checkSide}; or a model without a feature map and a head |
 * | `ERR_GLD_LABEL` | RangeError | a label that is not an integer in [0, classes) |
 * | `ERR_GLD_WEIGHT` | RangeError | a weight that is not a finite number of at least 0, or nothing but zeros |
 * | `ERR_GLD_OPTION` | RangeError | an unknown (misspelt) name, or a value outside its range |
 * | `ERR_GLD_STRIDE` | RangeError | strides or offset that are not integers or reach outside the data |
 * | `ERR_GLD_SHORT` | RangeError | a buffer with fewer elements than its shape needs, or an `out` of another length |
 * | `ERR_GLD_OVERLAP` | RangeError | an `out` buffer that shares memory with an input or with another one |
 * | `ERR_GLD_OVERFLOW` | RangeError | sizes whose product is not exactly representable |
 * | `ERR_GLD_DEVICE` | RangeError | a device, or memory on a device, that cannot be used |
 * | `ERR_GLD_MEMORY` | RangeError | memory for the result or the workspace could not be had, on the CPU or the GPU |
 * | `ERR_GLD_CUDA` | Error | CUDA failed; the message has CUDA's name for the error and the call that failed |
 * | `ERR_GLD_LOAD` | Error | the native library did not load; `reason` and the message say why: {@link GldLoadError} |
 * | `ERR_GLD_NATIVE` | Error | the native library found a contradiction: a defect of this package, please report it |
 */
export type GldErrorCode = ArgumentErrorCode | 'ERR_GLD_CUDA' | 'ERR_GLD_LOAD' | 'ERR_GLD_NATIVE';

/** Codes of errors about arguments. */
export type ArgumentErrorCode =
  | 'ERR_GLD_ARG_TYPE'
  | 'ERR_GLD_DTYPE'
  | 'ERR_GLD_ADAPTER'
  | 'ERR_GLD_DETACHED'
  | 'ERR_GLD_DISPOSED'
  | 'ERR_GLD_RANK'
  | 'ERR_GLD_SHAPE'
  | 'ERR_GLD_CLASSES'
  | 'ERR_GLD_GRID'
  | 'ERR_GLD_SPLIT'
  | 'ERR_GLD_LABEL'
  | 'ERR_GLD_WEIGHT'
  | 'ERR_GLD_OPTION'
  | 'ERR_GLD_STRIDE'
  | 'ERR_GLD_SHORT'
  | 'ERR_GLD_OVERLAP'
  | 'ERR_GLD_OVERFLOW'
  | 'ERR_GLD_DEVICE'
  | 'ERR_GLD_MEMORY';

/** An error of this package: a TypeError or RangeError that carries its parts beside the message. */
export interface GldError extends Error {
  readonly code: GldErrorCode;
  /** The argument or option at fault, as a path: `student.weight`, `relation.method`, `labels[3]`. */
  readonly argument: string;
  /** What would have been right. */
  readonly expected: string;
  /** What came. */
  readonly received: string;
}

/**
 * Why the native library did not load:
 *
 * | reason | what was found |
 * |---|---|
 * | `permission` | the permission model of Node.js forbids it; the message names the flags to add |
 * | `no-addons` | Node.js runs with `--no-addons` |
 * | `bundle` | a bundler has taken the code away from its library, or from its dependency |
 * | `platform` | the library is for another operating system or processor |
 * | `libc` | it was made for another C library: glibc, musl |
 * | `glibc` | it needs a newer glibc or C++ library than there is |
 * | `missing` | a file is not there: the library, an engine beside it, a shared library of the system, node-gyp-build |
 * | `unreadable` | this user may not read it |
 * | `damaged` | the file is no native library, or only a part of one |
 * | `version` | it belongs to another version of this package |
 * | `processor` | the processor can run none of the engines that are there |
 * | `node` | this Node.js is too old |
 * | `unknown` | none of these |
 */
export type GldLoadReason =
  | 'permission'
  | 'no-addons'
  | 'bundle'
  | 'platform'
  | 'libc'
  | 'glibc'
  | 'missing'
  | 'unreadable'
  | 'damaged'
  | 'version'
  | 'processor'
  | 'node'
  | 'unknown';

/** What a call throws when the native library does not load; the next call tries again. `cause` is the loader's own error. */
export interface GldLoadError extends GldError {
  readonly code: 'ERR_GLD_LOAD';
  readonly reason: GldLoadReason;
}

const classes: Readonly<Record<ArgumentErrorCode, TypeErrorConstructor | RangeErrorConstructor>> = {
  ERR_GLD_ARG_TYPE: TypeError,
  ERR_GLD_DTYPE: TypeError,
  ERR_GLD_ADAPTER: TypeError,
  ERR_GLD_DETACHED: TypeError,
  ERR_GLD_DISPOSED: TypeError,
  ERR_GLD_RANK: RangeError,
  ERR_GLD_SHAPE: RangeError,
  ERR_GLD_CLASSES: RangeError,
  ERR_GLD_GRID: RangeError,
  ERR_GLD_SPLIT: RangeError,
  ERR_GLD_LABEL: RangeError,
  ERR_GLD_WEIGHT: RangeError,
  ERR_GLD_OPTION: RangeError,
  ERR_GLD_STRIDE: RangeError,
  ERR_GLD_SHORT: RangeError,
  ERR_GLD_OVERLAP: RangeError,
  ERR_GLD_OVERFLOW: RangeError,
  ERR_GLD_DEVICE: RangeError,
  ERR_GLD_MEMORY: RangeError,
};

/** Throws the error of that code: `<argument>: expected <expected>, got <received>`. */
export function fail(code: ArgumentErrorCode, argument: string, expected: string, received: string): never {
  const error = new classes[code](`${argument}: expected ${expected}, got ${received}`);
  throw Object.assign(error, { code, argument, expected, received });
}
