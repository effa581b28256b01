/** Shapes that do not fit, and buffers that do not hold what they should. */
import { detached, features, inputs, labels, logits, right, student, tensor, type Loose } from './inputs.js';
import type { Row } from './index.js';

export const shapes: Row[] = [
  [
    'features of rank 2',
    { inputs: features({ shape: [4, 384] }) },
    'RANK',
    'student.features',
    'student.features: expected shape [n, C, W], [n, C, H, W] or [n, C, D, H, W], got rank 2: [4, 384]',
  ],
  [
    'an NHWC map of rank 2',
    { inputs: student({ layout: 'NHWC', features: tensor(4, 6) }) },
    'RANK',
    'student.features',
    /\[n, H, W, C\], got rank 2/,
  ],
  [
    'a weight of rank 1',
    { inputs: student({ weight: tensor(60) }) },
    'RANK',
    'student.weight',
    /shape \[K, C\], got rank 1: \[60\]$/,
  ],
  [
    'logits of rank 1',
    { inputs: { ...right(), student: { logits: tensor(40) } } },
    'RANK',
    'student.logits',
    /shape \[n, K\] or \[n, 1 \+ L, K\], got rank 1: \[40\]$/,
  ],
  [
    'logits without cells where a map is cut into some',
    { inputs: { ...right(), teacher: { logits: tensor(4, 10) } } },
    'GRID',
    'teacher.logits',
    'teacher.logits: expected 5 rows per sample, the global one and those of a 2 x 2 grid (for global rows alone, ' +
      'both sides are logits [n, K] from before the softmax, and there is no grid), got 1 in shape [4, 10]',
  ],
  [
    'logits without cells on one side',
    { inputs: { teacher: { logits: tensor(4, 10) }, student: { logits: tensor(4, 5, 10) } } },
    'SHAPE',
    'teacher.logits',
    /expected 5 rows per sample, as the student has \(for global rows alone, .*\), got 1 in shape \[4, 10\]$/,
  ],
  [
    'logits without cells on the other side',
    { inputs: { teacher: { logits: tensor(4, 5, 10) }, student: { logits: tensor(4, 10) } } },
    'SHAPE',
    'teacher.logits',
    /expected 1 row per sample, as the student has \(for global rows alone, .*\), got 5 in shape \[4, 5, 10\]$/,
  ],
  [
    'rows of logits one after the other',
    { inputs: { teacher: { logits: tensor(20, 10) }, student: { logits: tensor(4, 5, 10) } } },
    'SHAPE',
    'teacher.logits',
    'teacher.logits: expected 4 samples, as the student has (logits [n, K] are one row per sample; with rows of cells ' +
      'they are [n, R, K]), got 20',
  ],
  [
    'logits without cells under a grid',
    { inputs: { teacher: { logits: tensor(4, 10) }, student: { logits: tensor(4, 10) } }, options: { grid: 2 } },
    'GRID',
    'student.logits',
    /expected 5 rows per sample, .* there is no grid\), got 1 in shape \[4, 10\]$/,
  ],
  [
    'labels of rank 3',
    { inputs: labels({ data: new Int32Array(4), shape: [4, 1, 1] }) },
    'RANK',
    'labels',
    /\[n\], \[n, 1\] or \[n, K\]/,
  ],
  [
    'a weight for other channels',
    { inputs: student({ weight: tensor(10, 8) }) },
    'SHAPE',
    'student.weight',
    "student.weight: expected shape [10, 6] to match features' 6 channels, got [10, 8]",
  ],
  [
    'a KC weight called CK',
    { inputs: student({ weightLayout: 'CK' }) },
    'SHAPE',
    'student.weight',
    "student.weight: expected shape [6, 6] to match features' 6 channels, got [10, 6]",
  ],
  [
    'an NCHW map called NHWC',
    { inputs: student({ layout: 'NHWC' }) },
    'SHAPE',
    'student.weight',
    /to match features' 8 channels/,
  ],
  [
    'a bias for other classes',
    { inputs: student({ bias: tensor(9) }) },
    'SHAPE',
    'student.bias',
    "student.bias: expected shape [10] to match weight's 10 classes, got [9]",
  ],
  [
    'another number of samples',
    { inputs: inputs((of) => (of.teacher.features = tensor(3, 8, 4, 6))) },
    'SHAPE',
    'teacher.features',
    'teacher.features: expected 4 samples, as the student has, got 3',
  ],
  [
    'no samples',
    { inputs: student({ features: tensor(0, 6, 8, 8) }) },
    'SHAPE',
    'student.features',
    /positive integers, got \[0, 6, 8, 8\]$/,
  ],
  [
    'a negative size',
    { inputs: features({ shape: [-4, 6, -8, 8] }) },
    'SHAPE',
    'student.features',
    /got \[-4, 6, -8, 8\]$/,
  ],
  [
    'a size that is no integer',
    { inputs: features({ shape: [4, 6, 8.5, 8] }) },
    'SHAPE',
    'student.features',
    /got \[4, 6, 8.5, 8\]$/,
  ],
  [
    'a size that is no number',
    { inputs: features({ shape: [4, '6', 8, 8] }) },
    'SHAPE',
    'student.features',
    /positive integers/,
  ],
  [
    'other rows of logits',
    { inputs: { teacher: { logits: tensor(4, 4, 10) }, student: { logits: tensor(4, 5, 10) } } },
    'SHAPE',
    'teacher.logits',
    'teacher.logits: expected 5 rows per sample, as the student has, got 4 in shape [4, 4, 10]',
  ],
  [
    'too few labels',
    { inputs: labels([1, 2, 3]) },
    'SHAPE',
    'labels',
    'labels: expected 4 labels, one per sample, got 3',
  ],
  ['too many labels', { inputs: labels(new Int32Array(5)) }, 'SHAPE', 'labels', /got 5$/],
  [
    'soft labels for other classes',
    { inputs: labels(tensor(4, 9)) },
    'SHAPE',
    'labels',
    'labels: expected shape [4, 10], one distribution over the classes per sample, got [4, 9]',
  ],
  [
    'other classes',
    { inputs: inputs((of) => (of.teacher = { features: tensor(4, 8, 4, 6), weight: tensor(11, 8) })) },
    'CLASSES',
    'teacher.weight',
    'teacher.weight: expected 10 classes, as the student has, got 11',
  ],
  [
    'other classes of logits',
    { inputs: logits(5, 9) },
    'CLASSES',
    'teacher.weight',
    /expected 9 classes, as the student has, got 10$/,
  ],
  [
    'one class',
    { inputs: student({ weight: tensor(1, 6), bias: undefined }) },
    'CLASSES',
    'student.weight',
    'student.weight: expected at least 2 classes, got 1 in shape [1, 6]',
  ],
  [
    'a grid larger than the map',
    { options: { grid: [5, 2] } },
    'GRID',
    'grid',
    "grid: expected at most [4, 6], the size of teacher.features' map, got [5, 2]",
  ],
  ['no cells', { options: { grid: 0 } }, 'GRID', 'grid', /got 0$/],
  [
    'half a cell',
    { options: { grid: [2, 1.5] } },
    'GRID',
    'grid',
    'grid: expected integers of at least 1, got [2, 1.5]',
  ],
  [
    'logits of another grid',
    { inputs: logits(10, 10) },
    'GRID',
    'student.logits',
    /expected 5 rows per sample, the global one and those of a 2 x 2 grid, got 10 in shape \[4, 10, 10\]$/,
  ],
];

