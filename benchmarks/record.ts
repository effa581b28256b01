/** What a run of the suite writes to results.json, and all that tables, plots, the page and comparisons are made of. */

export interface RunRecord {
  /** Raised when a field changes its meaning. */
  format: 2;
  environment: Environment;
  /** Measured in the same run, between the cases; one entry per number of threads. */
  limits: Limits[];
  /** What share of the limit matrix products reach: Eigen's, ours and those of the contenders, at the limit's threads. */
  products: ProductRate[];
  measurements: Measurement[];
  /** Peak memory of whole child processes that compute the relation once, against the number of rows. */
  memory: MemoryPoint[];
}

export interface Environment {
  /** ISO 8601, start of the run. */
  date: string;
  seconds: number;
  /** 'full', 'quick' or the filters that were given. */
  selection: string;
  /** Short hash, with '-dirty' when the tree had changes. */
  commit: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  os: string;
  node: string;
  gldLoss: string;
  /** Engine level that ran, and those that could have. */
  level: string;
  levels: string[];
  /** What the contenders are: { 'pytorch@2.13.0': 'with MKL 2024.2 and oneDNN 3.12.0', tfjs: '4.22.0 (wasm)' }. */
  versions: Record<string, string>;
  /** Contenders that did not take part, with the reason. */
  absent: Record<string, string>;
}

export type DType = 'float32' | 'float64';

export interface Limits {
  threads: number;
  /** Bytes read plus bytes written by a large copy, per second. */
  copyBytesPerSecond: number;
  /** Bytes per second of reading alone and of writing alone, past the caches; absent in older records. */
  readBytesPerSecond?: number;
  writeBytesPerSecond?: number;
  /** Multiply-adds times two, per second, with the flags of the level that ran. */
  flopsPerSecond: Record<DType, number>;
  /** Where they were counted: 'registers', or in records of format 1 a large product of 'Eigen', which is no limit. */
  flopsBy: 'registers' | 'Eigen';
}

export interface ProductRate {
  /** 'Eigen', 'gld-loss', or a contender. */
  by: string;
  threads: number;
  dtype: DType;
  rows: number;
  columns: number;
  depth: number;
  flopsPerSecond: number;
}

export type Mode = 'forward' | 'gradients';
export type Group = 'step' | 'stage' | 'relation' | 'overhead' | 'calls';

/** One contender on one case with one number of threads. */
export interface Measurement {
  group: Group;
  /** 'imagenet', 'cifar/pool', 'relation/m=320,K=100', 'overhead/n=1'. Unique with mode, dtype, layout and variant. */
  case: string;
  title: string;
  mode: Mode;
  dtype: DType;
  layout: 'NCHW' | 'NHWC';
  sizes: Sizes;
  /** 'gld-loss', 'pytorch@2.13.0', 'pytorch-compile-tuned@2.13.0', 'tfjs', 'typescript'; 'pytorch' in format 1. */
  contender: string;
  /** What tells several measurements of one contender apart: a relation method, 'sync', 'async', '4 async at once'. */
  variant?: string;
  threads: number;
  /** The relation method that ran, if one did. */
  method?: 'pairwise' | 'moments';
  /** Why there are no numbers; seconds is then empty. */
  skipped?: string;
  /** Wall time per call of each timed repetition. Repetition i of all contenders of a case ran side by side. */
  seconds: number[];
  /** Bytes that a call left behind for the collector of JavaScript, or allocated outside it, on average. */
  bytesPerCall?: number;
  /** Against the float64 reference, before the timing; as test/support/compare.ts measures errors. */
  error?: ErrorOf;
  /** Least time that the machine's limits allow, for our own measurements. */
  floor?: Floor;
}

export interface Sizes {
  n: number;
  K: number;
  /** Logit rows of the batch. */
  m: number;
  C?: number;
  H?: number;
  W?: number;
  grid?: number;
}

export interface ErrorOf {
  loss: number;
  /** Largest over the gradients computed. */
  gradients?: number;
  /** What computed the reference: 'typescript', 'pytorch float64', or 'gld-loss float64'. */
  reference: string;
}

export interface Floor {
  bytes: number;
  flops: number;
  /** The larger of bytes / copyBytesPerSecond and flops / flopsPerSecond. */
  seconds: number;
  bound: 'bytes' | 'flops';
}

export interface MemoryPoint {
  contender: string;
  variant?: string;
  m: number;
  K: number;
  /** Peak resident bytes of the process beyond its own inputs, outputs and what it used before the call. */
  bytes: number;
  skipped?: string;
}
