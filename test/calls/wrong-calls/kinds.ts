/** Things of the wrong kind: no tensors, no options, other element types, other frameworks' tensors. */
import { deviceInfo } from 'gld-loss';
import { features, labels, right, student, tensor } from './inputs.js';
import type { Row } from './index.js';

class TfjsTensor {
  shape = [4, 6, 8, 8];
  dtype = 'float32';
  data(): Promise<Float32Array> {
    return Promise.resolve(new Float32Array(1));
  }
  dataSync(): Float32Array {
    return new Float32Array(1);
  }
  readonly isDisposed = false;
}

export const kinds: Row[] = [
  [
    'no inputs',
    { inputs: undefined },
    'ARG_TYPE',
    'inputs',
    'inputs: expected { teacher, student, labels?, sampleWeights?, classWeights? }, got undefined',
  ],
  ['inputs of another type', { inputs: 7 }, 'ARG_TYPE', 'inputs', /got 7$/],
  [
    'no student',
    { inputs: { teacher: right().teacher } },
    'ARG_TYPE',
    'student',
    'student: expected { features, weight }, { logitMap } or { logits }, got undefined',
  ],
  [
    'a tensor for a side',
    { inputs: { ...right(), teacher: tensor(4, 5, 10) } },
    'ARG_TYPE',
    'teacher',
    /got a tensor$/,
  ],
  ['an empty side', { inputs: { ...right(), teacher: {} } }, 'ARG_TYPE', 'teacher', /got neither$/],
  [
    'features and logits',
    { inputs: student({ logits: tensor(4, 5, 10) }) },
    'ARG_TYPE',
    'student',
    'student: expected one of { features, weight }, { logitMap } or { logits }, got logits and features',
  ],
  [
    'no weight',
    { inputs: student({ weight: undefined }) },
    'ARG_TYPE',
    'student.weight',
    'student.weight: expected a tensor { data, shape }, got undefined',
  ],
  [
    'a bare array for a tensor',
    { inputs: student({ weight: new Float32Array(60) }) },
    'ARG_TYPE',
    'student.weight',
    /got a bare Float32Array, which has no shape$/,
  ],
  [
    'no shape',
    { inputs: features({ shape: undefined }) },
    'ARG_TYPE',
    'student.features.shape',
    /an array of sizes \[n, C, W\], \[n, C, H, W\] or \[n, C, D, H, W\], got undefined$/,
  ],
  [
    'a plain array for data',
    { inputs: features({ data: [1, 2] }) },
    'ARG_TYPE',
    'student.features.data',
    /a typed array, got an array of length 2$/,
  ],
  [
    'a promise for data',
    { inputs: features({ data: Promise.resolve() }) },
    'ARG_TYPE',
    'student.features.data',
    /got a promise that was not awaited$/,
  ],
  [
    'a DataView for data',
    { inputs: features({ data: new DataView(new ArrayBuffer(8)) }) },
    'ARG_TYPE',
    'student.features.data',
    /got an object$/,
  ],
  [
    'strides of another type',
    { inputs: features({ strides: 'dense' }) },
    'ARG_TYPE',
    'student.features.strides',
    /got 'dense'$/,
  ],
  ['options of another type', { options: 3 }, 'ARG_TYPE', 'options', 'options: expected an object, got 3'],
  ['a list for options', { options: [] }, 'ARG_TYPE', 'options', /length 0$/],
  [
    'a string for a number',
    { options: { alpha: '0.7' } },
    'ARG_TYPE',
    'alpha',
    "alpha: expected a finite number of at least 0, got '0.7'",
  ],
  ['null for a number', { options: { beta: null } }, 'ARG_TYPE', 'beta', /got null$/],
  [
    'a number for a flag',
    { options: { normalization: { unbiased: 1 } } },
    'ARG_TYPE',
    'normalization.unbiased',
    /true or false, got 1$/,
  ],
  [
    'a word for a flag',
    { options: { normalization: { compensated: 'true' } } },
    'ARG_TYPE',
    'normalization.compensated',
    /true or false, got 'true'$/,
  ],
  [
    'a word for an object',
    { options: { relation: 'moments' } },
    'ARG_TYPE',
    'relation',
    "relation: expected an object, got 'moments'",
  ],
  [
    'an array for an out buffer',
    { options: { out: { bias: [0, 0] } } },
    'ARG_TYPE',
    'out.bias',
    'out.bias: expected a Float32Array, got an array of length 2',
  ],
  ['a word for gradients', { options: { gradients: 'features' } }, 'ARG_TYPE', 'gradients', /got 'features'$/],
];

