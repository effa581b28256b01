/** How adapters find the tensors of their framework among the inputs, read them, and pair them with gradients. */
import { checkSide, sideName, type CheckSideOptions, type SideCheck } from '../check-side.js';
import { expectObject, known, type Table } from '../check.js';
import { brackets, describe } from '../describe.js';
import { fail } from '../errors.js';
import { gradientNames, tables, type Settings } from '../options.js';
import { expectSide, sideText, type SideName } from '../sides.js';
import type { Gradient, GradientName, Inputs, Side, TensorLike } from '../types.js';

/** Whether a value is a tensor of the framework; an adapter may refuse one that cannot be used, with an error. */
export type IsTensor<Tensor> = (argument: string, value: unknown) => value is Tensor;

type Fields = Record<string, unknown>;

/** A tensor that was found, and then its elements as the core takes them. */
export class Cell<Tensor> {
  value: unknown;

  constructor(
    readonly argument: string,
    readonly tensor: Tensor,
  ) {}
}

/** Inputs after one walk over them, in which every property was read once. */
export class Found<Tensor> {
  readonly cells: Cell<Tensor>[] = [];
  readonly #inputs: Fields;

  constructor(inputs: unknown, isTensor: IsTensor<Tensor>) {
    this.#inputs = replaceTensors(inputs, isTensor, (argument, tensor) => {
      const cell = new Cell(argument, tensor);
      this.cells.push(cell);
      return cell;
    });
  }

  /** The names of the student's differentiable parts that are tensors of the framework. */
  get names(): GradientName[] {
    return gradientNames.filter((name) => this.cells.some(({ argument }) => argument === `student.${name}`));
  }

  /** The inputs with what `read` makes of every tensor. */
  read(read: (tensor: Tensor, argument: string) => unknown): Inputs {
    for (const cell of this.cells) cell.value = read(cell.tensor, cell.argument);
    return this.#filled();
  }

  /** The same for elements that come later. Every read has begun when this returns. */
  async readLater(read: (tensor: Tensor, argument: string) => unknown): Promise<Inputs> {
    await Promise.all(
      this.cells.map(async (cell) => {
        cell.value = await read(cell.tensor, cell.argument);
      }),
    );
    return this.#filled();
  }

  #filled(): Inputs {
    return replaceTensors(this.#inputs, isCell, (_, { value }) => value) as unknown as Inputs;
  }
}

/** A side that is to be checked against its model's output, and the output, as inputs with tensors to find. */
export function findSide<Tensor>(
  side: unknown,
  output: unknown,
  settings: CheckSideOptions | undefined,
  isTensor: IsTensor<Tensor>,
): Found<Tensor> {
  return new Found({ [sideName(settings)]: side, output }, isTensor);
}

/** Checks it when it was read. */
export function checkFound(read: object, settings: CheckSideOptions | undefined): SideCheck {
  const inputs = read as Fields;
  return checkSide(inputs[sideName(settings)] as Side, inputs.output as TensorLike, settings);
}

function isCell(_: string, value: unknown): value is Cell<unknown> {
  return value instanceof Cell;
}

type Visit<Tensor> = (argument: string, tensor: Tensor) => unknown;

/** The inputs with every tensor of the framework replaced, whatever their names; the rest is the core's to judge. */
function replaceTensors<Tensor>(inputs: unknown, isTensor: IsTensor<Tensor>, replacement: Visit<Tensor>): Fields {
  const what = '{ teacher, student, labels?, sampleWeights?, classWeights? }';
  if (isTensor('inputs', inputs)) fail('ERR_GLD_ARG_TYPE', 'inputs', what, 'a tensor');
  return mapFields(expectObject('inputs', inputs, what), tables.inputs, (name, value) =>
    sideNames.includes(name)
      ? replaceInSide(name, value, isTensor, replacement)
      : isTensor(name, value)
        ? replacement(name, value)
        : value,
  );
}

