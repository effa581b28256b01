import type { Call, Role, RoleView } from './call.js';
import { arrayKind, brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { gradientNames, type Lent } from './options.js';
import type { Problem } from './problem.js';
import { layouts, weightLayouts, type Side } from './sides.js';
import { countElements, isDetached, setDense, type View } from './tensor.js';
import type { DenseTensor, GradientName } from './types.js';

type OutArray = Float32Array | Float64Array;

/** The element type of results that belong to such tensors: float64 if one of them is, else float32. */
export function resultType(...views: readonly View[]): 'float32' | 'float64' {
  return views.some(({ data, dtype }) => data !== null && dtype === 'float64') ? 'float64' : 'float32';
}

/** A new dense output of that shape for the call to write; the role's axis i is the shape's axis order[i]. */
export function output(
  call: Call,
  role: Role,
  dtype: 'float32' | 'float64',
  shape: number[],
  order?: readonly number[],
): DenseTensor {
  const view = call.view(role);
  view.shape.length = shape.length;
  for (let i = 0; i < shape.length; i += 1) view.shape[i] = shape[order === undefined ? i : order[i]!]!;
  setDense(view.strides, view.shape, order);
  const data = place(view, dtype, allocate(role, dtype, countElements(role, shape)));
  return { data, shape, dtype };
}

/**
 * Adds the gradients to compute to the call: those `wanted` (all, none, or a list) of the student's, each in the buffer
 * lent for it or in a new one. `deferred` makes new ones throughout, to be copied into the lent ones by `deliver`.
 */
export function bindGradients(
  { call, student }: Problem,
  wanted: boolean | readonly GradientName[],
  lent: Lent | undefined,
  deferred: boolean,
): void {
  if (typeof wanted !== 'boolean') expectPresent(student, wanted);
  if (lent !== undefined) {
    refuseStray(student, wanted, lent);
    for (const name of gradientNames) {
      const like = differentiated(student, wanted, name);
      if (like === null) continue;
      const view = call.view(roles[name]);
      layOut(view, like, orderOf(student, name));
      if (lent[name] !== undefined) place(view, typeOf(like), expectBuffer(view, lent[name], typeOf(like), student));
    }
    refuseOverlap(call.views);
  }
  for (const name of gradientNames) {
    const like = differentiated(student, wanted, name);
    if (like === null) continue;
    const view = call.view(roles[name]);
    if (view.data !== null && !deferred) continue;
    layOut(view, like, orderOf(student, name));
    place(view, typeOf(like), allocate(view.role, typeOf(like), countElements(view.role, view.shape)));
  }
}

/** Copies deferred gradients into the buffers lent for them, which must still be there. */
export function deliver({ call }: Problem, lent: Lent | undefined): void {
  if (lent === undefined) return;
  for (const name of gradientNames) {
    const to = lent[name] as OutArray | undefined;
    if (to === undefined) continue;
    const { role, data } = call.view(roles[name]);
    if (to.length !== data!.length) {
      fail('ERR_GLD_DETACHED', role, `a buffer that keeps its ${data!.length} elements until the result is there`,
        `one of ${to.length} elements by then`);
    }
    to.set(data as OutArray);
  }
}

export const roles = {
  features: 'out.features',
  weight: 'out.weight',
  bias: 'out.bias',
  logits: 'out.logits',
} as const;

/** The student's tensor of that name, if its gradient is wanted; null if not, or if there is no such tensor. */
function differentiated(side: Side, wanted: boolean | readonly GradientName[], name: GradientName): View | null {
  const view = side[name];
  return view.data !== null && (typeof wanted === 'boolean' ? wanted : wanted.includes(name)) ? view : null;
}

/** Where the axes of a gradient of that name lie in the caller's shape. */
export function orderOf(side: Side, name: GradientName): readonly number[] | undefined {
  if (name === 'features') return layouts[side.layout];
  return name === 'weight' ? weightLayouts[side.weightLayout] : undefined;
}

function typeOf(view: View): 'float32' | 'float64' {
  return view.dtype === 'float64' ? 'float64' : 'float32';
}

function layOut({ shape, strides }: View, like: View, order: readonly number[] | undefined): void {
  shape.length = like.shape.length;
  for (let axis = 0; axis < shape.length; axis += 1) shape[axis] = like.shape[axis]!;
  setDense(strides, shape, order);
}

function place(view: View, dtype: 'float32' | 'float64', data: OutArray): OutArray {
  view.place(data, dtype, 0, 0, data.length);
  return data;
}

function expectPresent(student: Side, wanted: readonly GradientName[]): void {
  for (const name of wanted) {
    if (student[name].data !== null) continue;
    const names = gradientNames.filter((each) => student[each].data !== null);
    fail('ERR_GLD_OPTION', 'gradients', `names of what the student has: ${names.join(', ')}`, describe(name));
  }
}

function refuseStray(student: Side, wanted: boolean | readonly GradientName[], lent: Lent): void {
  for (const name of gradientNames) {
    if (lent[name] === undefined || differentiated(student, wanted, name) !== null) continue;
    const chosen = gradientNames.filter((each) => differentiated(student, wanted, each) !== null);
    const expected = `no buffer, as the gradients computed are ${chosen.join(', ') || 'none'}`;
    fail('ERR_GLD_OPTION', roles[name], expected, describe(lent[name]));
  }
}

function allocate(role: Role, dtype: 'float32' | 'float64', length: number): OutArray {
  try {
    return dtype === 'float64' ? new Float64Array(length) : new Float32Array(length);
  } catch {
    return fail('ERR_GLD_MEMORY', role, `memory for ${length} ${dtype} elements`, 'none');
  }
}

function expectBuffer({ role, shape }: RoleView, buffer: unknown, dtype: 'float32' | 'float64', side: Side): OutArray {
  const expected = dtype === 'float64' ? 'Float64Array' : 'Float32Array';
  const kind = arrayKind(buffer);
  if (kind === undefined) fail('ERR_GLD_ARG_TYPE', role, `a ${expected}`, describe(buffer));
  if (kind !== expected) fail('ERR_GLD_DTYPE', role, `a ${expected}, the gradient's type`, describe(buffer));
  const array = buffer as OutArray;
  if (isDetached(array)) fail('ERR_GLD_DETACHED', role, 'memory that is still there', 'a detached buffer');
  const length = countElements(role, shape);
  if (array.length !== length) {
    const order = orderOf(side, role.slice('out.'.length) as GradientName);
    const sizes = brackets(shape.map((_, place) => shape[order === undefined ? place : order.indexOf(place)]));
    fail('ERR_GLD_SHORT', role, `${length} elements for shape ${sizes}`, `${array.length}`);
  }
  return array;
}

/** No lent buffer may share memory with an input or with another one. */
function refuseOverlap(views: readonly RoleView[]): void {
  for (let i = 0; i < views.length; i += 1) {
    const one = views[i]!;
    if (!one.isOutput || one.data === null) continue;
    for (let j = 0; j < views.length; j += 1) {
      const other = views[j]!;
      // Each pair of outputs once.
      if (other.data === null || (other.isOutput && j <= i)) continue;
      if (one.data.buffer === other.data.buffer && start(one) < end(other) && start(other) < end(one)) {
        fail('ERR_GLD_OVERLAP', one.role, 'memory of its own', `memory shared with ${other.role}`);
      }
    }
  }
}

/** The first byte that a view reaches, and the one after the last. */
function start({ data, first }: View): number {
  return data!.byteOffset + first * data!.BYTES_PER_ELEMENT;
}

function end({ data, end }: View): number {
  return data!.byteOffset + end * data!.BYTES_PER_ELEMENT;
}