export const dtypes: Row[] = [
  [
    'integers for floats',
    { inputs: features({ data: new Int32Array(1536) }) },
    'DTYPE',
    'student.features',
    /^student\.features: expected float32, float64, float16 or bfloat16 .* got int32$/,
  ],
  ['bytes for floats', { inputs: features({ data: Buffer.alloc(1536) }) }, 'DTYPE', 'student.features', /got uint8$/],
  [
    'clamped bytes',
    { inputs: features({ data: new Uint8ClampedArray(1536) }) },
    'DTYPE',
    'student.features',
    /got uint8$/,
  ],
  [
    '16 bits without a dtype',
    { inputs: features({ data: new Uint16Array(1536) }) },
    'DTYPE',
    'student.features',
    /got a Uint16Array without a dtype$/,
  ],
  [
    'a dtype that the array is not',
    { inputs: features({ dtype: 'float64' }) },
    'DTYPE',
    'student.features.dtype',
    "student.features.dtype: expected float32, the element type of its Float32Array, got 'float64'",
  ],
  [
    'an unknown dtype',
    { inputs: features({ data: new Uint16Array(1536), dtype: 'half' }) },
    'DTYPE',
    'student.features.dtype',
    /got 'half'$/,
  ],
  [
    "onnxruntime's name for it",
    { inputs: features({ type: 'int64' }) },
    'DTYPE',
    'student.features.dtype',
    /got 'int64'$/,
  ],
  [
    'an out buffer of another type',
    { options: { out: { bias: new Float64Array(10) } } },
    'DTYPE',
    'out.bias',
    "out.bias: expected a Float32Array, the result's type, got Float64Array(10)",
  ],
  [
    'floats for labels',
    { inputs: labels(new Float32Array(4)) },
    'DTYPE',
    'labels',
    /an integer array of class indices, or soft labels .* got a bare Float32Array$/,
  ],
  [
    'halves in a float tensor of labels',
    { inputs: labels({ data: Float32Array.of(1, 2.5, 0, 0), shape: [4, 1] }) },
    'LABEL',
    'labels[1]',
    'labels[1]: expected an integer in [0, 10), got 2.5',
  ],
  [
    'integers for soft labels',
    { inputs: labels({ data: new Int32Array(40), shape: [4, 10] }) },
    'DTYPE',
    'labels',
    /got int32$/,
  ],
];

export const foreign: Row[] = [
  [
    'a TensorFlow.js tensor',
    { inputs: student({ features: new TfjsTensor() }) },
    'ADAPTER',
    'student.features',
    /^student\.features: expected typed arrays: use the adapter 'gld-loss\/tfjs', got a TensorFlow\.js tensor/,
  ],
  [
    'a TensorFlow.js layer variable',
    { inputs: student({ weight: { shape: [10, 6], val: {}, read: () => 0 } }) },
    'ADAPTER',
    'student.weight',
    /use the adapter 'gld-loss\/tfjs'/,
  ],
  [
    'a jax-js array',
    { inputs: student({ features: { shape: [1], refCount: 1, data() {}, dataSync() {} } }) },
    'ADAPTER',
    'student.features',
    /use the adapter 'gld-loss\/jax'.*a jax-js array/,
  ],
  [
    'a js-pytorch tensor',
    { inputs: student({ features: { shape: [1], data: [[1]], backward() {} } }) },
    'ADAPTER',
    'student.features',
    /a js-pytorch tensor/,
  ],
  [
    'a tensor with a reading method',
    { inputs: student({ features: { shape: [1], tolist() {} } }) },
    'ADAPTER',
    'student.features',
    /read it with its tolist\(\) into \{ data, shape \}/,
  ],
  [
    'a tensor whose numbers are its value',
    { inputs: student({ bias: { shape: [1], value: new Float32Array(1) } }) },
    'ADAPTER',
    'student.bias',
    /data: x\.value, shape/,
  ],
  [
    'a tensor on a GPU',
    { inputs: features({ location: 'gpu-buffer' }) },
    'DEVICE',
    'student.features',
    /await tensor\.getData\(\).* got one at location 'gpu-buffer'$/,
  ],
  // Elsewhere these are right, or wrong for other reasons: test/device/gpu has them.
  ...(deviceInfo().cuda.available ? [] : withoutCuda()),
];

function withoutCuda(): Row[] {
  return [
    [
      'a device pointer',
      { inputs: student({ features: { device: 'cuda', ptr: 7n, shape: [4, 6, 8, 8] } }) },
      'DEVICE',
      'student.features',
      /^student.features: expected a tensor in CPU memory, got one on cuda:0, which is not available: ./,
    ],
    [
      "device 'cuda'",
      { options: { device: 'cuda' } },
      'DEVICE',
      'device',
      /^device: expected 'cpu' or 'auto', got 'cuda', which is not available: ./,
    ],
  ];
}
