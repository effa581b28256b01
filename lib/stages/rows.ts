import { Call, methodOf, type Role, type RoleView, type Stage } from '../call.js';
import { brackets } from '../describe.js';
import { expectObject, options } from '../check.js';
import { bindAll, setNumbers } from '../encode.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import { output, resultType, type Output } from '../outputs.js';
import { expectClasses } from '../sides.js';
import { readFloats, type FloatView } from '../tensor.js';
import type { GldLossOptions, Gradient, RelationMethod, TensorLike } from '../types.js';

/** Options of a loss over rows of logits. */
export interface RowLossOptions extends Pick<GldLossOptions, 'threads'> {
  /** Whether to compute the gradient. Default true. */
  readonly gradients?: boolean | undefined;
}

/** A loss over rows of logits. */
export interface RowLossResult {
  loss: number;
  /** With respect to the student's logits, in their shape; absent when not asked for. */
  gradients?: { logits: Gradient };
}

/** Rows of numbers: a tensor [n, R, width], or [m, width] taken as n = m samples of one row each. */
export interface Rows {
  readonly n: number;
  readonly rows: number;
  readonly width: number;
  /** [n, R, width], whatever was given. */
  readonly view: FloatView;
  /** As it was given. */
  readonly shape: readonly number[];
}

/** Rows of logits of both networks, in the same shape: [n, R, K] or [n, K]. */
export interface LogitPair {
  readonly teacher: TensorLike;
  readonly student: TensorLike;
}

/** Reads rows of one of the ranks; `last` names their width in messages. */
export function readRows(argument: string, value: unknown, last: string, ranks: readonly number[] = [2, 3]): Rows {
  const shapes = { 2: `[n, ${last}]`, 3: `[n, R, ${last}]` };
  const axes = ranks.map((rank) => shapes[rank as 2 | 3]).join(' or ');
  const given = readFloats(argument, value, ranks, axes);
  const { shape } = given;
  const view = shape.length === 3 ? given : splitSamples(given);
  const [n, rows, width] = view.shape as [number, number, number];
  return { n, rows, width, view, shape };
}

/** Reads rows of logits, which need two classes. */
export function readLogitRows(argument: string, value: unknown, ranks?: readonly number[]): Rows {
  const read = readRows(argument, value, 'K', ranks);
  expectClasses(argument, read.width, read.shape);
  return read;
}

/** Reads the logits of both networks, which must have the same shape. */
export function readPair(inputs: unknown): { student: Rows; views: RoleView[] } {
  const given = options(tables.pairInputs, expectObject('inputs', inputs, '{ teacher, student }'));
  const student = readLogitRows('student', given.student);
  const teacher = readLogitRows('teacher', given.teacher);
  if (teacher.width !== student.width) {
    fail('ERR_GLD_CLASSES', 'teacher', `${student.width} classes, as student has`, `${teacher.width}`);
  }
  if (teacher.shape.length !== student.shape.length || teacher.n !== student.n || teacher.rows !== student.rows) {
    fail('ERR_GLD_SHAPE', 'teacher', `shape ${brackets(student.shape)}, as student has`, brackets(teacher.shape));
  }
  return { student, views: [['teacher.logits', teacher.view], ['student.logits', student.view]] };
}

/** Reads rows that must have a certain shape: that which `like` tells ("pooled has"). */
export function readLike(argument: string, value: unknown, shape: readonly number[], like: string): Rows {
  const given = readFloats(argument, value, [shape.length], `${brackets(shape)}, as ${like}`);
  if (!shape.every((size, axis) => given.shape[axis] === size)) {
    fail('ERR_GLD_SHAPE', argument, `shape ${brackets(shape)}, as ${like}`, brackets(given.shape));
  }
  const view = shape.length === 3 ? given : splitSamples(given);
  return { n: view.shape[0]!, rows: view.shape[1]!, width: view.shape[2]!, view, shape };
}

/** The shape of such rows with another width. */
export function withWidth({ shape }: Rows, width: number): number[] {
  return [...shape.slice(0, -1), width];
}

/** A new output [n, R, width] that the caller sees in the shape given. */
export function rowsOutput(role: Role, dtype: 'float32' | 'float64', shape: number[]): Output {
  const split = shape.length === 3 ? shape : [shape[0]!, 1, shape[1]!];
  const { view, tensor } = output(role, dtype, split);
  return { view, tensor: { ...tensor, shape } };
}

/** Runs a stage on this thread and returns its result, laid out as a {@link Call} has it. */
export function runStage(
  stage: Stage,
  inputs: readonly RoleView[],
  outputs: readonly Output[],
  encode: (call: Call) => void,
): Float64Array {
  const call = new Call();
  encode(call);
  bindAll(call, inputs, outputs);
  call.run(stage, null);
  return call.result;
}

/** Runs a stage that is a loss over the student's rows of logits. */
export function rowLoss(
  stage: Stage,
  inputs: readonly RoleView[],
  student: Rows,
  gradients: boolean,
  encode: (call: Call) => void,
): { result: RowLossResult; method: RelationMethod } {
  const { n, rows, width, view, shape } = student;
  const outputs = gradients ? [rowsOutput('out.logits', resultType(view), [...shape])] : [];
  const done = runStage(stage, inputs, outputs, (call) => {
    setNumbers(call, { n, rows, classes: width });
    encode(call);
  });
  const result: RowLossResult = { loss: done[0]! };
  if (gradients) result.gradients = { logits: outputs[0]!.tensor };
  return { result, method: methodOf(done) };
}

function splitSamples(view: FloatView): FloatView {
  const [m, width] = view.shape as [number, number];
  return { ...view, shape: [m, 1, width], strides: [view.strides[0]!, 0, view.strides[1]!] };
}
