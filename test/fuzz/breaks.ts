/** Ways to break a call, for tools/fuzz.ts. Some of them may leave it right by chance. */
import { plainOptions } from '../support/options.js';
import type { Random } from '../support/random.js';
import type { Case, Floats, Loose } from './cases.js';

/** Values that belong nowhere. */
const junk: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  0,
  1.5,
  Infinity,
  2 ** 31,
  2 ** 53,
  10n,
  '',
  'float32',
  'constructor',
  '__proto__',
  true,
  [],
  [[]],
  [1, 2, 3],
  {},
  { data: 1 },
  () => 1,
  Symbol('junk'),
  new Float32Array(3),
  new Int8Array(0),
  new Date(0),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  Promise.resolve(1),
  new Map(),
  Object.create(null),
  new Proxy({}, {}),
];

const sizes: readonly unknown[] = [
  0,
  -1,
  1,
  2,
  3,
  7,
  1.5,
  NaN,
  Infinity,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 31),
  '4',
  4n,
  null,
];

const dtypes: readonly unknown[] = ['float32', 'float64', 'float16', 'bfloat16', 'int32', 3, 'x'];

const strange = [1.5, NaN, 2 ** 53, 2 ** 62, -(2 ** 52), '1'];

function shapeOf(tensor: Loose): unknown[] {
  return (tensor.shape ?? tensor.dims) as unknown[];
}

function setShape(tensor: Loose, shape: unknown): void {
  tensor[tensor.shape === undefined ? 'dims' : 'shape'] = shape;
}

/** Strides of zero would make a huge shape a right one, and its gradient one that really needs the memory. */
function dropStrides(tensor: Loose): void {
  delete tensor.strides;
  delete tensor.stride;
}

type Break = (random: Random, tensor: Loose) => void;

const tensorBreaks: { readonly [name: string]: Break } = {
  'a size': (random, tensor) => {
    dropStrides(tensor);
    const shape = [...shapeOf(tensor)];
    shape[random.between(0, shape.length - 1)] = random.pick(sizes);
    setShape(tensor, shape);
  },
  'the rank': (random, tensor) => {
    dropStrides(tensor);
    const shape = [...shapeOf(tensor)];
    if (random.chance(0.5)) shape.splice(random.between(0, shape.length - 1), 1);
    else shape.splice(random.between(0, shape.length), 0, random.pick(sizes));
    setShape(tensor, shape);
  },
  'the shape': (random, tensor) => setShape(tensor, random.pick(junk)),
  'a stride': (random, tensor) => {
    const strides = shapeOf(tensor).map(() => random.between(-20, 20) as unknown);
    if (random.chance(0.5)) strides[random.between(0, strides.length - 1)] = random.pick(strange);
    dropStrides(tensor);
    tensor.strides = strides;
  },
  'the strides': (random, tensor) => void (tensor.strides = random.pick(junk)),
  'the offset': (random, tensor) => {
    tensor.offset = random.pick([-1, 1, 3, 100, 1e6, 0.5, NaN, 2 ** 40, 2 ** 53, '0', null]);
  },
  'the storage': (random, tensor) => {
    tensor.storage = random.pick<unknown>([{ offset: -3 }, { offset: 1e5 }, 7, 'x']);
  },
  'the dtype': (random, tensor) => void (tensor.dtype = random.pick(dtypes)),
  'the data': (random, tensor) => void (tensor.data = random.pick(junk)),
  'its length': (random, tensor) => void (tensor.data = tensor.data.subarray(0, random.between(0, tensor.data.length))),
  'its kind': (random, tensor) => {
    const Kind = random.pick([Float32Array, Float64Array, Uint16Array, Int32Array, Uint8ClampedArray, BigInt64Array]);
    tensor.data = new (Kind as Float32ArrayConstructor)(tensor.data.length);
  },
  'its buffer': (_, { data }) => void structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] }),
  'its location': (random, tensor) => void (tensor.location = random.pick(['gpu-buffer', 'none', 'cpu', 7])),
  'its numbers': (random, { data }) => {
    if (data.length > 0) data[random.between(0, data.length - 1)] = random.pick([NaN, Infinity, 1e30, 0x7c00]);
  },
};

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
}

/** The inputs and the sides in them. */
function containers({ inputs }: Case): Loose[] {
  return [inputs, ...Object.values(inputs).filter((value) => isObject(value) && !('data' in value))];
}

