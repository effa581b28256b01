import { Call, type RoleView } from './call.js';
import { expectObject, known } from './check.js';
import type { CudaTensor } from './cuda_tensor.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { readLabels } from './labels.js';
import { gradientNames, tables, type Settings } from './options.js';
import { readSide, Side } from './sides.js';
import { countElements, host } from './tensor.js';

/** The inputs of one loss, read into the call that will compute it. Serves for one loss after another. */
export class Problem {
  readonly call = new Call();
  readonly teacher = new Side(this.call, 'teacher');
  readonly student = new Side(this.call, 'student');
  /** Of the student's tensors, in the order of {@link gradientNames}. */
  readonly gradients: readonly RoleView[] = gradientNames.map((name) => this.call.view(`out.${name}`));
  /** The gradients that are on a GPU, in the same order; elsewhere undefined. */
  readonly onDevice: (CudaTensor | undefined)[] = gradientNames.map(() => undefined);
  n = 0;
  classes = 0;
  /** Rows of logits per sample: the global one and one per cell. */
  rows = 0;
  gridRows = 0;
  gridCols = 0;
  hasLabels = false;

  /** Holds on to nothing of the caller's. */
  clear(): void {
    if (this.call.device !== host) this.onDevice.fill(undefined);
    this.call.clear();
  }
}

/** Reads the inputs and checks that they belong together and that the options suit them: nothing is computed yet. */
export function readProblem(problem: Problem, inputs: unknown, settings: Settings): void {
  const what = '{ teacher, student, labels? }';
  const given = known(tables.inputs, expectObject('inputs', inputs, what));
  const { teacher: givenTeacher, student: givenStudent, labels } = given;
  const { call, teacher, student } = problem;
  readSide(student, givenStudent);
  readSide(teacher, givenTeacher);
  const { n, classes } = student;
  if (teacher.n !== n) {
    fail('ERR_GLD_SHAPE', `teacher.${teacher.kind}`, `${n} samples, as the student has`, `${teacher.n}`);
  }
  if (teacher.classes !== classes) {
    const argument = teacher.kind === 'features' ? 'teacher.weight' : 'teacher.logits';
    fail('ERR_GLD_CLASSES', argument, `${classes} classes, as the student has`, `${teacher.classes}`);
  }
  problem.n = n;
  problem.classes = classes;
  resolveGrid(problem, settings.grid);
  problem.rows = 1 + problem.gridRows * problem.gridCols;
  expectCountable(problem, student);
  expectCountable(problem, teacher);
  problem.hasLabels = labels !== undefined;
  if (!problem.hasLabels) return;
  readLabels(call, 'labels', labels, n, classes);
  if (settings.alpha > 1) {
    const expected = 'at most 1 with labels, whose term weighs 1 - alpha';
    fail('ERR_GLD_OPTION', 'alpha', expected, String(settings.alpha));
  }
}

/** Refuses sides whose rows, pooled or classified, could not be counted. */
function expectCountable({ n, rows, classes }: Problem, side: Side): void {
  const widest = Math.max(classes, side.channels);
  if (n * rows * widest > Number.MAX_SAFE_INTEGER) countElements(side.name, [n, rows, widest]);
}

/** The grid of cells: the option (default 2) where a map is pooled, else what the logits hold. */
function resolveGrid(problem: Problem, option: Settings['grid']): void {
  const { teacher, student } = problem;
  if (option === undefined && student.kind === 'logits' && teacher.kind === 'logits') {
    if (teacher.rows !== student.rows) {
      fail('ERR_GLD_SHAPE', 'teacher.logits', `${student.rows} rows per sample, as the student has`, `${teacher.rows}`);
    }
    problem.gridRows = student.rows - 1;
    problem.gridCols = 1;
    return;
  }
  const grid = option ?? usualGrid;
  expectGridFits(student, grid);
  expectGridFits(teacher, grid);
  problem.gridRows = grid[0];
  problem.gridCols = grid[1];
}

const usualGrid = [2, 2] as const;

function expectGridFits(side: Side, grid: readonly [number, number]): void {
  if (side.kind === 'features') {
    expectCellsFit(side.name, side.height, side.width, grid);
  } else if (side.rows !== 1 + grid[0] * grid[1]) {
    const rows = 1 + grid[0] * grid[1];
    const expected = `${rows} rows per sample, the global one and those of a ${grid[0]} x ${grid[1]} grid`;
    fail('ERR_GLD_GRID', `${side.name}.logits`, expected, `${side.rows} in shape ${brackets(side.logits.shape)}`);
  }
}

/** No map is cut into more cells than it has positions on an axis. `owner` is whose features they are, if anybody's. */
export function expectCellsFit(owner: string, height: number, width: number, grid: readonly [number, number]): void {
  if (grid[0] <= height && grid[1] <= width) return;
  const argument = owner === '' ? 'features' : `${owner}.features`;
  fail('ERR_GLD_GRID', 'grid', `at most [${height}, ${width}], the size of ${argument}' map`, brackets(grid));
}
