/** Wrong grids, masks, maps of logits, weights, and options about labels. */
import { detached, features, inputs, labels, right, student, tensor, type Loose } from './inputs.js';
import type { Row } from './index.js';

const weights = (value: unknown): unknown => inputs((of) => ((of as Loose).sampleWeights = value));
const mask = (change: Loose = {}): unknown =>
  student({ mask: { data: new Uint8Array(256).fill(1), shape: [4, 8, 8], ...change } });
/** The student is a map of logits. */
const logitMap = (change: Loose = {}): unknown =>
  inputs((of) => (of.student = { logitMap: tensor(4, 10, 8, 8), ...change }));
const soft = tensor(4, 10);

const grids: Row[] = [
  [
    'a word for a grid',
    { options: { grid: 'two' } },
    'ARG_TYPE',
    'grid',
    "grid: expected a number of cells, an array of such numbers, or { pyramid }, got 'two'",
  ],
  [
    'levels of several numbers without a pyramid',
    { options: { grid: [1, [2, 2]] } },
    'ARG_TYPE',
    'grid',
    /levels of several numbers go into \{ pyramid \}/,
  ],
  ['no levels', { options: { grid: [] } }, 'GRID', 'grid', 'grid: expected 1 to 8 levels, got 0'],
  [
    'too many levels',
    { options: { grid: { pyramid: new Array(9).fill(1) } } },
    'GRID',
    'grid.pyramid',
    /1 to 8 levels, got 9$/,
  ],
  [
    'a pyramid of a number',
    { options: { grid: { pyramid: 2 } } },
    'ARG_TYPE',
    'grid.pyramid',
    'grid.pyramid: expected an array of levels, got 2',
  ],
  ['a misspelt pyramid', { options: { grid: { pyramids: [1] } } }, 'OPTION', 'grid.pyramids', /did you mean pyramid\?/],
  [
    'no cells on an axis of a level',
    { options: { grid: { pyramid: [1, [2, 0]] } } },
    'GRID',
    'grid.pyramid[1]',
    'grid.pyramid[1]: expected integers of at least 1, got [2, 0]',
  ],
  ['half a cell in a pyramid', { options: { grid: { pyramid: [1, 1.5] } } }, 'GRID', 'grid.pyramid[1]', /got 1.5$/],
  [
    'a level of too many axes',
    { options: { grid: { pyramid: [[1, 1, 1, 1]] } } },
    'GRID',
    'grid.pyramid[0]',
    /1 to 3 numbers, one per axis of the map, got 4$/,
  ],
  [
    'a level of other axes than the map',
    { options: { grid: { pyramid: [1, [2, 2, 2]] } } },
    'GRID',
    'grid.pyramid[1]',
    'grid.pyramid[1]: expected 2 numbers, one per axis of student.features, got [2, 2, 2]',
  ],
  [
    'a level larger than the map',
    { options: { grid: [1, 2, 5] } },
    'GRID',
    'grid',
    "grid: expected at most [4, 6], the size of teacher.features' map, got [5, 5]",
  ],
  [
    'a pyramid that the logits have not',
    { inputs: inputs((of) => (of.teacher = { logits: tensor(4, 5, 10) })), options: { grid: [1, 2, 4] } },
    'GRID',
    'teacher.logits',
    /expected 22 rows per sample, .* a pyramid of 1 x 1, 2 x 2, 4 x 4 cells, got 5/,
  ],
];

