import type { Call, Role, RoleView } from './call.js';
import { allocate as allocateOnDevice, CudaTensor, tensorOver } from './cuda-tensor.js';
import { arrayKind, brackets, describe } from './describe.js';
import { allocateArray, bits, isDetached, type ViewArray } from './elements.js';
import type { Place } from './engine.js';
import { memoryOf } from './engines/native.js';
import { fail } from './errors.js';
import { gradientNames, type Lent, type Settings } from './options.js';
import type { Problem } from './problem.js';
import { layouts, slotOf, weightLayouts, type Side } from './sides.js';
import { countElements, readView, resize, setDense, View } from './tensor.js';
import type { CudaDType, DenseTensor } from './tensor-types.js';
import type { GradientName } from './types.js';

type HostArray = Float32Array | Float64Array | Uint16Array;
type OutType = 'float32' | 'float64' | 'float16' | 'bfloat16';

/** The element type of results that belong to such tensors: float64 if one of them is, else float32. */
export function resultType(...views: readonly View[]): 'float32' | 'float64' {
  return views.some(({ data, dtype }) => data !== null && dtype === 'float64') ? 'float64' : 'float32';
}

/** What an output of a stage is like. */
export interface OutputSpec {
  readonly dtype: 'float32' | 'float64';
  /** An input: a new output lies where it does. */
  readonly like: View;
  /** Its sizes in the order of the caller, of which the role's axis i is the order[i]th. */
  readonly axes: number[];
  readonly order?: readonly number[] | undefined;
  /** What the caller lent for it, if anything. */
  readonly lent?: unknown;
}

/** A dense output for the call to write: what was lent for it, or a new one. */
export function output(call: Call, role: Role, spec: OutputSpec): DenseTensor | CudaTensor {
  const { dtype, like, axes, order, lent } = spec;
  const view = call.view(role);
  view.argument = role;
  resize(view.shape, axes.length);
  for (let i = 0; i < axes.length; i += 1) view.shape[i] = axes[order === undefined ? i : order[i]];
  setDense(view.strides, view.shape, order);
  if (lent !== undefined) {
    view.dtype = dtype;
    const tensor = lend(call, view, lent, axes);
    refuseOverlap(call.views);
    return tensor ?? { data: lent as DenseTensor['data'], shape: axes, dtype };
  }
  if (like.place !== undefined) {
    return setTensor(view, call.made(allocateOnDevice(role, axes, 'float32', like.place)), like.place);
  }
  const data = allocateArray(role, dtype, countElements(role, axes)) as DenseTensor['data'];
  setArray(view, dtype, data);
  return { data, shape: axes, dtype };
}

/**
 * Adds the gradients to compute to the call: those wanted (all, none, or a list) of the student's, each in the buffer
 * lent for it or in a new one, which lies where the student's tensor does. `deferred` puts arrays of our own in
 * the place of lent ones in CPU memory, to be copied into them by `deliver`.
 */
export function bindGradients(
  problem: Problem,
  { gradients: wanted, gradientDtype }: Pick<Settings, 'gradients' | 'gradientDtype'>,
  lent: Lent | undefined,
  deferred: boolean,
): void {
  const { call, gradients, student, onDevice } = problem;
  if (typeof wanted !== 'boolean') expectPresent(student, wanted);
  for (let i = 0; i < gradients.length; i += 1) {
    if (!isComputed(student, wanted, i)) continue;
    gradients[i].argument = outNames[slotOf(student, i)];
    gradients[i].dtype = typeOf(call, student.tensors[i], gradientDtype);
    layOut(problem, i);
  }
  if (lent !== undefined) {
    refuseStray(student, wanted, lent);
    for (let i = 0; i < gradients.length; i += 1) {
      const buffer = lent[slotOf(student, i)];
      if (buffer === undefined) continue;
      writeShape(sizes, problem, i);
      onDevice[i] = lend(call, gradients[i], buffer, sizes);
    }
    refuseOverlap(call.views);
  }
  for (let i = 0; i < gradients.length; i += 1) {
    const view = gradients[i];
    if (!isComputed(student, wanted, i)) continue;
    const { argument } = view;
    const dtype = view.dtype as OutType;
    const elements = countElements(argument, view.shape);
    const { place } = student.tensors[i];
    if (view.data !== null) {
      if (deferred && view.place === undefined) setArray(view, dtype, call.arrays.array(argument, dtype, elements));
    } else if (place === undefined) {
      setArray(view, dtype, allocateArray(argument, dtype, elements));
    } else {
      const shape: number[] = [];
      writeShape(shape, problem, i);
      const made = call.made(allocateOnDevice(argument, shape, dtype as CudaDType, place));
      onDevice[i] = setTensor(view, made, place);
    }
  }
}

