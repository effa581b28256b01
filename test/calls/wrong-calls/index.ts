/** Wrong calls of the whole loss, and the error that each must get. */
import { dtypes, foreign, kinds } from './kinds.js';
import { models, promises } from './others.js';
import { buffers, shapes } from './sizes.js';
import { values } from './values.js';
import { wide } from './wide.js';

/** Every code that a wrong call can get, and its class. */
export const classes = {
  ARG_TYPE: TypeError,
  DTYPE: TypeError,
  ADAPTER: TypeError,
  DETACHED: TypeError,
  DISPOSED: TypeError,
  RANK: RangeError,
  SHAPE: RangeError,
  CLASSES: RangeError,
  GRID: RangeError,
  SPLIT: RangeError,
  LABEL: RangeError,
  WEIGHT: RangeError,
  OPTION: RangeError,
  STRIDE: RangeError,
  SHORT: RangeError,
  OVERLAP: RangeError,
  OVERFLOW: RangeError,
  DEVICE: RangeError,
  MEMORY: RangeError,
} as const;

/** The code without its ERR_GLD_, the argument named, and the message or what it matches. */
export type Expected = readonly [code: keyof typeof classes, argument: string, message: string | RegExp];

/** What is wrong; the inputs or options that are, the others being right; the error. */
export type Row = readonly [name: string, given: { inputs?: unknown; options?: unknown }, ...Expected];

export const wrongCalls: Row[] = [
  ...kinds,
  ...dtypes,
  ...foreign,
  ...shapes,
  ...values,
  ...wide,
  ...promises,
  ...models,
  ...buffers,
];
