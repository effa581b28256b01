/** Wrong calls, and the error that each must get. */
import type { GldErrorCode } from 'gld-loss';

export interface WrongCall {
  name: string;
  inputs?: unknown;
  options?: unknown;
  type: typeof TypeError | typeof RangeError;
  code: GldErrorCode;
  argument: string;
  message: string | RegExp;
}

type Loose = { [name: string]: any };

/** A dense float32 tensor. */
export function tensor(...shape: number[]): Loose {
  return { data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), shape };
}

export function detached<T extends Float32Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** Right inputs: n 4, K 10; the teacher 8 channels on 4 x 6, the student 6 channels on 8 x 8. */
export function right(): { teacher: any; student: any; labels: any } {
  return {
    teacher: { features: tensor(4, 8, 4, 6), weight: tensor(10, 8), bias: tensor(10) },
    student: { features: tensor(4, 6, 8, 8), weight: tensor(10, 6), bias: tensor(10) },
    labels: [0, 1, 2, 9],
  };
}

/** Right inputs, changed. */
function inputs(change: (inputs: ReturnType<typeof right>) => void): unknown {
  const changed = right();
  change(changed);
  return changed;
}

const student = (change: Loose): unknown => inputs((of) => Object.assign(of.student, change));
const features = (change: Loose): unknown => inputs((of) => Object.assign(of.student.features, change));
const labels = (value: unknown): unknown => inputs((of) => (of.labels = value));
const logits = (of: Loose, rows = 5, classes = 10): Loose => ({ ...of, student: { logits: tensor(4, rows, classes) } });

class TfjsTensor {
  shape = [4, 6, 8, 8];
  dtype = 'float32';
  data(): Promise<Float32Array> { return Promise.resolve(new Float32Array(1)); }
  dataSync(): Float32Array { return new Float32Array(1); }
  throwIfDisposed(): void {}
}

const type = TypeError;
const range = RangeError;

