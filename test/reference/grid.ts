/** The three forms of the option `grid`, as levels of cells per axis. */
import type { GridOption, Levels } from './types.js';

/**
 * The levels of a grid on a map of so many axes: a number is one level, the same on every axis; an array with one entry per
 * axis is one level; any other array, or `{ pyramid }`, is a list of levels.
 */
export function levelsOf(grid: GridOption = 2, axes = 2): Levels {
  const everyAxis = (cells: number): number[] => new Array<number>(axes).fill(cells);
  if (typeof grid === 'number') return [everyAxis(grid)];
  if ('pyramid' in grid) return grid.pyramid.map((level) => (typeof level === 'number' ? everyAxis(level) : level));
  return grid.length === axes ? [grid] : grid.map(everyAxis);
}

/** L: the cells of all levels. */
export function countCells(levels: Levels): number {
  return levels.reduce((sum, level) => sum + level.reduce((product, cells) => product * cells, 1), 0);
}
