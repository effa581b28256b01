import { methodOf, type Call, type Stage } from '../call.js';
import { brackets, describe } from '../describe.js';
import { expectObject, options } from '../check.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { output, resultType } from '../outputs.js';
import { choosePlace } from '../places.js';
import type { Watch } from '../probabilities.js';
import { results } from '../schema.js';
import { expectClasses } from '../sides.js';
import { readFloats, type View } from '../tensor.js';
import type {
  AnyGradient,
  AnyTensor,
  DenseTensor,
  DeviceOption,
  GldLossOptions,
  Gradient,
  HostBuffer,
  RelationMethod,
  SampleWeights,
  TensorLike,
} from '../types.js';
import { readRowWeights } from '../weights.js';

/** Options of a loss over rows of logits. */
export interface RowLossOptions<B = HostBuffer> extends Pick<GldLossOptions, 'device' | 'threads'> {
  /** Whether to compute the gradient. @default true */
  readonly gradients?: boolean | undefined;
  /** A buffer for it, as {@link OutBuffers} describes. @default a new one */
  readonly out?: { readonly logits?: B | undefined } | undefined;
}

/** A loss over rows of logits. */
export interface RowLossResult<G extends AnyGradient = Gradient> {
  loss: number;
  /** With respect to the student's logits, in their shape and where they are; absent when not asked for. */
  gradients?: { logits: G };
}

/** Rows of numbers: a tensor [n, R, width], or [m, width] taken as n = m samples of one row each. */
export interface Rows {
  readonly n: number;
  readonly rows: number;
  readonly width: number;
  /** As it was given. */
  readonly view: View;
  readonly shape: readonly number[];
}

/** Rows of logits of both networks, in the same shape: [n, R, K] or [n, K]. */
export interface LogitPair<S extends AnyTensor = TensorLike> {
  readonly teacher: AnyTensor;
  readonly student: S;
  /**
   * How many times each row counts, [n, R] or [n], as {@link SampleWeights} describes; in a bare array the rows one after
   * the other.
   * @default once
   */
  readonly weights?: SampleWeights | undefined;
}

/** Reads rows of one of the ranks; `last` names their width in messages. */
export function readRows(
  view: View,
  argument: string,
  value: unknown,
  last: string,
  ranks: readonly number[] = [2, 3],
): Rows {
  const shapes = { 2: `[n, ${last}]`, 3: `[n, R, ${last}]` };
  const axes = ranks.map((rank) => shapes[rank as 2 | 3]).join(' or ');
  readFloats(view, argument, value, ranks, axes);
  return rowsOf(view);
}

/** Reads rows of logits, which need two classes. */
export function readLogitRows(view: View, argument: string, value: unknown, ranks?: readonly number[]): Rows {
  const read = readRows(view, argument, value, 'K', ranks);
  expectClasses(argument, read.width, read.shape);
  return read;
}

/** Reads the logits of both networks, which must have the same shape, and returns the student's. */
export function readPair(call: Call, inputs: unknown, watch: Watch): Rows {
  const given = options(tables.pairInputs, expectObject('inputs', inputs, '{ teacher, student, weights? }'));
  const student = readLogitRows(call.view('student.logits'), 'student', given.student);
  const teacher = readLogitRows(call.view('teacher.logits'), 'teacher', given.teacher);
  if (teacher.width !== student.width) {
    fail('ERR_GLD_CLASSES', 'teacher', `${student.width} classes, as student has`, `${teacher.width}`);
  }
  if (teacher.shape.length !== student.shape.length || teacher.n !== student.n || teacher.rows !== student.rows) {
    fail('ERR_GLD_SHAPE', 'teacher', `shape ${brackets(student.shape)}, as student has`, brackets(teacher.shape));
  }
  const { n, rows, shape } = student;
  if (watch.next()) {
    watch.look('student', student.view, shape.length - 1);
    watch.look('teacher', teacher.view, shape.length - 1);
  }
  if (given.weights !== undefined) readRowWeights(call, given.weights, n, rows, shape.length);
  return student;
}

/** Reads rows that must have a certain shape: that which `like` tells ("pooled has"). */
export function readLike(view: View, argument: string, value: unknown, shape: readonly number[], like: string): void {
  readFloats(view, argument, value, [shape.length], `${brackets(shape)}, as ${like}`);
  if (!shape.every((size, axis) => view.shape[axis] === size)) {
    fail('ERR_GLD_SHAPE', argument, `shape ${brackets(shape)}, as ${like}`, brackets(view.shape));
  }
}

/** Refuses a buffer for a gradient that nothing asks for. */
export function refuseLent(out: { readonly [name: string]: unknown }, names: readonly string[], why: string): void {
  for (const name of names) {
    if (out[name] !== undefined) fail('ERR_GLD_OPTION', `out.${name}`, `no buffer ${why}`, describe(out[name]));
  }
}

/** Runs a stage that is a loss over the student's rows of logits. */
export function rowLoss(
  call: Call,
  stage: Stage,
  { n, rows, width, view, shape }: Rows,
  settings: {
    readonly device: DeviceOption | undefined;
    readonly gradients: boolean;
    readonly out: { readonly logits: unknown };
  },
): { result: RowLossResult<DenseTensor | CudaTensor>; method: RelationMethod } {
  call.set('n', n);
  call.set('rows', rows);
  call.set('classes', width);
  choosePlace(call, stage, settings.device);
  const result: RowLossResult<DenseTensor | CudaTensor> = { loss: NaN };
  if (settings.gradients) {
    const spec = { dtype: resultType(view), like: view, axes: [...shape], lent: settings.out.logits };
    result.gradients = { logits: output(call, 'out.logits', spec) };
  } else {
    refuseLent(settings.out, ['logits'], 'without gradients');
  }
  call.run(stage);
  result.loss = call.result[results.loss];
  return { result, method: methodOf(call.result) };
}

function rowsOf(view: View): Rows {
  const { shape } = view;
  const rows = shape.length === 3 ? shape[1] : 1;
  return { n: shape[0], rows, width: shape[shape.length - 1], view, shape };
}
