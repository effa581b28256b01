import type { Call, Role, RoleView } from './call.js';
import { arrayKind, brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { gradientNames, type Lent } from './options.js';
import type { Problem } from './problem.js';
import { layouts, weightLayouts, type Side } from './sides.js';
import { countElements, isDetached, resize, setDense, type View } from './tensor.js';
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
  resize(view.shape, shape.length);
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
  problem: Problem,
  wanted: boolean | readonly GradientName[],
  lent: Lent | undefined,
  deferred: boolean,
): void {
  const { call, gradients, student } = problem;
  if (typeof wanted !== 'boolean') expectPresent(student, wanted);
  if (lent !== undefined) {
    refuseStray(student, wanted, lent);
    for (let i = 0; i < gradients.length; i += 1) {
      if (!isComputed(student, wanted, i)) continue;
      layOut(problem, i);
      if (lent[i] !== undefined) lend(problem, i, lent[i]);
    }
    refuseOverlap(call.views);
  }
  for (let i = 0; i < gradients.length; i += 1) {
    const view = gradients[i]!;
    if (!isComputed(student, wanted, i) || (view.data !== null && !deferred)) continue;
    layOut(problem, i);
    const dtype = typeOf(student.tensors[i]!);
    place(view, dtype, allocate(view.role, dtype, countElements(view.role, view.shape)));
  }
}

/** Copies deferred gradients into the buffers lent for them, which must still be there. */
export function deliver({ gradients }: Problem, lent: Lent | undefined): void {
  if (lent === undefined) return;
  gradients.forEach(({ role, data }, i) => {
    const to = lent[i] as OutArray | undefined;
    if (to === undefined) return;
    if (to.length !== data!.length) {
      fail('ERR_GLD_DETACHED', role, `a buffer that keeps its ${data!.length} elements until the result is there`,
        `one of ${to.length} elements by then`);
    }
    to.set(data as OutArray);
  });
}

/** Whether the student has the i-th tensor and its gradient is wanted. */
function isComputed(student: Side, wanted: boolean | readonly GradientName[], i: number): boolean {
  if (student.tensors[i]!.data === null) return false;
  return typeof wanted === 'boolean' ? wanted : wanted.includes(gradientNames[i]!);
}

/** Writes the shape of the i-th gradient, as the caller has it, into a list. */
export function writeShape(shape: number[], { gradients, student }: Problem, i: number): void {
  const own = gradients[i]!.shape;
  const order = orderOf(student, i);
  resize(shape, own.length);
  for (let place = 0; place < own.length; place += 1) {
    shape[place] = own[order === undefined ? place : order.indexOf(place)]!;
  }
}

/** Where the axes of the i-th gradient lie in the caller's shape. */
function orderOf({ layout, weightLayout }: Side, i: number): readonly number[] | undefined {
  return i === 0 ? layouts[layout] : i === 1 ? weightLayouts[weightLayout] : undefined;
}

function layOut({ gradients, student }: Problem, i: number): void {
  const { shape, strides } = gradients[i]!;
  const like = student.tensors[i]!.shape;
  resize(shape, like.length);
  for (let axis = 0; axis < like.length; axis += 1) shape[axis] = like[axis]!;
  setDense(strides, shape, orderOf(student, i));
}

function typeOf(view: View): 'float32' | 'float64' {
  return view.dtype === 'float64' ? 'float64' : 'float32';
}

function place(view: View, dtype: 'float32' | 'float64', data: OutArray): OutArray {
  view.place(data, dtype, 0, 0, data.length);
  return data;
}

function expectPresent(student: Side, wanted: readonly GradientName[]): void {
  for (const name of wanted) {
    if (student[name].data !== null) continue;
    fail('ERR_GLD_OPTION', 'gradients', `names of what the student has: ${chosenNames(student, true)}`, describe(name));
  }
}

function refuseStray(student: Side, wanted: boolean | readonly GradientName[], lent: Lent): void {
  for (let i = 0; i < lent.length; i += 1) {
    if (lent[i] === undefined || isComputed(student, wanted, i)) continue;
    const expected = `no buffer, as the gradients computed are ${chosenNames(student, wanted)}`;
    fail('ERR_GLD_OPTION', `out.${gradientNames[i]}`, expected, describe(lent[i]));
  }
}

function chosenNames(student: Side, wanted: boolean | readonly GradientName[]): string {
  return gradientNames.filter((_, i) => isComputed(student, wanted, i)).join(', ') || 'none';
}

function allocate(role: Role, dtype: 'float32' | 'float64', length: number): OutArray {
  try {
    return dtype === 'float64' ? new Float64Array(length) : new Float32Array(length);
  } catch {
    return fail('ERR_GLD_MEMORY', role, `memory for ${length} ${dtype} elements`, 'none');
  }
}

/** Puts the i-th gradient into the caller's buffer. */
function lend(problem: Problem, i: number, buffer: unknown): void {
  const view = problem.gradients[i]!;
  const { role, shape } = view;
  const dtype = typeOf(problem.student.tensors[i]!);
  const expected = dtype === 'float64' ? 'Float64Array' : 'Float32Array';
  const kind = arrayKind(buffer);
  if (kind === undefined) fail('ERR_GLD_ARG_TYPE', role, `a ${expected}`, describe(buffer));
  if (kind !== expected) fail('ERR_GLD_DTYPE', role, `a ${expected}, the gradient's type`, describe(buffer));
  const array = buffer as OutArray;
  if (isDetached(array)) fail('ERR_GLD_DETACHED', role, 'memory that is still there', 'a detached buffer');
  const length = countElements(role, shape);
  if (array.length !== length) {
    const sizes: number[] = [];
    writeShape(sizes, problem, i);
    fail('ERR_GLD_SHORT', role, `${length} elements for shape ${brackets(sizes)}`, `${array.length}`);
  }
  place(view, dtype, array);
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
