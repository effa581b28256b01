// Ways to break a call, for tools/fuzz.ts. Some of them may leave it right by chance.
import type { Case, Dice, Floats, Loose } from './fuzz-cases.js';

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

type Break = (dice: Dice, tensor: Loose) => void;

const tensorBreaks: { readonly [name: string]: Break } = {
  'a size': (dice, tensor) => {
    dropStrides(tensor);
    const shape = [...shapeOf(tensor)];
    shape[dice.integer(0, shape.length - 1)] = dice.pick(sizes);
    setShape(tensor, shape);
  },
  'the rank': (dice, tensor) => {
    dropStrides(tensor);
    const shape = [...shapeOf(tensor)];
    if (dice.chance(0.5)) shape.splice(dice.integer(0, shape.length - 1), 1);
    else shape.splice(dice.integer(0, shape.length), 0, dice.pick(sizes));
    setShape(tensor, shape);
  },
  'the shape': (dice, tensor) => setShape(tensor, dice.pick(junk)),
  'a stride': (dice, tensor) => {
    const strides = shapeOf(tensor).map(() => dice.integer(-20, 20) as unknown);
    if (dice.chance(0.5)) strides[dice.integer(0, strides.length - 1)] = dice.pick(strange);
    dropStrides(tensor);
    tensor.strides = strides;
  },
  'the strides': (dice, tensor) => void (tensor.strides = dice.pick(junk)),
  'the offset': (dice, tensor) => {
    tensor.offset = dice.pick([-1, 1, 3, 100, 1e6, 0.5, NaN, 2 ** 40, 2 ** 53, '0', null]);
  },
  'the storage': (dice, tensor) => {
    tensor.storage = dice.pick<unknown>([{ offset: -3 }, { offset: 1e5 }, 7, 'x']);
  },
  'the dtype': (dice, tensor) => void (tensor.dtype = dice.pick(dtypes)),
  'the data': (dice, tensor) => void (tensor.data = dice.pick(junk)),
  'its length': (dice, tensor) => void (tensor.data = tensor.data.subarray(0, dice.integer(0, tensor.data.length))),
  'its kind': (dice, tensor) => {
    const Kind = dice.pick([Float32Array, Float64Array, Uint16Array, Int32Array, Uint8ClampedArray, BigInt64Array]);
    tensor.data = new (Kind as Float32ArrayConstructor)(tensor.data.length);
  },
  'its buffer': (_, { data }) => void structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] }),
  'its location': (dice, tensor) => void (tensor.location = dice.pick(['gpu-buffer', 'none', 'cpu', 7])),
  'its numbers': (dice, { data }) => {
    if (data.length > 0) data[dice.integer(0, data.length - 1)] = dice.pick([NaN, Infinity, 1e30, 0x7c00]);
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

const callBreaks: { readonly [name: string]: (dice: Dice, call: Case) => void } = {
  'a property': (dice, call) => {
    const of = dice.pick(containers(call));
    of[dice.pick(Object.keys(of))] = dice.pick<unknown>([...junk, 'NHWC', 'CK', 'nhwc']);
  },
  'a name': (dice, call) => {
    const of = dice.pick([...containers(call), call.options]);
    of[dice.pick(['label', 'weights', 'features', 'logits', 'logitMap', 'mask', '', 'toString'])] = dice.pick(junk);
  },
  'a label': (dice, { inputs }) => {
    const list = Array.isArray(inputs.labels) ? inputs.labels : (inputs.labels = [0, 0, 0, 0]);
    list[dice.integer(0, list.length)] = dice.pick([-1, 1000, 0.5, NaN, '1', null, 2 ** 32, -0]);
  },
  'an option': (dice, { options }) => {
    const name = dice.pick([
      'alpha',
      'beta',
      'grid',
      'localWeight',
      'normalization',
      'relation',
      'gradients',
      'device',
      'threads',
      'out',
      'upstream',
      'method',
      'metric',
      'reduction',
      'signal',
      'labelSmoothing',
      'ignoreIndex',
    ]);
    const near = [
      'cuda',
      ['features'],
      ['logits', 'bias'],
      0.5,
      { kind: 'none' },
      { reduction: { rows: dice.pick(sizes) } },
    ];
    const grids = [[1, 1], [9, 9], [1, 2, 3, 1], { pyramid: [1, [2, 2]] }, { pyramid: [[1]] }];
    options[name] = dice.pick<unknown>([...junk, ...near, ...grids]);
  },
  'the weights': (dice, { inputs }) => {
    const list = [1, 1, 1, 1].map(() => dice.pick<unknown>([0, 1, -1, NaN, Infinity, '1', 1e300]));
    const name = dice.pick(['sampleWeights', 'classWeights', 'weights']);
    inputs[name] = dice.pick<unknown>([list, Float64Array.from(list as number[]), ...junk]);
  },
  'the mask': (dice, call) => {
    const { mask } = dice.pick(containers(call));
    if (mask) mask.data = dice.pick<unknown>([[true, 1], new Uint8Array(1), new Int32Array(64), ...junk]);
  },
  'the gradients': (dice, { options }) => {
    const lists = [[], ['features'], ['logitMap'], ['logits'], ['weight', 'weight'], ['bias', 'weight']];
    options.gradients = dice.pick<unknown>([false, ...lists]);
  },
  'an out buffer': (dice, { options, lent }) => {
    const out = (options.out ??= {}) as Loose;
    const name = dice.pick(['features', 'weight', 'bias', 'logits', 'logitMap']);
    const own = out[name] as Floats | undefined;
    const other = lent.length > 0 ? dice.pick(lent).view : new Float32Array(4);
    const whole = new Float32Array(own?.buffer ?? new ArrayBuffer(16));
    out[name] = dice.pick<unknown>([...junk, other, own?.subarray(1), whole, new Float64Array(own?.length ?? 1)]);
  },
  'an out buffer onto an input': (dice, call) => {
    const { data } = dice.pick(tensors(call));
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
export function breakCase(dice: Dice, call: Case): void {
  if (dice.chance(0.6)) {
    const name = dice.pick(Object.keys(tensorBreaks));
    tensorBreaks[name](dice, dice.pick(tensors(call)));
    call.broken = `${name} of a tensor`;
  } else {
    const name = dice.pick(Object.keys(callBreaks));
    callBreaks[name](dice, call);
    call.broken = name;
  }
}
