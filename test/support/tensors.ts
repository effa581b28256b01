/** A reference's dense tensor as what a caller may have: any element type, anywhere in a buffer, in any order. */
import type { DType, Inputs, Labels, MaskLike, SampleWeights, Side, TensorLike } from 'gld-loss';
import type * as reference from '../reference/types.js';
import type { Random } from './random.js';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.js';

type Data = Float32Array | Float64Array | Uint16Array;

interface Encoding {
  array: new (length: number) => Data;
  encode(value: number): number;
  decode(element: number): number;
}

const itself = (value: number): number => value;
const encodings: { [dtype in DType]: Encoding } = {
  float32: { array: Float32Array, encode: itself, decode: itself },
  float64: { array: Float64Array, encode: itself, decode: itself },
  float16: { array: Uint16Array, encode: toFloat16, decode: fromFloat16 },
  bfloat16: { array: Uint16Array, encode: toBfloat16, decode: fromBfloat16 },
};

export const dtypes = Object.keys(encodings) as DType[];

/**
 * Where the elements are: from the start of a buffer; after an offset, at an address that is a multiple of nothing but
 * the element size; with the axes in reverse order and gaps between neighbours; back to front.
 */
export const placements = ['dense', 'offset', 'strided', 'backwards'] as const;
type Named = (typeof placements)[number];
/** One of those, or a function of the shape. */
export type Placement = Named | ((shape: readonly number[]) => Placed);

export interface Placed {
  strides: number[];
  offset: number;
  /** Elements of the buffer. */
  length: number;
}

function place(shape: readonly number[], placement: Placement): Placed {
  if (typeof placement === 'function') return placement(shape);
  const strides: number[] = [];
  let span = placement === 'strided' ? 3 : 1;
  for (const axis of placement === 'strided' ? shape.keys() : [...shape.keys()].reverse()) {
    strides[axis] = span;
    span *= shape[axis];
  }
  if (placement === 'dense') return { strides, offset: 0, length: span };
  if (placement === 'backwards') return { strides: strides.map((stride) => -stride), offset: span - 1, length: span };
  return { strides, offset: 5, length: span + 7 };
}

/** Any place: the axes in any order, with gaps between neighbours, backwards, or an element for a whole axis. */
export function anywhere(random: Random): (shape: readonly number[]) => Placed {
  return (shape) => {
    const order = shape.map((_, axis) => ({ axis, at: random.uniform() })).sort((a, b) => a.at - b.at);
    const strides: number[] = [];
    let length = 1;
    for (const { axis } of order) {
      strides[axis] = random.chance(0.05) ? 0 : length;
      if (strides[axis] !== 0) length *= shape[axis] + Number(random.chance(0.3));
    }
    let offset = random.chance(0.3) ? random.between(1, 9) : 0;
    length += offset;
    for (const [axis, extent] of shape.entries()) {
      if (!random.chance(0.2)) continue;
      offset += (extent - 1) * strides[axis];
      strides[axis] = 0 - strides[axis];
    }
    return { strides, offset, length };
  };
}

/** Calls `visit` with each element's row-major number and its place in the buffer. */
function eachElement(
  shape: readonly number[],
  { strides, offset }: Placed,
  visit: (at: number, place: number) => void,
): void {
  const size = shape.reduce((product, extent) => product * extent, 1);
  for (let at = 0; at < size; at++) {
    let where = offset;
    let rest = at;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      where += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    visit(at, where);
  }
}

export interface Encoded {
  tensor: TensorLike;
  /** The values that are in the tensor after rounding to its element type. */
  exact: reference.Dense;
}

/** What lies between the elements is NaN, so that reading it shows. */
export function encode({ data, shape }: reference.Dense, dtype: DType, placement: Placement = 'dense'): Encoded {
  const { array, encode: toElement, decode } = encodings[dtype];
  const placed = place(shape, placement);
  // One element further than where an allocation starts.
  const shift = placement === 'offset' ? 1 : 0;
  const buffer = new array(placed.length + shift).fill(toElement(NaN)).subarray(shift);
  const exact = new Float64Array(data.length);
  eachElement(shape, placed, (at, where) => {
    buffer[where] = toElement(data[at]);
  });
  // Afterwards, because elements may share a place.
  eachElement(shape, placed, (at, where) => {
    exact[at] = decode(buffer[where]);
  });
  const { strides, offset } = placed;
  const tensor = { data: buffer, shape: [...shape], dtype, ...(placement !== 'dense' && { strides, offset }) };
  return { tensor, exact: { data: exact, shape } };
}

