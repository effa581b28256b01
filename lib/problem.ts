import type { RoleView } from './call.js';
import { expectObject, options } from './check.js';
import { brackets } from './describe.js';
import { fail } from './errors.js';
import { readLabels } from './labels.js';
import { tables, type Settings } from './options.js';
import { readSide, type ReadSide } from './sides.js';
import { countElements } from './tensor.js';

/** The inputs of one loss after reading: everything checked, nothing computed. */
export interface Problem {
  readonly n: number;
  readonly classes: number;
  /** Rows of logits per sample: the global one and one per cell. */
  readonly rows: number;
  readonly grid: readonly [number, number];
  readonly teacher: ReadSide;
  readonly student: ReadSide;
  readonly hasLabels: boolean;
  /** All that the call reads. */
  readonly views: readonly RoleView[];
}

/** Reads the inputs and checks that they belong together and that the options suit them. */
export function readProblem(inputs: unknown, settings: Settings): Problem {
  const given = options(tables.inputs, expectObject('inputs', inputs, '{ teacher, student, labels? }'));
  const student = readSide('student', given.student);
  const teacher = readSide('teacher', given.teacher);
  const { n, classes } = student;
  if (teacher.n !== n) {
    fail('ERR_GLD_SHAPE', `teacher.${teacher.kind}`, `${n} samples, as the student has`, `${teacher.n}`);
  }
  if (teacher.classes !== classes) {
    const argument = teacher.kind === 'features' ? 'teacher.weight' : 'teacher.logits';
    fail('ERR_GLD_CLASSES', argument, `${classes} classes, as the student has`, `${teacher.classes}`);
  }
  const grid = resolveGrid(settings.grid, teacher, student);
  const rows = 1 + grid[0] * grid[1];
  const views = [...sideViews('teacher', teacher), ...sideViews('student', student)];
  for (const side of [student, teacher]) {
    const widest = side.kind === 'features' ? Math.max(classes, side.channels) : classes;
    countElements(side === student ? 'student' : 'teacher', [n, rows, widest]);
  }
  const hasLabels = given.labels !== undefined;
  if (hasLabels) views.push(readLabels('labels', given.labels, n, classes));
  if (hasLabels && settings.alpha > 1) {
    const expected = 'at most 1 with labels, whose term weighs 1 - alpha';
    fail('ERR_GLD_OPTION', 'alpha', expected, String(settings.alpha));
  }
  return { n, classes, rows, grid, teacher, student, hasLabels, views };
}

/** The grid of cells: the option (default 2) where a map is pooled, else what the logits hold. */
function resolveGrid(option: Settings['grid'], teacher: ReadSide, student: ReadSide): readonly [number, number] {
  if (option === undefined && student.kind === 'logits' && teacher.kind === 'logits') {
    if (teacher.rows !== student.rows) {
      fail('ERR_GLD_SHAPE', 'teacher.logits', `${student.rows} rows per sample, as the student has`, `${teacher.rows}`);
    }
    return [student.rows - 1, 1];
  }
  const grid = option ?? [2, 2];
  expectGridFits('student', student, grid);
  expectGridFits('teacher', teacher, grid);
  return grid;
}

function expectGridFits(name: string, side: ReadSide, grid: readonly [number, number]): void {
  if (side.kind === 'features') {
    expectCellsFit(`${name}.features`, side.height, side.width, grid);
  } else if (side.rows !== 1 + grid[0] * grid[1]) {
    const rows = 1 + grid[0] * grid[1];
    const expected = `${rows} rows per sample, the global one and those of a ${grid[0]} x ${grid[1]} grid`;
    fail('ERR_GLD_GRID', `${name}.logits`, expected, `${side.rows} in shape ${brackets(side.logits.shape)}`);
  }
}

/** No map is cut into more cells than it has positions on an axis. */
export function expectCellsFit(argument: string, height: number, width: number, grid: readonly [number, number]): void {
  if (grid[0] > height || grid[1] > width) {
    fail('ERR_GLD_GRID', 'grid', `at most [${height}, ${width}], the size of ${argument}' map`, brackets(grid));
  }
}

function sideViews(name: 'teacher' | 'student', side: ReadSide): RoleView[] {
  if (side.kind === 'logits') return [[`${name}.logits`, side.logits]];
  const views: RoleView[] = [[`${name}.features`, side.features], [`${name}.weight`, side.weight]];
  if (side.bias !== undefined) views.push([`${name}.bias`, side.bias]);
  return views;
}
