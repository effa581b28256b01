// Made of csrc/call.def, which says what all this means, by `npm run generate`.

/** Differs with the lines of call.def: an addon that was made of other ones has another. */
export const hash = '53b66472027890dc';

export const limits = {
  levels: 8,
  mapAxes: 3,
  axes: 5,
  noLabel: -1,
} as const;

/** The words of each enum. A word's number is its place. */
export const words = {
  stage: ['pool', 'classifier', 'cross_entropy', 'normalized_kd', 'relation', 'gld'],
  dtype: ['float32', 'float64', 'float16', 'bfloat16', 'int32', 'uint8'],
  'normalization.kind': ['std', 'temperature'],
  'relation.method': ['auto', 'pairwise', 'moments'],
  'relation.metric': ['sqeuclidean', 'euclidean'],
  precision: ['float32', 'tf32', 'bf16'],
} as const;

/** Where each number of a call is, or the first of several. */
export const numbers = {
  n: 0,
  classes: 1,
  rows: 2,
  levels: 3,
  grid: 4,
  compute: 28,
  unlabelled: 29,
  'teacher.channels': 30,
  'student.channels': 31,
  'teacher.depth': 32,
  'student.depth': 33,
  'teacher.height': 34,
  'student.height': 35,
  'teacher.width': 36,
  'student.width': 37,
  alpha: 38,
  beta: 39,
  localWeight: 40,
  labelSmoothing: 41,
  'normalization.kind': 42,
  'normalization.unbiased': 43,
  'normalization.temperature': 44,
  'normalization.compensated': 45,
  'relation.method': 46,
  'relation.metric': 47,
  'relation.reduction': 48,
  precision: 49,
  threads: 50,
  device: 51,
  present: 52,
} as const;

/** Those of them that are options, under the names by which users give them. */
export const options = [
  'alpha',
  'beta',
  'localWeight',
  'labelSmoothing',
  'normalization.kind',
  'normalization.unbiased',
  'normalization.temperature',
  'normalization.compensated',
  'relation.method',
  'relation.metric',
  'relation.reduction',
  'precision',
  'threads',
] as const;

/** How many numbers there are before those of the views, and for each view, in their order. */
export const numberCount = 53;
export const viewNumberCount = 7;
export const viewNumbers = {
  dtype: 0,
  offset: 1,
  strides: 2,
} as const;

/** The views. The axes between the leading ones and the last may be left out. */
export const views = [
  { role: 'teacher.features', axes: 5, leading: 2, isOutput: false },
  { role: 'student.features', axes: 5, leading: 2, isOutput: false },
  { role: 'teacher.mask', axes: 4, leading: 1, isOutput: false },
  { role: 'student.mask', axes: 4, leading: 1, isOutput: false },
  { role: 'teacher.weight', axes: 2, leading: 2, isOutput: false },
  { role: 'student.weight', axes: 2, leading: 2, isOutput: false },
  { role: 'teacher.bias', axes: 1, leading: 1, isOutput: false },
  { role: 'student.bias', axes: 1, leading: 1, isOutput: false },
  { role: 'teacher.logits', axes: 3, leading: 1, isOutput: false },
  { role: 'student.logits', axes: 3, leading: 1, isOutput: false },
  { role: 'labels', axes: 1, leading: 1, isOutput: false },
  { role: 'softLabels', axes: 2, leading: 2, isOutput: false },
  { role: 'weights', axes: 2, leading: 1, isOutput: false },
  { role: 'classWeights', axes: 1, leading: 1, isOutput: false },
  { role: 'pooled', axes: 3, leading: 1, isOutput: false },
  { role: 'upstream', axes: 3, leading: 1, isOutput: false },
  { role: 'out.features', axes: 5, leading: 2, isOutput: true },
  { role: 'out.weight', axes: 2, leading: 2, isOutput: true },
  { role: 'out.bias', axes: 1, leading: 1, isOutput: true },
  { role: 'out.logits', axes: 3, leading: 1, isOutput: true },
  { role: 'out.pooled', axes: 3, leading: 1, isOutput: true },
] as const;

export const results = {
  loss: 0,
  task: 1,
  global: 2,
  local: 3,
  relation: 4,
  method: 5,
} as const;
export const resultCount = 6;