const kinds: WrongCall[] = [
  { name: 'no inputs', inputs: undefined, type, code: 'ERR_GLD_ARG_TYPE', argument: 'inputs',
    message: 'inputs: expected { teacher, student, labels? }, got undefined' },
  { name: 'inputs of another type', inputs: 7, type, code: 'ERR_GLD_ARG_TYPE', argument: 'inputs', message: /got 7$/ },
  { name: 'no student', inputs: { teacher: right().teacher }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'student',
    message: 'student: expected { features, weight } or { logits }, got undefined' },
  { name: 'a tensor for a side', inputs: { ...right(), teacher: tensor(4, 5, 10) }, type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'teacher', message: /got a tensor$/ },
  { name: 'an empty side', inputs: { ...right(), teacher: {} }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'teacher',
    message: /got neither$/ },
  { name: 'features and logits', inputs: student({ logits: tensor(4, 5, 10) }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student', message: 'student: expected { features, weight } or { logits }, not both, got logits and features' },
  { name: 'no weight', inputs: student({ weight: undefined }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.weight', message: 'student.weight: expected a tensor { data, shape }, got undefined' },
  { name: 'a bare array for a tensor', inputs: student({ weight: new Float32Array(60) }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.weight', message: /got a bare Float32Array, which has no shape$/ },
  { name: 'no shape', inputs: features({ shape: undefined }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.features.shape', message: /an array of sizes \[n, C, H, W\], got undefined$/ },
  { name: 'a plain array for data', inputs: features({ data: [1, 2] }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.features.data', message: /a typed array, got an array of length 2$/ },
  { name: 'a promise for data', inputs: features({ data: Promise.resolve() }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.features.data', message: /got a promise \(not awaited\?\)$/ },
  { name: 'a DataView for data', inputs: features({ data: new DataView(new ArrayBuffer(8)) }), type,
    code: 'ERR_GLD_ARG_TYPE', argument: 'student.features.data', message: /got an object$/ },
  { name: 'strides of another type', inputs: features({ strides: 'dense' }), type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'student.features.strides', message: /got 'dense'$/ },
  { name: 'options of another type', options: 3, type, code: 'ERR_GLD_ARG_TYPE', argument: 'options',
    message: 'options: expected an object, got 3' },
  { name: 'a list for options', options: [], type, code: 'ERR_GLD_ARG_TYPE', argument: 'options', message: /length 0$/ },
  { name: 'a string for a number', options: { alpha: '0.7' }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'alpha',
    message: "alpha: expected a finite number of at least 0, got '0.7'" },
  { name: 'null for a number', options: { beta: null }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'beta', message: /got null$/ },
  { name: 'a number for a flag', options: { normalization: { unbiased: 1 } }, type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'normalization.unbiased', message: /true or false, got 1$/ },
  { name: 'a word for an object', options: { relation: 'moments' }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'relation',
    message: "relation: expected an object, got 'moments'" },
  { name: 'an array for an out buffer', options: { out: { bias: [0, 0] } }, type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'out.bias', message: 'out.bias: expected a Float32Array, got an array of length 2' },
  { name: 'a word for gradients', options: { gradients: 'features' }, type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'gradients', message: /got 'features'$/ },
];

const dtypes: WrongCall[] = [
  { name: 'integers for floats', inputs: features({ data: new Int32Array(1536) }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features', message: /^student\.features: expected float32, float64, float16 or bfloat16 .* got int32$/ },
  { name: 'bytes for floats', inputs: features({ data: Buffer.alloc(1536) }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features', message: /got uint8$/ },
  { name: 'clamped bytes', inputs: features({ data: new Uint8ClampedArray(1536) }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features.data', message: /got a Uint8ClampedArray$/ },
  { name: '16 bits without a dtype', inputs: features({ data: new Uint16Array(1536) }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features', message: /got a Uint16Array without a dtype$/ },
  { name: 'a dtype that the array is not', inputs: features({ dtype: 'float64' }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features.dtype',
    message: "student.features.dtype: expected float32, the element type of its Float32Array, got 'float64'" },
  { name: 'an unknown dtype', inputs: features({ data: new Uint16Array(1536), dtype: 'half' }), type,
    code: 'ERR_GLD_DTYPE', argument: 'student.features.dtype', message: /got 'half'$/ },
  { name: "onnxruntime's name for it", inputs: features({ type: 'int64' }), type, code: 'ERR_GLD_DTYPE',
    argument: 'student.features.dtype', message: /got 'int64'$/ },
  { name: 'an out buffer of another type', options: { out: { bias: new Float64Array(10) } }, type, code: 'ERR_GLD_DTYPE',
    argument: 'out.bias', message: "out.bias: expected a Float32Array, the gradient's type, got Float64Array(10)" },
  { name: 'floats for labels', inputs: labels(new Float32Array(4)), type, code: 'ERR_GLD_DTYPE', argument: 'labels',
    message: /an integer array of class indices, or soft labels .* got a bare Float32Array$/ },
  { name: 'a float tensor [n] for labels', inputs: labels(tensor(4)), type, code: 'ERR_GLD_DTYPE', argument: 'labels',
    message: /got float32$/ },
  { name: 'integers for soft labels', inputs: labels({ data: new Int32Array(40), shape: [4, 10] }), type,
    code: 'ERR_GLD_DTYPE', argument: 'labels', message: /got int32$/ },
];

const foreign: WrongCall[] = [
  { name: 'a TensorFlow.js tensor', inputs: student({ features: new TfjsTensor() }), type, code: 'ERR_GLD_ADAPTER',
    argument: 'student.features',
    message: "student.features: expected typed arrays: use the adapter 'gld-loss/tfjs', got a TensorFlow.js tensor, "
      + 'which keeps its data to itself' },
  { name: 'a TensorFlow.js layer variable', inputs: student({ weight: { shape: [10, 6], val: {}, read: () => 0 } }), type,
    code: 'ERR_GLD_ADAPTER', argument: 'student.weight', message: /use the adapter 'gld-loss\/tfjs'/ },
  { name: 'a jax-js array', inputs: student({ features: { shape: [1], refCount: 1, data() {}, dataSync() {} } }), type,
    code: 'ERR_GLD_ADAPTER', argument: 'student.features', message: /dataSync\(\), shape.*a jax-js array/ },
  { name: 'a js-pytorch tensor', inputs: student({ features: { shape: [1], data: [[1]], backward() {} } }), type,
    code: 'ERR_GLD_ADAPTER', argument: 'student.features', message: /a js-pytorch tensor/ },
  { name: 'a tensor with a reading method', inputs: student({ features: { shape: [1], tolist() {} } }), type,
    code: 'ERR_GLD_ADAPTER', argument: 'student.features', message: /read it with its tolist\(\) into \{ data, shape \}/ },
  { name: 'a tensor whose numbers are its value', inputs: student({ bias: { shape: [1], value: new Float32Array(1) } }),
    type, code: 'ERR_GLD_ADAPTER', argument: 'student.bias', message: /data: x\.value, shape/ },
  { name: 'a tensor on a GPU', inputs: features({ location: 'gpu-buffer' }), type: range, code: 'ERR_GLD_DEVICE',
    argument: 'student.features', message: /await tensor\.getData\(\).* got one at location 'gpu-buffer'$/ },
  { name: 'a device pointer', inputs: student({ features: { device: 'cuda', ptr: 7n, shape: [4, 6, 8, 8] } }), type: range,
    code: 'ERR_GLD_DEVICE', argument: 'student.features', message: /no CUDA engine\), got a device pointer$/ },
  { name: "device 'cuda'", options: { device: 'cuda' }, type: range, code: 'ERR_GLD_DEVICE', argument: 'device',
    message: /^device: expected 'cpu' or 'auto', got 'cuda', which is not available: ./ },
];

const shapes: WrongCall[] = [
  { name: 'features of rank 3', inputs: features({ shape: [4, 6, 64] }), type: range, code: 'ERR_GLD_RANK',
    argument: 'student.features', message: 'student.features: expected shape [n, C, H, W], got rank 3: [4, 6, 64]' },
  { name: 'an NHWC map of rank 2', inputs: student({ layout: 'NHWC', features: tensor(4, 6) }), type: range,
    code: 'ERR_GLD_RANK', argument: 'student.features', message: /\[n, H, W, C\], got rank 2/ },
  { name: 'a weight of rank 1', inputs: student({ weight: tensor(60) }), type: range, code: 'ERR_GLD_RANK',
    argument: 'student.weight', message: /shape \[K, C\], got rank 1: \[60\]$/ },
  { name: 'logits of rank 2', inputs: { ...right(), student: { logits: tensor(4, 10) } }, type: range,
    code: 'ERR_GLD_RANK', argument: 'student.logits', message: /shape \[n, 1 \+ L, K\], got rank 2: \[4, 10\]$/ },
  { name: 'labels of rank 3', inputs: labels({ data: new Int32Array(4), shape: [4, 1, 1] }), type: range,
    code: 'ERR_GLD_RANK', argument: 'labels', message: /\[n\] or \[n, K\]/ },
  { name: 'a weight for other channels', inputs: student({ weight: tensor(10, 8) }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.weight',
    message: "student.weight: expected shape [10, 6] to match features' 6 channels, got [10, 8]" },
  { name: 'a KC weight called CK', inputs: student({ weightLayout: 'CK' }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.weight', message: "student.weight: expected shape [6, 6] to match features' 6 channels, got [10, 6]" },
  { name: 'an NCHW map called NHWC', inputs: student({ layout: 'NHWC' }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.weight', message: /to match features' 8 channels/ },
  { name: 'a bias for other classes', inputs: student({ bias: tensor(9) }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.bias', message: "student.bias: expected shape [10] to match weight's 10 classes, got [9]" },
  { name: 'another number of samples', inputs: inputs((of) => (of.teacher.features = tensor(3, 8, 4, 6))), type: range,
    code: 'ERR_GLD_SHAPE', argument: 'teacher.features',
    message: 'teacher.features: expected 4 samples, as the student has, got 3' },
  { name: 'no samples', inputs: student({ features: tensor(0, 6, 8, 8) }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.features', message: /positive integers, got \[0, 6, 8, 8\]$/ },
  { name: 'a negative size', inputs: features({ shape: [-4, 6, -8, 8] }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.features', message: /got \[-4, 6, -8, 8\]$/ },
  { name: 'a size that is no integer', inputs: features({ shape: [4, 6, 8.5, 8] }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.features', message: /got \[4, 6, 8.5, 8\]$/ },
  { name: 'a size that is no number', inputs: features({ shape: [4, '6', 8, 8] }), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'student.features', message: /positive integers/ },
  { name: 'other rows of logits', inputs: { teacher: { logits: tensor(4, 4, 10) }, student: { logits: tensor(4, 5, 10) } },
    type: range, code: 'ERR_GLD_SHAPE', argument: 'teacher.logits',
    message: 'teacher.logits: expected 5 rows per sample, as the student has, got 4' },
  { name: 'too few labels', inputs: labels([1, 2, 3]), type: range, code: 'ERR_GLD_SHAPE', argument: 'labels',
    message: 'labels: expected 4 labels, one per sample, got 3' },
  { name: 'too many labels', inputs: labels(new Int32Array(5)), type: range, code: 'ERR_GLD_SHAPE', argument: 'labels',
    message: /got 5$/ },
  { name: 'soft labels for other classes', inputs: labels(tensor(4, 9)), type: range, code: 'ERR_GLD_SHAPE',
    argument: 'labels', message: 'labels: expected shape [4, 10], one distribution over the classes per sample, got [4, 9]' },
  { name: 'other classes', inputs: inputs((of) => (of.teacher = { features: tensor(4, 8, 4, 6), weight: tensor(11, 8) })),
    type: range, code: 'ERR_GLD_CLASSES', argument: 'teacher.weight',
    message: 'teacher.weight: expected 10 classes, as the student has, got 11' },
  { name: 'other classes of logits', inputs: logits(right(), 5, 9), type: range, code: 'ERR_GLD_CLASSES',
    argument: 'teacher.weight', message: /expected 9 classes, as the student has, got 10$/ },
  { name: 'one class', inputs: student({ weight: tensor(1, 6), bias: undefined }), type: range, code: 'ERR_GLD_CLASSES',
    argument: 'student.weight', message: 'student.weight: expected at least 2 classes, got 1 in shape [1, 6]' },
  { name: 'a grid larger than the map', options: { grid: [5, 2] }, type: range, code: 'ERR_GLD_GRID', argument: 'grid',
    message: "grid: expected at most [4, 6], the size of teacher.features' map, got [5, 2]" },
  { name: 'no cells', options: { grid: 0 }, type: range, code: 'ERR_GLD_GRID', argument: 'grid', message: /got 0$/ },
  { name: 'half a cell', options: { grid: [2, 1.5] }, type: range, code: 'ERR_GLD_GRID', argument: 'grid',
    message: 'grid: expected integers of at least 1, got [2, 1.5]' },
  { name: 'a grid with three axes', options: { grid: [2, 2, 2] }, type, code: 'ERR_GLD_ARG_TYPE', argument: 'grid',
    message: /\[rows, columns\], got an array of length 3$/ },
  { name: 'logits of another grid', inputs: logits(right(), 10), type: range, code: 'ERR_GLD_GRID',
    argument: 'student.logits',
    message: 'student.logits: expected 5 rows per sample, the global one and those of a 2 x 2 grid, got 10 in shape [4, 10, 10]' },
];

const ranges: WrongCall[] = [
  { name: 'a label past the classes', inputs: labels([0, 1, 10, 2]), type: range, code: 'ERR_GLD_LABEL',
    argument: 'labels[2]', message: 'labels[2]: expected an integer in [0, 10), got 10' },
  { name: 'a negative label', inputs: labels(Int8Array.of(0, -1, 3, 2)), type: range, code: 'ERR_GLD_LABEL',
    argument: 'labels[1]', message: /got -1$/ },
  { name: 'half a label', inputs: labels([0.5, 1, 3, 2]), type: range, code: 'ERR_GLD_LABEL', argument: 'labels[0]',
    message: /an integer in \[0, 10\), got 0.5$/ },
  { name: 'NaN for a label', inputs: labels([0, 1, 3, NaN]), type: range, code: 'ERR_GLD_LABEL', argument: 'labels[3]',
    message: /got NaN$/ },
  { name: 'a word for a label', inputs: labels(['cat', 1, 3, 2]), type: range, code: 'ERR_GLD_LABEL',
    argument: 'labels[0]', message: /got 'cat'$/ },
  { name: 'a huge int64 label', inputs: labels(BigInt64Array.of(0n, 2n ** 62n, 1n, 1n)), type: range,
    code: 'ERR_GLD_LABEL', argument: 'labels[1]', message: /got 4611686018427387904n$/ },
  { name: 'a label tensor past the classes', inputs: labels({ data: new Int32Array(4).fill(99), shape: [4] }), type: range,
    code: 'ERR_GLD_LABEL', argument: 'labels[0]', message: /got 99$/ },
  { name: 'a misspelt option', options: { aplha: 0.5 }, type: range, code: 'ERR_GLD_OPTION', argument: 'aplha',
    message: /^aplha: expected one of alpha, beta, .* \(did you mean alpha\?\), got an unknown name$/ },
  { name: 'a misspelt option without a value', options: { thread: undefined }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'thread', message: /did you mean threads\?/ },
  { name: 'a misspelt option inside', options: { relation: { methd: 'auto' } }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'relation.methd', message: /one of method, metric, reduction \(did you mean method\?\)/ },
  { name: 'an option like no other', options: { colour: 'red' }, type: range, code: 'ERR_GLD_OPTION', argument: 'colour',
    message: /threads.*, got an unknown name$/ },
  { name: 'a misspelt input', inputs: { ...right(), label: [1] }, type: range, code: 'ERR_GLD_OPTION', argument: 'label',
    message: 'label: expected one of teacher, student, labels (did you mean labels?), got an unknown name' },
  { name: 'a misspelt tensor', inputs: student({ weigth: tensor(1) }), type: range, code: 'ERR_GLD_OPTION',
    argument: 'student.weigth', message: /did you mean weight\?/ },
  { name: 'a misspelt out buffer', options: { out: { feature: new Float32Array(1) } }, type: range,
    code: 'ERR_GLD_OPTION', argument: 'out.feature', message: /did you mean features\?/ },
  { name: 'a misspelt word', options: { relation: { method: 'moment' } }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'relation.method',
    message: "relation.method: expected 'auto', 'pairwise', 'moments' (did you mean moments?), got 'moment'" },
  { name: 'an unknown layout', inputs: student({ layout: 'nchw' }), type: range, code: 'ERR_GLD_OPTION',
    argument: 'student.layout', message: /'NCHW', 'NHWC' \(did you mean NCHW\?\), got 'nchw'$/ },
  { name: 'a negative weight', options: { beta: -1 }, type: range, code: 'ERR_GLD_OPTION', argument: 'beta',
    message: 'beta: expected a finite number of at least 0, got -1' },
  { name: 'an infinite weight', options: { localWeight: Infinity }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'localWeight', message: /got Infinity$/ },
  { name: 'alpha above 1 with labels', options: { alpha: 1.5 }, type: range, code: 'ERR_GLD_OPTION', argument: 'alpha',
    message: 'alpha: expected at most 1 with labels, whose term weighs 1 - alpha, got 1.5' },
  { name: 'no temperature', options: { normalization: { kind: 'temperature' } }, type, code: 'ERR_GLD_ARG_TYPE',
    argument: 'normalization.temperature', message: /greater than 0 .* got undefined$/ },
  { name: 'a temperature of 0', options: { normalization: { kind: 'temperature', temperature: 0 } }, type: range,
    code: 'ERR_GLD_OPTION', argument: 'normalization.temperature', message: /greater than 0 .* got 0$/ },
  { name: 'a temperature without its kind', options: { normalization: { temperature: 4 } }, type: range,
    code: 'ERR_GLD_OPTION', argument: 'normalization.temperature', message: /one of kind, unbiased, got an unknown name$/ },
  { name: 'moments of a metric without', options: { relation: { method: 'moments', metric: 'euclidean' } }, type: range,
    code: 'ERR_GLD_OPTION', argument: 'relation.method',
    message: "relation.method: expected 'auto' or 'pairwise' with metric 'euclidean', got 'moments'" },
  { name: 'no threads', options: { threads: 0 }, type: range, code: 'ERR_GLD_OPTION', argument: 'threads', message: /got 0$/ },
  { name: 'an unknown gradient', options: { gradients: ['feature'] }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'gradients', message: /\(did you mean features\?\), got 'feature'$/ },
  { name: 'a gradient of nothing', options: { gradients: ['logits'] }, type: range, code: 'ERR_GLD_OPTION',
    argument: 'gradients',
    message: "gradients: expected names of what the student has: features, weight, bias, got 'logits'" },
  { name: 'an out buffer for no gradient', options: { gradients: ['weight'], out: { bias: new Float32Array(10) } },
    type: range, code: 'ERR_GLD_OPTION', argument: 'out.bias',
    message: 'out.bias: expected no buffer, as the gradients computed are weight, got Float32Array(10)' },
  { name: 'an out buffer without gradients', options: { gradients: false, out: { bias: new Float32Array(10) } },
    type: range, code: 'ERR_GLD_OPTION', argument: 'out.bias', message: /computed are none/ },
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

const buffers: WrongCall[] = [
  { name: 'data too short', inputs: features({ data: new Float32Array(1535) }), type: range, code: 'ERR_GLD_SHORT',
    argument: 'student.features.data',
    message: 'student.features.data: expected at least 1536 elements for shape [4, 6, 8, 8], got 1535' },
  { name: 'data too short after an offset', inputs: features({ offset: 1 }), type: range, code: 'ERR_GLD_SHORT',
    argument: 'student.features.data', message: /at least 1537 elements .* from offset 1, got 1536$/ },
  { name: 'no data', inputs: features({ data: new Float32Array(0) }), type: range, code: 'ERR_GLD_SHORT',
    argument: 'student.features.data', message: /got 0$/ },
  { name: 'an out buffer too short', options: { out: { features: new Float32Array(1535) } }, type: range,
    code: 'ERR_GLD_SHORT', argument: 'out.features',
    message: 'out.features: expected 1536 elements for shape [4, 6, 8, 8], got 1535' },
  { name: 'an out buffer too long', options: { out: { weight: new Float32Array(61) } }, type: range, code: 'ERR_GLD_SHORT',
    argument: 'out.weight', message: /got 61$/ },
  { name: 'detached data', inputs: features({ data: detached(new Float32Array(1536)) }), type, code: 'ERR_GLD_DETACHED',
    argument: 'student.features.data',
    message: 'student.features.data: expected memory that is still there, got a detached buffer' },
  { name: 'detached labels', inputs: labels(detached(new Int32Array(4))), type, code: 'ERR_GLD_DETACHED',
    argument: 'labels', message: /got a detached buffer$/ },
  { name: 'a detached out buffer', options: { out: { bias: detached(new Float32Array(10)) } }, type,
    code: 'ERR_GLD_DETACHED', argument: 'out.bias', message: /got a detached buffer$/ },
  { name: 'strides past the end', inputs: features({ strides: [384, 64, 8, 2] }), type: range, code: 'ERR_GLD_STRIDE',
    argument: 'student.features', message: /within \[0, 1535\].* which reach \[0, 1542\]$/ },
  { name: 'strides before the start', inputs: features({ strides: [384, 64, 8, -1] }), type: range,
    code: 'ERR_GLD_STRIDE', argument: 'student.features', message: /which reach \[-7, 1528\]$/ },
  { name: 'strides of another rank', inputs: features({ strides: [64, 8, 1] }), type: range, code: 'ERR_GLD_STRIDE',
    argument: 'student.features.strides', message: /4 integers, one per axis, got \[64, 8, 1\]$/ },
  { name: 'half a stride', inputs: features({ strides: [384, 64, 8, 0.5] }), type: range, code: 'ERR_GLD_STRIDE',
    argument: 'student.features.strides', message: /got \[384, 64, 8, 0.5\]$/ },
  { name: 'strides beyond all bounds', inputs: features({ strides: [2 ** 53 - 1, 2 ** 53 - 1, 1, 1] }), type: range,
    code: 'ERR_GLD_STRIDE', argument: 'student.features', message: /within \[0, 1535\]/ },
  { name: 'a negative offset', inputs: features({ offset: -1 }), type: range, code: 'ERR_GLD_STRIDE',
    argument: 'student.features.offset', message: /an integer of at least 0, got -1$/ },
  { name: "an offset of numpy-ts's past the end", inputs: features({ storage: { offset: 1 }, strides: [384, 64, 8, 1] }),
    type: range, code: 'ERR_GLD_STRIDE', argument: 'student.features', message: /which reach \[1, 1536\]$/ },
  { name: 'an out buffer on an input', ...sharing(), type: range, code: 'ERR_GLD_OVERLAP', argument: 'out.bias',
    message: 'out.bias: expected memory of its own, got memory shared with student.bias' },
  { name: 'out buffers on each other', options: { out: { weight: memory.subarray(1, 61), bias: memory.subarray(60) } },
    type: range, code: 'ERR_GLD_OVERLAP', argument: 'out.weight', message: /got memory shared with out\.bias$/ },
  { name: 'sizes whose product overflows', inputs: features({ shape: [2 ** 31, 6, 2 ** 31, 8], strides: [0, 0, 0, 0] }),
    type: range, code: 'ERR_GLD_OVERFLOW', argument: 'student.features',
    message: 'student.features: expected fewer than 2^53 elements, got 2147483648 * 6 * 2147483648 * 8' },
  { name: 'rows whose number overflows', 
    inputs: { teacher: hugeLogits(2 ** 40, 2 ** 12), student: hugeLogits(2 ** 40, 2 ** 12) }, type: range, code: 'ERR_GLD_OVERFLOW', argument: 'student.logits', message: /1099511627776 \* 5 \* 4096$/ },
  { name: 'pooled rows whose number overflows', inputs: { teacher: hugeMap, student: hugeMap }, options: { grid: 1024 },
    type: range, code: 'ERR_GLD_OVERFLOW', argument: 'student', message: /1073741824 \* 1048577 \* 16$/ },
  { name: 'more memory than there is', 
    inputs: { teacher: hugeLogits(2 ** 40, 2), student: hugeLogits(2 ** 40, 2) }, type: range, code: 'ERR_GLD_MEMORY', argument: 'out.logits', message: /memory for 10995116277760 float32 elements/ },
];

/** Calls of the whole loss; without inputs they are the right ones. */
export const wrongCalls: WrongCall[] = [...kinds, ...dtypes, ...foreign, ...shapes, ...ranges, ...buffers];