/** An out buffer that reaches one element into the student's bias. */
function sharing(): { inputs: unknown; options: unknown } {
  const memory = new Float32Array(19);
  const bias = { data: memory, offset: 9, shape: [10] };
  return { inputs: student({ bias }), options: { out: { bias: memory.subarray(0, 10) } } };
}

const memory = new Float32Array(70);

/** A billion samples of a map that lies on one number. */
const hugeMap = {
  features: { data: new Float32Array(1), shape: [2 ** 30, 1, 1024, 1024], strides: [0, 0, 0, 0] },
  weight: tensor(16, 1),
};

const hugeLogits = (n: number, classes: number): Loose => ({
  logits: { data: new Float32Array(1), shape: [n, 5, classes], strides: [0, 0, 0] },
});

export const buffers: Row[] = [
  [
    'data too short',
    { inputs: features({ data: new Float32Array(1535) }) },
    'SHORT',
    'student.features.data',
    'student.features.data: expected at least 1536 elements for shape [4, 6, 8, 8], got 1535',
  ],
  [
    'data too short after an offset',
    { inputs: features({ offset: 1 }) },
    'SHORT',
    'student.features.data',
    /at least 1537 elements .* from offset 1, got 1536$/,
  ],
  ['no data', { inputs: features({ data: new Float32Array(0) }) }, 'SHORT', 'student.features.data', /got 0$/],
  [
    'an out buffer too short',
    { options: { out: { features: new Float32Array(1535) } } },
    'SHORT',
    'out.features',
    'out.features: expected 1536 elements for shape [4, 6, 8, 8], got 1535',
  ],
  ['an out buffer too long', { options: { out: { weight: new Float32Array(61) } } }, 'SHORT', 'out.weight', /got 61$/],
  [
    'detached data',
    { inputs: features({ data: detached(new Float32Array(1536)) }) },
    'DETACHED',
    'student.features.data',
    'student.features.data: expected memory that is still there, got a detached buffer',
  ],
  ['detached labels', { inputs: labels(detached(new Int32Array(4))) }, 'DETACHED', 'labels', /got a detached buffer$/],
  [
    'a detached out buffer',
    { options: { out: { bias: detached(new Float32Array(10)) } } },
    'DETACHED',
    'out.bias',
    /got a detached buffer$/,
  ],
  [
    'strides past the end',
    { inputs: features({ strides: [384, 64, 8, 2] }) },
    'STRIDE',
    'student.features',
    /within \[0, 1535\].* which reach \[0, 1542\]$/,
  ],
  [
    'strides before the start',
    { inputs: features({ strides: [384, 64, 8, -1] }) },
    'STRIDE',
    'student.features',
    /which reach \[-7, 1528\]$/,
  ],
  [
    'strides of another rank',
    { inputs: features({ strides: [64, 8, 1] }) },
    'STRIDE',
    'student.features.strides',
    /4 integers, one per axis, got \[64, 8, 1\]$/,
  ],
  [
    'half a stride',
    { inputs: features({ strides: [384, 64, 8, 0.5] }) },
    'STRIDE',
    'student.features.strides',
    /got \[384, 64, 8, 0.5\]$/,
  ],
  [
    'strides beyond all bounds',
    { inputs: features({ strides: [2 ** 53 - 1, 2 ** 53 - 1, 1, 1] }) },
    'STRIDE',
    'student.features',
    /within \[0, 1535\]/,
  ],
  [
    'a negative offset',
    { inputs: features({ offset: -1 }) },
    'STRIDE',
    'student.features.offset',
    /an integer of at least 0, got -1$/,
  ],
  [
    "an offset of numpy-ts's past the end",
    { inputs: features({ storage: { offset: 1 }, strides: [384, 64, 8, 1] }) },
    'STRIDE',
    'student.features',
    /which reach \[1, 1536\]$/,
  ],
  [
    'an out buffer on an input',
    sharing(),
    'OVERLAP',
    'out.bias',
    'out.bias: expected memory of its own, got memory shared with student.bias',
  ],
  [
    'out buffers on each other',
    { options: { out: { weight: memory.subarray(1, 61), bias: memory.subarray(60) } } },
    'OVERLAP',
    'out.weight',
    /got memory shared with out\.bias$/,
  ],
  [
    'sizes whose product overflows',
    { inputs: features({ shape: [2 ** 31, 6, 2 ** 31, 8], strides: [0, 0, 0, 0] }) },
    'OVERFLOW',
    'student.features',
    'student.features: expected fewer than 2^53 elements, got 2147483648 * 6 * 2147483648 * 8',
  ],
  [
    'rows whose number overflows',
    { inputs: { teacher: hugeLogits(2 ** 40, 2 ** 12), student: hugeLogits(2 ** 40, 2 ** 12) } },
    'OVERFLOW',
    'student.logits',
    /1099511627776 \* 5 \* 4096$/,
  ],
  [
    'pooled rows whose number overflows',
    { inputs: { teacher: hugeMap, student: hugeMap }, options: { grid: 1024 } },
    'OVERFLOW',
    'student',
    /1073741824 \* 1048577 \* 16$/,
  ],
  [
    'more memory than there is',
    { inputs: { teacher: hugeLogits(2 ** 40, 2), student: hugeLogits(2 ** 40, 2) } },
    'MEMORY',
    'out.logits',
    /memory for 10995116277760 float32 elements/,
  ],
];