const maps: Row[] = [
  [
    'maps of other axes',
    { inputs: inputs((of) => (of.teacher.features = tensor(4, 8, 24))) },
    'RANK',
    'teacher.features',
    "teacher.features: expected a map of as many axes as the student's, 2, got 1",
  ],
  [
    'a layout of another rank',
    { inputs: student({ layout: 'NWC' }) },
    'RANK',
    'student.features',
    'student.features: expected shape [n, W, C], got rank 4: [4, 6, 8, 8]',
  ],
  [
    'a map of logits with a weight',
    { inputs: logitMap({ weight: tensor(10, 10) }) },
    'ARG_TYPE',
    'student',
    'student: expected one of { features, weight }, { logitMap } or { logits }, got logitMap and weight',
  ],
  [
    'features and a map of logits',
    { inputs: student({ logitMap: tensor(4, 10, 8, 8) }) },
    'ARG_TYPE',
    'student',
    /got logitMap and features$/,
  ],
  [
    'logits and a map of logits',
    { inputs: logitMap({ logits: tensor(4, 5, 10) }) },
    'ARG_TYPE',
    'student',
    /got logits and logitMap$/,
  ],
  [
    'a map of logits of other classes',
    { inputs: logitMap({ logitMap: tensor(4, 9, 8, 8) }) },
    'CLASSES',
    'teacher.weight',
    'teacher.weight: expected 9 classes, as the student has, got 10',
  ],
  [
    'a map of logits of one class',
    { inputs: logitMap({ logitMap: tensor(4, 1, 8, 8) }) },
    'CLASSES',
    'student.logitMap',
    /at least 2 classes/,
  ],
  [
    'a teacher that maps other classes',
    { inputs: inputs((of) => (of.teacher = { logitMap: tensor(4, 9, 8, 8) })) },
    'CLASSES',
    'teacher.logitMap',
    'teacher.logitMap: expected 10 classes, as the student has, got 9',
  ],
  [
    'a gradient of features of a map of logits',
    { inputs: logitMap(), options: { gradients: ['features'] } },
    'OPTION',
    'gradients',
    "gradients: expected names of what the student has: logitMap, got 'features'",
  ],
  [
    'a gradient of a map of logits of features',
    { options: { gradients: ['logitMap'] } },
    'OPTION',
    'gradients',
    /names of what the student has: features, weight, bias, got 'logitMap'$/,
  ],
  [
    'a short out buffer of a map of logits',
    { inputs: logitMap(), options: { out: { logitMap: new Float32Array(2559) } } },
    'SHORT',
    'out.logitMap',
    'out.logitMap: expected 2560 elements for shape [4, 10, 8, 8], got 2559',
  ],
];

const masks: Row[] = [
  [
    'a mask for logits',
    { inputs: inputs((of) => (of.student = { logits: tensor(4, 5, 10), mask: 1 })) },
    'ARG_TYPE',
    'student',
    /got logits and mask$/,
  ],
  [
    'a bare array for a mask',
    { inputs: student({ mask: new Uint8Array(256) }) },
    'ARG_TYPE',
    'student.mask',
    /got a bare Uint8Array, which has no shape$/,
  ],
  [
    'a mask with channels',
    { inputs: mask({ shape: [4, 1, 8, 8] }) },
    'SHAPE',
    'student.mask',
    'student.mask: expected shape [4, 8, 8], for the positions of student.features, got [4, 1, 8, 8]',
  ],
  ['a mask of another map', { inputs: mask({ shape: [4, 8, 4] }) }, 'SHAPE', 'student.mask', /got \[4, 8, 4\]$/],
  ['a mask of other samples', { inputs: mask({ shape: [3, 8, 8] }) }, 'SHAPE', 'student.mask', /got \[3, 8, 8\]$/],
  [
    'a mask without samples',
    { inputs: mask({ shape: [256] }) },
    'RANK',
    'student.mask',
    /\[n, \.\.\.axes of the map\], got rank 1/,
  ],
  [
    'a mask of floats',
    { inputs: mask({ data: new Float32Array(256) }) },
    'DTYPE',
    'student.mask',
    'student.mask: expected bytes or booleans (a Uint8Array or an array of booleans), got float32',
  ],
  [
    'a mask of numbers',
    { inputs: mask({ data: new Array(256).fill(1) }) },
    'DTYPE',
    'student.mask.data[0]',
    'student.mask.data[0]: expected true or false, got 1',
  ],
  ['a mask too short', { inputs: mask({ data: new Uint8Array(255) }) }, 'SHORT', 'student.mask.data', /got 255$/],
  [
    'a mask that reaches too far',
    { inputs: mask({ strides: [64, 8, 2] }) },
    'STRIDE',
    'student.mask',
    /which reach \[0, 262\]$/,
  ],
  [
    'booleans for features',
    { inputs: features({ data: new Uint8Array(1536), dtype: 'bool' }) },
    'DTYPE',
    'student.features',
    /got bool$/,
  ],
  [
    'booleans for labels',
    { inputs: labels({ data: new Uint8Array(4), dtype: 'bool', shape: [4] }) },
    'DTYPE',
    'labels',
    /got bool$/,
  ],
];