/** What sides are called among the inputs. */
export const sideNames: readonly string[] = ['teacher', 'student', 'side'] satisfies SideName[];

/** One side of the inputs with every tensor of the framework replaced. */
export function replaceInSide<Tensor>(
  path: string,
  side: unknown,
  isTensor: IsTensor<Tensor>,
  replacement: Visit<Tensor>,
): Fields {
  if (isTensor(path, side)) fail('ERR_GLD_ARG_TYPE', path, sideText, 'a tensor');
  return mapFields(expectSide(path, side), tables.side, (name, value) => {
    const argument = `${path}.${name}`;
    return isTensor(argument, value) ? replacement(argument, value) : value;
  });
}

function mapFields(
  fields: Readonly<Fields>,
  table: Table,
  replacement: (name: string, value: unknown) => unknown,
): Fields {
  return Object.fromEntries(entriesOf(fields, table).map(([name, value]) => [name, replacement(name, value)]));
}

/** Its own properties, whatever their names, and those of the table that it inherits: the core reads both. */
export function entriesOf(fields: object, table: object): [name: string, value: unknown][] {
  const names = new Set([...Object.keys(fields), ...Object.keys(table).filter((name) => name in fields)]);
  return [...names].map((name) => [name, (fields as Fields)[name]]);
}

const { student: _, ...targetNames } = tables.inputs;

/** All of the inputs but the student, where that is what an adapter finds itself; refuses everything else. */
export function readTargets<Targets>(targets: Targets): Targets {
  const given = expectObject('targets', targets, '{ teacher, labels?, sampleWeights?, classWeights? }');
  return Object.fromEntries(entriesOf(known(targetNames, given), targetNames)) as Targets;
}

/** The names of the gradients to compute: of the student's tensors, those that the options ask for. */
export function differentiable(names: GradientName[], { gradients }: Pick<Settings, 'gradients'>): GradientName[] {
  if (typeof gradients === 'boolean') return gradients ? names : [];
  const other = gradients.find((name) => !names.includes(name));
  if (other === undefined) return names.filter((name) => gradients.includes(name));
  const expected = `names of the student's parts that are tensors (${names.join(', ')})`;
  return fail('ERR_GLD_OPTION', 'gradients', expected, describe(other));
}

/** A tensor that the loss is differentiated by, with the loss's gradient at the value it had. */
export interface Differentiated<Tensor, G = Gradient> {
  name: GradientName;
  tensor: Tensor;
  gradient: G;
}

/** Gradients with the student's tensors that they belong to. */
export function pair<Tensor extends { readonly shape?: unknown }, G extends { readonly shape: readonly number[] }>(
  gradients: { readonly [name in GradientName]?: G },
  student: ReadonlyMap<GradientName, Tensor>,
): Differentiated<Tensor, G>[] {
  return Object.entries(gradients).map(([key, gradient]) => {
    const name = key as GradientName;
    const tensor = student.get(name);
    const expected = `a tensor of shape ${brackets(gradient.shape)}`;
    if (tensor === undefined) fail('ERR_GLD_ARG_TYPE', `student.${name}`, expected, 'none');
    const shape = Array.from(tensor.shape as ArrayLike<number>);
    if (shape.join() !== gradient.shape.join()) fail('ERR_GLD_SHAPE', `student.${name}`, expected, brackets(shape));
    return { name, tensor, gradient };
  });
}

/** The student's parts that are tensors of the framework, where only that side is at hand. */
export function studentTensors<Tensor>(student: unknown, isTensor: IsTensor<Tensor>): Map<GradientName, Tensor> {
  const tensors = new Map<GradientName, Tensor>();
  const fields = replaceInSide('student', student, isTensor, (_, tensor) => new Cell('', tensor));
  for (const name of gradientNames) {
    const cell = fields[name];
    if (cell instanceof Cell) tensors.set(name, cell.tensor as Tensor);
  }
  return tensors;
}