export interface EncodedInputs {
  /** For the library. */
  given: Inputs;
  /** For the reference. */
  exact: reference.Inputs;
}

type Encoder = (tensor: reference.Dense) => Encoded;

/**
 * A mask in the same places as the tensors. What lies between its bytes counts, so that reading it shows.
 */
export function encodeMask({ data, shape }: reference.MaskTensor, placement: Placement = 'dense'): MaskLike {
  const { strides, offset, length } = place(shape, placement);
  const shift = placement === 'offset' ? 1 : 0;
  const buffer = new Uint8Array(length + shift).fill(1).subarray(shift);
  eachElement(shape, { strides, offset, length }, (at, where) => (buffer[where] = Number(data[at])));
  return { data: buffer, shape: [...shape], ...(placement !== 'dense' && { strides, offset }) };
}

function encodeSide(
  side: reference.Side,
  encoder: Encoder,
  encodeMask: (mask: reference.MaskTensor) => MaskLike,
): { given: Side; exact: reference.Side } {
  if ('logits' in side) {
    const { tensor, exact } = encoder(side.logits);
    return { given: { logits: tensor }, exact: { logits: exact } };
  }
  const mask = side.mask && encodeMask(side.mask);
  if ('logitMap' in side) {
    const { tensor, exact } = encoder(side.logitMap);
    return { given: { ...side, logitMap: tensor, mask }, exact: { ...side, logitMap: exact } };
  }
  const features = encoder(side.features);
  const weight = encoder(side.weight);
  const bias = side.bias && encoder(side.bias);
  return {
    given: { ...side, features: features.tensor, weight: weight.tensor, bias: bias?.tensor, mask },
    exact: { ...side, features: features.exact, weight: weight.exact, ...(bias && { bias: bias.exact }) },
  };
}

export interface Encoders {
  teacher: Encoder;
  student: Encoder;
  mask(mask: reference.MaskTensor): MaskLike;
}

/** Both sides, each tensor by an encoder. */
export function encodeBy({ teacher, student }: reference.Inputs, by: Encoders): EncodedInputs {
  const [t, s] = [encodeSide(teacher, by.teacher, by.mask), encodeSide(student, by.student, by.mask)];
  return { given: { teacher: t.given, student: s.given }, exact: { teacher: t.exact, student: s.exact } };
}

/** Encodes all tensors of a problem; teacher and student may be of different kinds. */
export function encodeInputs(
  inputs: reference.Inputs,
  dtype: DType | { teacher: DType; student: DType },
  placement: Placement = 'dense',
): EncodedInputs {
  const types = typeof dtype === 'string' ? { teacher: dtype, student: dtype } : dtype;
  const sides = encodeBy(inputs, {
    teacher: (tensor) => encode(tensor, types.teacher, placement),
    student: (tensor) => encode(tensor, types.student, placement),
    mask: (mask) => encodeMask(mask, placement),
  });
  const { labels, sampleWeights, classWeights } = inputs;
  const weights = sampleWeights && encodeWeights(sampleWeights, types.student, placement);
  const ofClasses = classWeights && encodeWeights(classWeights, types.student, placement);
  const soft = labels !== undefined && 'data' in labels ? encode(labels, types.student, placement) : undefined;
  const hard = labels !== undefined && !('data' in labels) ? labels : undefined;
  const given = soft?.tensor ?? (hard as Labels | undefined);
  const exact = soft?.exact ?? hard;
  return {
    given: {
      ...sides.given,
      ...(given && { labels: given }),
      ...(weights && { sampleWeights: weights }),
      ...(ofClasses && { classWeights: ofClasses }),
    },
    exact: {
      ...sides.exact,
      ...(exact && { labels: exact }),
      ...(sampleWeights && { sampleWeights }),
      ...(classWeights && { classWeights }),
    },
  };
}

/** Weights, which are numbers that every type holds, in one of the forms that they may have. */
function encodeWeights(weights: ArrayLike<number>, dtype: DType, placement: Placement): SampleWeights {
  const computed = dtype === 'float64' ? 'float64' : 'float32';
  if (placement !== 'dense') return encode({ data: weights, shape: [weights.length] }, computed, placement).tensor;
  if (dtype === 'bfloat16') return Array.from(weights);
  return computed === 'float64' ? Float64Array.from(weights) : Float32Array.from(weights);
}