const outNames = gradientNames.map((name) => `out.${name}`);

/** Copies deferred gradients into the arrays lent for them, which must still be there. */
export function deliver({ gradients, student }: Problem, lent: Lent | undefined): void {
  if (lent === undefined) return;
  gradients.forEach((view, i) => {
    const buffer = lent[slotOf(student, i)];
    if (buffer === undefined || view.place !== undefined) return;
    const { argument, array } = view;
    const to = bits(buffer as HostArray);
    if (to.length !== array.length) {
      fail(
        'ERR_GLD_DETACHED',
        argument,
        `a buffer that keeps its ${array.length} elements until the result is there`,
        `one of ${to.length} elements by then`,
      );
    }
    (to as HostArray).set(array as HostArray);
  });
}

/** Whether the student has the i-th tensor and its gradient is wanted. */
function isComputed(student: Side, wanted: boolean | readonly GradientName[], i: number): boolean {
  if (student.tensors[i].data === null) return false;
  return typeof wanted === 'boolean' ? wanted : wanted.includes(gradientNames[slotOf(student, i)]);
}

/** Writes the shape of the i-th gradient, as the caller has it, into a list. */
export function writeShape(shape: number[], { gradients, student }: Problem, i: number): void {
  const own = gradients[i].shape;
  const order = orderOf(student, i);
  resize(shape, own.length);
  for (let place = 0; place < own.length; place += 1) {
    shape[place] = own[order === undefined ? place : order.indexOf(place)];
  }
}

/** Where the axes of the i-th gradient lie in the caller's shape. */
function orderOf({ layout, weightLayout }: Side, i: number): readonly number[] | undefined {
  return i === 0 ? layouts[layout] : i === 1 ? weightLayouts[weightLayout] : undefined;
}

function layOut({ gradients, student }: Problem, i: number): void {
  const { shape, strides } = gradients[i];
  const like = student.tensors[i].shape;
  resize(shape, like.length);
  for (let axis = 0; axis < like.length; axis += 1) shape[axis] = like[axis];
  setDense(strides, shape, orderOf(student, i));
}

/** The element type of a tensor's gradient. */
function typeOf({ place }: Call, { dtype, argument }: View, option: Settings['gradientDtype']): OutType {
  if (dtype === 'float64') return 'float64';
  if (option === 'float32' || dtype === 'float32') return 'float32';
  if (!place.isApart) {
    fail('ERR_GLD_OPTION', 'gradientDtype', `'float32' on the CPU for ${argument}, which is ${dtype}`, "'student'");
  }
  return dtype as OutType;
}

function setArray(view: View, dtype: OutType, data: ViewArray): void {
  view.setData(data, dtype, 0, 0, data.length);
}

function setTensor(view: View, tensor: CudaTensor, place: Place): CudaTensor {
  view.setData(tensor[memoryOf], tensor.dtype, 0, 0, 0, place);
  return tensor;
}

function expectPresent(student: Side, wanted: readonly GradientName[]): void {
  for (const name of wanted) {
    if (student.tensors.some(({ data }, i) => data !== null && gradientNames[slotOf(student, i)] === name)) continue;
    fail('ERR_GLD_OPTION', 'gradients', `names of what the student has: ${chosenNames(student, true)}`, describe(name));
  }
}

function refuseStray(student: Side, wanted: boolean | readonly GradientName[], lent: Lent): void {
  for (let slot = 0; slot < lent.length; slot += 1) {
    if (lent[slot] === undefined || isTaken(student, wanted, slot)) continue;
    const expected = `no buffer, as the gradients computed are ${chosenNames(student, wanted)}`;
    fail('ERR_GLD_OPTION', `out.${gradientNames[slot]}`, expected, describe(lent[slot]));
  }
}

/** Whether a gradient of that name is computed. */
function isTaken(student: Side, wanted: boolean | readonly GradientName[], slot: number): boolean {
  for (let i = 0; i < student.tensors.length; i += 1) {
    if (slotOf(student, i) === slot) return isComputed(student, wanted, i);
  }
  return false;
}

function chosenNames(student: Side, wanted: boolean | readonly GradientName[]): string {
  return gradientNames.filter((_, slot) => isTaken(student, wanted, slot)).join(', ') || 'none';
}

