import { Call, type RoleView } from './call.js';
import { expectObject, known } from './check.js';
import type { CudaTensor } from './cuda-tensor.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { countRows, expectAxes, expectGridFits, gridText, usualAxes, usualGrid, type Grid } from './grid.js';
import { readLabels } from './labels.js';
import { tables, type Settings } from './options.js';
import type { Watch } from './probabilities.js';
import { numbers } from './schema.js';
import { readSide, Side } from './sides.js';
import { countElements } from './tensor.js';
import { readClassWeights, readSampleWeights } from './weights.js';

const outputs = ['out.features', 'out.weight', 'out.bias', 'out.logits'] as const;

/** The inputs of one loss, read into the call that will compute it. Serves for one loss after another. */
export class Problem {
  readonly call = new Call();
  readonly teacher = new Side(this.call, 'teacher');
  readonly student = new Side(this.call, 'student');
  /** Of the student's tensors, in the order in which the side has them. */
  readonly gradients: readonly RoleView[] = outputs.map((name) => this.call.view(name));
  /** The gradients that are on a GPU, in the same order; elsewhere undefined. */
  readonly onDevice: (CudaTensor | undefined)[] = outputs.map(() => undefined);
  n = 0;
  classes = 0;
  /** Rows of logits per sample: the global one and one per cell. */
  rows = 0;
  /** By which maps are pooled, and how many axes they have; none if both sides are logits. */
  grid: Grid | undefined;
  axes = 0;
  hasLabels = false;

  constructor(readonly watch: Watch) {}

  /** Holds on to nothing of the caller's. */
  clear(): void {
    if (this.call.place.isApart) this.onDevice.fill(undefined);
    this.call.clear();
  }
}

/** Reads the inputs and checks that they belong together and that the options suit them: nothing is computed yet. */
export function readProblem(problem: Problem, inputs: unknown, settings: Settings): void {
  const what = '{ teacher, student, labels?, sampleWeights?, classWeights? }';
  const given = known(tables.inputs, expectObject('inputs', inputs, what));
  const { teacher: givenTeacher, student: givenStudent, labels, sampleWeights, classWeights } = given;
  const { call, teacher, student } = problem;
  readSide(student, givenStudent);
  readSide(teacher, givenTeacher);
  const { n, classes } = student;
  if (teacher.n !== n) refuseSamples(teacher, student);
  if (teacher.classes !== classes) {
    const argument = teacher.kind === 'features' ? 'weight' : teacher.kind;
    fail('ERR_GLD_CLASSES', `teacher.${argument}`, `${classes} classes, as the student has`, `${teacher.classes}`);
  }
  if (problem.watch.next()) {
    lookAt(problem.watch, student);
    lookAt(problem.watch, teacher);
  }
  problem.n = n;
  problem.classes = classes;
  resolveGrid(problem, settings.grid);
  expectCountable(problem, student);
  expectCountable(problem, teacher);
  if (sampleWeights !== undefined) readSampleWeights(call, sampleWeights, n, problem.rows);
  problem.hasLabels = labels !== undefined;
  if (!problem.hasLabels) {
    if (classWeights === undefined) return;
    fail('ERR_GLD_ARG_TYPE', 'labels', 'labels, which classWeights are for', 'undefined');
  }
  readLabels(call, labels, n, classes, settings);
  if (classWeights !== undefined) readClassWeights(call, classWeights, classes);
  if (call.numbers[numbers.alpha] > 1) {
    const expected = 'at most 1 with labels, whose term weighs 1 - alpha';
    fail('ERR_GLD_OPTION', 'alpha', expected, String(call.numbers[numbers.alpha]));
  }
}

function refuseSamples(teacher: Side, { n, kind, logits }: Side): never {
  const flat = [teacher, { kind, logits }].some((side) => side.kind === 'logits' && side.logits.shape.length === 2);
  const rows = flat ? ' (logits [n, K] are one row per sample; with rows of cells they are [n, R, K])' : '';
  return fail('ERR_GLD_SHAPE', `teacher.${teacher.kind}`, `${n} samples, as the student has${rows}`, `${teacher.n}`);
}

function lookAt(watch: Watch, { kind, role, logits, map, mask }: Side): void {
  if (kind === 'logits') watch.look(role, logits, logits.shape.length - 1);
  if (kind === 'logitMap') watch.look(role, map, 1, mask);
}

/** Refuses sides whose rows, pooled or classified, could not be counted. */
function expectCountable({ n, rows, classes }: Problem, side: Side): void {
  const widest = Math.max(classes, side.channels);
  if (n * rows * widest > Number.MAX_SAFE_INTEGER) countElements(side.name, [n, rows, widest]);
}

/** The grid of cells: the option (default 2) where a map is pooled, else what the logits hold. */
function resolveGrid(problem: Problem, option: Grid | undefined): void {
  const { teacher, student } = problem;
  if (option === undefined && student.kind === 'logits' && teacher.kind === 'logits') {
    if (teacher.rows !== student.rows) {
      const rows = student.rows === 1 ? '1 row' : `${student.rows} rows`;
      const expected = `${rows} per sample, as the student has${withoutCells(teacher, student)}`;
      fail('ERR_GLD_SHAPE', 'teacher.logits', expected, rowsText(teacher));
    }
    problem.grid = undefined;
    problem.rows = student.rows;
    return;
  }
  const grid = option ?? usualGrid;
  const axes = student.axes || teacher.axes || usualAxes(grid);
  if (teacher.axes > 0 && teacher.axes !== axes) {
    const expected = `a map of as many axes as the student's, ${axes}`;
    fail('ERR_GLD_RANK', `teacher.${teacher.kind}`, expected, `${teacher.axes}`);
  }
  problem.grid = grid;
  problem.axes = axes;
  problem.rows = countRows(grid, axes);
  expectGridOn(student, grid, axes, problem.rows);
  expectGridOn(teacher, grid, axes, problem.rows);
}

function expectGridOn(side: Side, grid: Grid, axes: number, rows: number): void {
  if (side.kind !== 'logits') return expectGridFits(grid, side.map);
  expectAxes(grid, axes, 'the map');
  if (side.rows === rows) return;
  const expected = `${rows} rows per sample, the global one and those of a ${gridText(grid, axes)}${withoutCells(side)}`;
  fail('ERR_GLD_GRID', `${side.name}.logits`, expected, rowsText(side));
}

function rowsText({ rows, logits }: Side): string {
  return `${rows} in shape ${brackets(logits.shape)}`;
}

/** How to go on where one of the sides has logits of whole images alone. */
function withoutCells(...sides: Side[]): string {
  if (sides.every(({ rows }) => rows > 1)) return '';
  return ' (for global rows alone, both sides are logits [n, K] from before the softmax, and there is no grid)';
}