const sampleWeights: Row[] = [
  [
    'too few weights',
    { inputs: weights([1, 1, 1]) },
    'SHAPE',
    'sampleWeights',
    'sampleWeights: expected 4 weights, one per sample, got 3',
  ],
  ['too many weights', { inputs: weights(new Float32Array(5)) }, 'SHAPE', 'sampleWeights', /got 5$/],
  ['a tensor of other samples', { inputs: weights(tensor(5)) }, 'SHAPE', 'sampleWeights', /shape \[4\], got \[5\]$/],
  [
    'weights of several columns',
    { inputs: weights(tensor(4, 2)) },
    'SHAPE',
    'sampleWeights',
    /\[4, 1\], got \[4, 2\]$/,
  ],
  [
    'a tensor of weights of rank 3',
    { inputs: weights(tensor(4, 1, 1)) },
    'RANK',
    'sampleWeights',
    /\[n, 1\], got rank 3/,
  ],
  [
    'a number for weights',
    { inputs: weights(2) },
    'ARG_TYPE',
    'sampleWeights',
    'sampleWeights: expected an array of weights or a tensor [n] or [n, 1], got 2',
  ],
  [
    'integers for weights',
    { inputs: weights(new Int32Array(4)) },
    'DTYPE',
    'sampleWeights',
    'sampleWeights: expected numbers in an array, or float32 or float64 elements, got Int32Array(4)',
  ],
  [
    '16-bit weights',
    { inputs: weights({ data: new Uint16Array(4), dtype: 'float16', shape: [4] }) },
    'DTYPE',
    'sampleWeights',
    /got float16$/,
  ],
  [
    'a negative weight',
    { inputs: weights([1, -1, 1, 1]) },
    'WEIGHT',
    'sampleWeights[1]',
    'sampleWeights[1]: expected a finite number of at least 0, got -1',
  ],
  ['NaN for a weight', { inputs: weights(Float32Array.of(1, 1, NaN, 1)) }, 'WEIGHT', 'sampleWeights[2]', /got NaN$/],
  [
    'an infinite weight',
    { inputs: weights(Float64Array.of(1, 1, 1, Infinity)) },
    'WEIGHT',
    'sampleWeights[3]',
    /got Infinity$/,
  ],
  ['a word for a weight', { inputs: weights([1, '2', 1, 1]) }, 'WEIGHT', 'sampleWeights[1]', /got '2'$/],
  [
    'no weight at all',
    { inputs: weights([0, 0, 0, 0]) },
    'WEIGHT',
    'sampleWeights',
    'sampleWeights: expected at least one weight above 0, got none',
  ],
  [
    'detached weights',
    { inputs: weights(detached(new Float32Array(4))) },
    'DETACHED',
    'sampleWeights',
    /got a detached buffer$/,
  ],
];

const ofClasses = (value: unknown): unknown => inputs((of) => ((of as Loose).classWeights = value));

const classWeights: Row[] = [
  ['weights of too few classes', { inputs: ofClasses([1, 1]) }, 'SHAPE', 'classWeights', /one per class, got 2$/],
  ['a column of them', { inputs: ofClasses(tensor(10, 1)) }, 'RANK', 'classWeights', /\[K\], got rank 2/],
  [
    'a negative weight of a class',
    { inputs: ofClasses(Float64Array.of(1, 1, -2, 1, 1, 1, 1, 1, 1, 1)) },
    'WEIGHT',
    'classWeights[2]',
    'classWeights[2]: expected a finite number of at least 0, got -2',
  ],
  ['no class counts', { inputs: ofClasses(new Float32Array(10)) }, 'WEIGHT', 'classWeights', /above 0, got none$/],
  [
    'weights of classes without labels',
    { inputs: inputs((of) => Object.assign(of, { classWeights: new Float32Array(10).fill(1), labels: undefined })) },
    'ARG_TYPE',
    'labels',
    'labels: expected labels, which classWeights are for, got undefined',
  ],
];

const aboutLabels: Row[] = [
  [
    'smoothing of 1',
    { options: { labelSmoothing: 1 } },
    'OPTION',
    'labelSmoothing',
    'labelSmoothing: expected a number of at least 0 and less than 1, got 1',
  ],
  ['negative smoothing', { options: { labelSmoothing: -0.1 } }, 'OPTION', 'labelSmoothing', /got -0.1$/],
  ['NaN for smoothing', { options: { labelSmoothing: NaN } }, 'OPTION', 'labelSmoothing', /got NaN$/],
  [
    'half an index to ignore',
    { options: { ignoreIndex: 1.5 } },
    'OPTION',
    'ignoreIndex',
    'ignoreIndex: expected an integer, got 1.5',
  ],
  ['a word to ignore', { options: { ignoreIndex: 'none' } }, 'ARG_TYPE', 'ignoreIndex', /got 'none'$/],
  [
    'an index to ignore with soft labels',
    { inputs: { ...right(), labels: soft }, options: { ignoreIndex: 3 } },
    'OPTION',
    'ignoreIndex',
    'ignoreIndex: expected none with soft labels, which have no index, got 3',
  ],
  [
    'a label that is not the one to ignore',
    { inputs: labels([0, 255, -1, 1]), options: { ignoreIndex: 255 } },
    'LABEL',
    'labels[2]',
    /got -1$/,
  ],
];

export const wide: Row[] = [...grids, ...maps, ...masks, ...sampleWeights, ...classWeights, ...aboutLabels];