/** The arrays that may be lent for each element type. */
const lentKinds: Readonly<Record<OutType, readonly string[]>> = {
  float32: ['Float32Array'],
  float64: ['Float64Array'],
  float16: ['Uint16Array', 'Float16Array'],
  bfloat16: ['Uint16Array'],
};

/** The same as messages name them. */
function lentArray(dtype: OutType): string {
  return `a ${lentKinds[dtype].join(' or ')}`;
}

/** The shape of the gradient at hand; one list for all, because a call that is lent its buffers allocates nothing. */
const sizes: number[] = [];

/** Puts an output, which has that shape for the caller, into the caller's buffer. Returns the tensor if it is on a GPU. */
function lend(call: Call, view: RoleView, buffer: unknown, shape: readonly number[]): CudaTensor | undefined {
  const { argument } = view;
  const dtype = view.dtype as OutType;
  const kind = arrayKind(buffer);
  // A copy, because reading the tensor may run a getter of the caller that makes a call of its own.
  if (kind === undefined) return lendOnDevice(call, view, buffer, [...shape]);
  if (!lentKinds[dtype].includes(kind)) {
    fail('ERR_GLD_DTYPE', argument, `${lentArray(dtype)}, the result's type`, describe(buffer));
  }
  const array = buffer as HostArray;
  if (isDetached(array)) fail('ERR_GLD_DETACHED', argument, 'memory that is still there', 'a detached buffer');
  const length = countElements(argument, shape);
  if (array.length !== length) {
    fail('ERR_GLD_SHORT', argument, `${length} elements for shape ${brackets(shape)}`, `${array.length}`);
  }
  setArray(view, dtype, bits(array));
  return undefined;
}

/** The same for a tensor on the GPU that computes the call. */
function lendOnDevice(call: Call, view: RoleView, tensor: unknown, shape: readonly number[]): CudaTensor {
  const { argument } = view;
  const dtype = view.dtype as OutType;
  const onGpu = typeof tensor === 'object' && tensor !== null && (tensor as { device?: unknown }).device === 'cuda';
  if (!call.place.isApart || !onGpu) {
    const orTensor = call.place.isApart ? ' or a tensor on the GPU' : '';
    if (onGpu) fail('ERR_GLD_DEVICE', argument, `${lentArray(dtype)}, as the CPU computes it`, 'a tensor on a GPU');
    fail('ERR_GLD_ARG_TYPE', argument, `${lentArray(dtype)}${orTensor}`, describe(tensor));
  }
  const given = new View();
  readView(given, argument, tensor, [shape.length], brackets(shape));
  if (!shape.every((size, axis) => size === given.shape[axis])) {
    fail('ERR_GLD_SHAPE', argument, `shape ${brackets(shape)}`, brackets(given.shape));
  }
  if (given.dtype !== dtype) fail('ERR_GLD_DTYPE', argument, `${dtype} elements, the result's type`, given.dtype);
  if (given.place !== call.place) {
    const received = given.place === undefined ? 'one in CPU memory' : `one on ${given.place.name}`;
    fail('ERR_GLD_DEVICE', argument, `a tensor on ${call.place.name}, which computes it`, received);
  }
  const own = tensor instanceof CudaTensor ? tensor : tensorOver(argument, given);
  return setTensor(view, own, call.place);
}

/** No lent buffer may share memory with an input or with another one. */
function refuseOverlap(views: readonly RoleView[]): void {
  for (let i = 0; i < views.length; i += 1) {
    const one = views[i];
    if (!one.isOutput || one.data === null || one.place !== undefined) continue;
    for (let j = 0; j < views.length; j += 1) {
      const other = views[j];
      // Each pair of outputs once.
      if (other.data === null || (other.isOutput && j <= i)) continue;
      // On a GPU, the addon compares addresses.
      if (other.place !== undefined) continue;
      if (one.array.buffer === other.array.buffer && start(one) < end(other) && start(other) < end(one)) {
        fail('ERR_GLD_OVERLAP', one.argument, 'memory of its own', `memory shared with ${other.argument}`);
      }
    }
  }
}

/** The first byte that a view reaches, and the one after the last. */
function start({ array, first }: View): number {
  return array.byteOffset + first * array.BYTES_PER_ELEMENT;
}

function end({ array, end }: View): number {
  return array.byteOffset + end * array.BYTES_PER_ELEMENT;
}