function tensors(call: Case): Loose[] {
  const all = containers(call)
    .flatMap((of) => Object.values(of))
    .concat(call.options.upstream);
  return all.filter((value) => isObject(value) && ArrayBuffer.isView(value.data));
}

const callBreaks: { readonly [name: string]: (random: Random, call: Case) => void } = {
  'a property': (random, call) => {
    const of = random.pick(containers(call));
    of[random.pick(Object.keys(of))] = random.pick<unknown>([...junk, 'NHWC', 'CK', 'nhwc']);
  },
  'a name': (random, call) => {
    const of = random.pick([...containers(call), call.options]);
    of[random.pick(['label', 'weights', 'features', 'logits', 'logitMap', 'mask', '', 'toString'])] = random.pick(junk);
  },
  'a label': (random, { inputs }) => {
    const list = Array.isArray(inputs.labels) ? inputs.labels : (inputs.labels = [0, 0, 0, 0]);
    list[random.between(0, list.length)] = random.pick([-1, 1000, 0.5, NaN, '1', null, 2 ** 32, -0]);
  },
  'an option': (random, { options }) => {
    const name = random.pick([
      ...Object.keys(plainOptions),
      'alpha',
      'beta',
      'grid',
      'localWeight',
      'relation',
      'gradients',
      'device',
      'out',
      'upstream',
      'method',
      'metric',
      'reduction',
      'signal',
      'ignoreIndex',
    ]);
    const near = [
      'cuda',
      ['features'],
      ['logits', 'bias'],
      0.5,
      { kind: 'none' },
      { reduction: { rows: random.pick(sizes) } },
    ];
    const grids = [[1, 1], [9, 9], [1, 2, 3, 1], { pyramid: [1, [2, 2]] }, { pyramid: [[1]] }];
    options[name] = random.pick<unknown>([...junk, ...near, ...grids]);
  },
  'the weights': (random, { inputs }) => {
    const list = [1, 1, 1, 1].map(() => random.pick<unknown>([0, 1, -1, NaN, Infinity, '1', 1e300]));
    const name = random.pick(['sampleWeights', 'classWeights', 'weights']);
    inputs[name] = random.pick<unknown>([list, Float64Array.from(list as number[]), ...junk]);
  },
  'the mask': (random, call) => {
    const { mask } = random.pick(containers(call));
    if (mask) mask.data = random.pick<unknown>([[true, 1], new Uint8Array(1), new Int32Array(64), ...junk]);
  },
  'the gradients': (random, { options }) => {
    const lists = [[], ['features'], ['logitMap'], ['logits'], ['weight', 'weight'], ['bias', 'weight']];
    options.gradients = random.pick<unknown>([false, ...lists]);
  },
  'an out buffer': (random, { options, lent }) => {
    const out = (options.out ??= {}) as Loose;
    const name = random.pick(['features', 'weight', 'bias', 'logits', 'logitMap']);
    const own = out[name] as Floats | undefined;
    const other = lent.length > 0 ? random.pick(lent).view : new Float32Array(4);
    const whole = new Float32Array(own?.buffer ?? new ArrayBuffer(16));
    out[name] = random.pick<unknown>([...junk, other, own?.subarray(1), whole, new Float64Array(own?.length ?? 1)]);
  },
  'an out buffer onto an input': (random, call) => {
    const { data } = random.pick(tensors(call));
    const [name, own] = Object.entries((call.options.out ?? {}) as Loose)[0] ?? [];
    if (name !== undefined) call.options.out[name] = onto(own, data);
  },
};

/** A buffer of the same kind and length, as far as the other's memory goes. */
function onto(own: Floats, { buffer }: { buffer: ArrayBuffer }): Floats {
  const Kind = own instanceof Float64Array ? Float64Array : Float32Array;
  const room = Math.floor(buffer.byteLength / Kind.BYTES_PER_ELEMENT);
  return new Kind(buffer, 0, Math.min(room, own.length));
}

/** Breaks one thing, mostly in a tensor, and says which. */
export function breakCase(random: Random, call: Case): void {
  if (random.chance(0.6)) {
    const name = random.pick(Object.keys(tensorBreaks));
    tensorBreaks[name](random, random.pick(tensors(call)));
    call.broken = `${name} of a tensor`;
  } else {
    const name = random.pick(Object.keys(callBreaks));
    callBreaks[name](random, call);
    call.broken = name;
  }
}
