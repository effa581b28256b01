import type { Call } from './call.js';
import { expectObject, known, type Check } from './check.js';
import { brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { limits } from './schema.js';
import type { View } from './tensor.js';

/** Cells of one level of a grid: the same on every axis, or one number per axis. */
type Level = number | readonly number[];

/** The option `grid` after checking. What it means depends on the axes of the map: see {@link countLevels}. */
export interface Grid {
  readonly levels: readonly Level[];
  /** It was a bare array: one level if the map has as many axes, else a pyramid. */
  readonly list: boolean;
}

/** 2 cells on every axis. */
export const usualGrid: Grid = { levels: [2], list: false };

const { levels: mostLevels, mapAxes: mostAxes } = limits;
/** Axes of a tensor [n, C, ...axes of the map]. */
const beforeMap = 2;

/** undefined when not given, because the default depends on the inputs. */
export const grid: Check<Grid | undefined> = (value, path) => {
  if (value === undefined) return undefined;
  if (typeof value === 'number') {
    expectCells(path, value, value);
    return { levels: [value], list: false };
  }
  if (Array.isArray(value)) return { levels: readLevels(path, value, false), list: true };
  const what = 'a number of cells, an array of such numbers, or { pyramid }';
  const { pyramid } = known({ pyramid: undefined as never }, expectObject(path, value, what), path);
  if (!Array.isArray(pyramid)) fail('ERR_GLD_ARG_TYPE', `${path}.pyramid`, 'an array of levels', describe(pyramid));
  return { levels: readLevels(`${path}.pyramid`, pyramid, true), list: false };
};

/** Copies a list of levels, or of the cells of one. */
function readLevels(path: string, given: readonly unknown[], nested: boolean): Level[] {
  const levels = [...given];
  if (levels.length < 1 || levels.length > mostLevels) {
    fail('ERR_GLD_GRID', path, `1 to ${mostLevels} levels`, `${levels.length}`);
  }
  return levels.map((level, index) => {
    if (nested && Array.isArray(level)) {
      const cells = [...level] as unknown[];
      if (cells.length < 1 || cells.length > mostAxes) {
        fail(
          'ERR_GLD_GRID',
          `${path}[${index}]`,
          `1 to ${mostAxes} numbers, one per axis of the map`,
          `${cells.length}`,
        );
      }
      cells.forEach((each) => expectCells(`${path}[${index}]`, each, cells));
      return cells as number[];
    }
    if (Array.isArray(level)) {
      fail(
        'ERR_GLD_ARG_TYPE',
        path,
        'numbers of cells (levels of several numbers go into { pyramid })',
        describe(level),
      );
    }
    expectCells(nested ? `${path}[${index}]` : path, level, nested ? level : levels);
    return level as number;
  });
}

function expectCells(path: string, cells: unknown, given: unknown): void {
  if (Number.isSafeInteger(cells) && (cells as number) >= 1) return;
  const got = Array.isArray(given) ? `[${given.map(describe).join(', ')}]` : describe(given);
  fail('ERR_GLD_GRID', path, 'integers of at least 1', got);
}

/** How many axes the grid speaks of where there is no map to tell: two, if its levels do not. */
export function usualAxes({ levels }: Grid): number {
  for (const level of levels) if (typeof level !== 'number') return level.length;
  return 2;
}

/** Levels of the grid on a map of so many axes. */
export function countLevels({ levels, list }: Grid, axes: number): number {
  return list && levels.length === axes ? 1 : levels.length;
}

function cellsOn({ levels, list }: Grid, axes: number, level: number, axis: number): number {
  if (list && levels.length === axes) return levels[axis] as number;
  const cells = levels[level];
  return typeof cells === 'number' ? cells : cells[axis];
}

/** Rows per sample: the global one and one per cell of every level. */
export function countRows(grid: Grid, axes: number): number {
  let rows = 1;
  for (let level = 0; level < countLevels(grid, axes); level += 1) {
    let cells = 1;
    for (let axis = 0; axis < axes; axis += 1) cells *= cellsOn(grid, axes, level, axis);
    rows += cells;
  }
  return rows;
}

function genitive(name: string): string {
  return name.endsWith('s') ? "'" : "'s";
}

/** Levels given axis by axis must have as many entries as the map has axes; `owner` is whose map it is. */
export function expectAxes({ levels }: Grid, axes: number, owner: string): void {
  for (let level = 0; level < levels.length; level += 1) {
    const cells = levels[level];
    if (typeof cells === 'number' || cells.length === axes) continue;
    const expected = `${axes} numbers, one per axis of ${owner}`;
    fail('ERR_GLD_GRID', `grid.pyramid[${level}]`, expected, brackets(cells));
  }
}

/**
 * A grid must fit a map, a tensor [n, C, ...axes]: levels given axis by axis have as many numbers, and no map is cut into
 * more cells than it has positions on an axis.
 */
export function expectGridFits(grid: Grid, { argument, shape }: View): void {
  const axes = shape.length - beforeMap;
  expectAxes(grid, axes, argument);
  for (let level = 0; level < countLevels(grid, axes); level += 1) {
    for (let axis = 0; axis < axes; axis += 1) {
      if (cellsOn(grid, axes, level, axis) <= shape[beforeMap + axis]) continue;
      const expected = `at most ${brackets(shape.slice(beforeMap))}, the size of ${argument}${genitive(argument)} map`;
      fail('ERR_GLD_GRID', 'grid', expected, brackets(cellsOf(grid, axes, level)));
    }
  }
}

/** The grid as messages name it: `2 x 2 grid`. */
export function gridText(grid: Grid, axes: number): string {
  const levels = Array.from({ length: countLevels(grid, axes) }, (_, level) => cellsOf(grid, axes, level).join(' x '));
  return levels.length > 1 ? `pyramid of ${levels.join(', ')} cells` : `${levels[0]} grid`;
}

function cellsOf(grid: Grid, axes: number, level: number): number[] {
  return Array.from({ length: axes }, (_, axis) => cellsOn(grid, axes, level, axis));
}

/** Describes the grid to the engine, which knows maps of depth, height and width. */
export function setGrid(call: Call, grid: Grid, axes: number): void {
  const levels = countLevels(grid, axes);
  call.set('levels', levels);
  for (let level = 0; level < levels; level += 1) {
    const depth = axes > 2 ? cellsOn(grid, axes, level, axes - 3) : 1;
    const height = axes > 1 ? cellsOn(grid, axes, level, axes - 2) : 1;
    call.setLevel(level, depth, height, cellsOn(grid, axes, level, axes - 1));
  }
}
