import type { Role, RoleView } from './call.js';
import { arrayKind, describe } from './describe.js';
import { fail } from './errors.js';
import { gradientNames } from './options.js';
import { layouts, weightLayouts, type ReadSide } from './sides.js';
import { countElements, denseStrides, isDetached, type FloatView, type View } from './tensor.js';
import type { DenseTensor, GradientName, OutBuffers } from './types.js';

type OutArray = Float32Array | Float64Array;

/** A dense result of a call. */
export interface Output {
  /** What the call writes. */
  readonly view: RoleView;
  /** What the caller gets: on the array that the call writes, or on one to copy it into when the call is done. */
  readonly tensor: DenseTensor;
}

/** The element type of results that belong to such tensors: float64 if one of them is, else float32. */
export function resultType(...views: readonly (FloatView | undefined)[]): 'float32' | 'float64' {
  return views.some((view) => view?.dtype === 'float64') ? 'float64' : 'float32';
}

/** A new dense output of that shape, whose axis order[i] is the role's axis i (the same order by default). */
export function output(role: Role, dtype: 'float32' | 'float64', shape: number[], order?: readonly number[]): Output {
  const data = allocate(role, dtype, countElements(role, shape));
  return { view: [role, dense(data, dtype, shape, order)], tensor: { data, shape, dtype } };
}

/**
 * The gradients to compute: those `wanted` (all, none, or a list) of the student's, each in the buffer lent for it or
 * in a new one. `deferred` makes new ones throughout, to be copied into the lent ones by `deliver`.
 */
export function gradientOutputs(
  student: ReadSide,
  wanted: boolean | readonly GradientName[],
  lent: OutBuffers | undefined,
  inputs: readonly RoleView[],
  deferred: boolean,
): Output[] {
  const specs = gradientSpecs(student);
  const names = Object.keys(specs) as GradientName[];
  if (typeof wanted !== 'boolean') {
    const absent = wanted.find((name) => specs[name] === undefined);
    if (absent !== undefined) {
      fail('ERR_GLD_OPTION', 'gradients', `names of what the student has: ${names.join(', ')}`, describe(absent));
    }
  }
  const chosen = names.filter((name) => (typeof wanted === 'boolean' ? wanted : wanted.includes(name)));
  if (lent !== undefined) {
    const stray = gradientNames.find((name) => lent[name] !== undefined && !chosen.includes(name));
    if (stray !== undefined) {
      const expected = `no buffer, as the gradients computed are ${chosen.join(', ') || 'none'}`;
      fail('ERR_GLD_OPTION', `out.${stray}`, expected, describe(lent[stray]));
    }
  }
  const outputs = chosen.map((name) => {
    const { view, shape, order } = specs[name]!;
    const dtype = resultType(view);
    const buffer = lent?.[name];
    if (buffer === undefined) return output(`out.${name}`, dtype, shape, order);
    const data = expectBuffer(`out.${name}`, buffer, dtype, shape);
    const tensor = { data, shape, dtype };
    if (deferred) return { ...output(`out.${name}`, dtype, shape, order), tensor };
    return { view: [`out.${name}`, dense(data, dtype, shape, order)] as const, tensor };
  });
  if (lent !== undefined) refuseOverlap(outputs, inputs);
  return outputs;
}

/** Copies deferred outputs into the buffers lent for them, which must still be there. */
export function deliver(outputs: readonly Output[]): void {
  for (const { view: [role, { data }], tensor } of outputs) {
    if (tensor.data === data) continue;
    if (tensor.data.length !== data.length) {
      fail('ERR_GLD_DETACHED', role, `a buffer that keeps its ${data.length} elements until the result is there`,
        `one of ${tensor.data.length} elements by then`);
    }
    tensor.data.set(data as OutArray);
  }
}

/** The outputs' tensors under the last part of their roles: `out.weight` is weight. */
export function named(outputs: readonly Output[]): Record<string, DenseTensor> {
  return Object.fromEntries(outputs.map(({ view: [role], tensor }) => [role.slice('out.'.length), tensor]));
}

interface Spec {
  readonly view: FloatView;
  /** The gradient's shape, in the caller's layout. */
  readonly shape: number[];
  readonly order?: readonly number[];
}

function gradientSpecs(student: ReadSide): { [name in GradientName]?: Spec } {
  if (student.kind === 'logits') return { logits: { view: student.logits, shape: student.logits.shape.slice() } };
  const { features, weight, bias, classes, layout, weightLayout } = student;
  const [n, channels, height, width] = features.shape as [number, number, number, number];
  return {
    features: {
      view: features,
      shape: { NCHW: [n, channels, height, width], NHWC: [n, height, width, channels] }[layout],
      order: layouts[layout],
    },
    weight: {
      view: weight,
      shape: { KC: [classes, channels], CK: [channels, classes] }[weightLayout],
      order: weightLayouts[weightLayout],
    },
    ...(bias && { bias: { view: bias, shape: [classes] } }),
  };
}

function dense(data: OutArray, dtype: 'float32' | 'float64', shape: number[], order?: readonly number[]): View {
  const own = denseStrides(shape);
  const strides = order === undefined ? own : order.map((axis) => own[axis]!);
  return { data, dtype, shape, strides, offset: 0, first: 0, end: data.length };
}

function allocate(role: Role, dtype: 'float32' | 'float64', length: number): OutArray {
  try {
    return dtype === 'float64' ? new Float64Array(length) : new Float32Array(length);
  } catch {
    return fail('ERR_GLD_MEMORY', role, `memory for ${length} ${dtype} elements`, 'none');
  }
}

function expectBuffer(argument: string, buffer: unknown, dtype: 'float32' | 'float64', shape: number[]): OutArray {
  const expected = dtype === 'float64' ? 'Float64Array' : 'Float32Array';
  const kind = arrayKind(buffer);
  if (kind === undefined) fail('ERR_GLD_ARG_TYPE', argument, `a ${expected}`, describe(buffer));
  if (kind !== expected) fail('ERR_GLD_DTYPE', argument, `a ${expected}, the gradient's type`, describe(buffer));
  const array = buffer as OutArray;
  if (isDetached(array)) fail('ERR_GLD_DETACHED', argument, 'memory that is still there', 'a detached buffer');
  const length = countElements(argument, shape);
  if (array.length !== length) {
    fail('ERR_GLD_SHORT', argument, `${length} elements for shape [${shape.join(', ')}]`, `${array.length}`);
  }
  return array;
}

function refuseOverlap(outputs: readonly Output[], inputs: readonly RoleView[]): void {
  const written = outputs.map(({ view: [role], tensor: { data } }) => {
    return { role, buffer: data.buffer, start: data.byteOffset, end: data.byteOffset + data.byteLength };
  });
  const read = inputs.map(([role, { data, first, end }]) => {
    const at = (index: number): number => data.byteOffset + index * data.BYTES_PER_ELEMENT;
    return { role, buffer: data.buffer, start: at(first), end: at(end) };
  });
  written.forEach((one, i) => {
    for (const other of [...read, ...written.slice(i + 1)]) {
      if (one.buffer === other.buffer && one.start < other.end && other.start < one.end) {
        fail('ERR_GLD_OVERLAP', one.role, 'memory of its own', `memory shared with ${other.role}`);
      }
    }
  });
}
