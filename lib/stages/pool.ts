import type { RoleView } from '../call.js';
import { expectObject, options } from '../check.js';
import { setNumbers, setThreads } from '../encode.js';
import { tables } from '../options.js';
import { named, output, resultType } from '../outputs.js';
import { expectCellsFit } from '../problem.js';
import { layouts, readFeatures } from '../sides.js';
import type { DenseTensor, FeatureSide, GldLossOptions, Gradient, TensorLike } from '../types.js';
import { readLike, runStage } from './rows.js';

/** What {@link pool} averages. */
export type PoolInputs = Pick<FeatureSide, 'features' | 'layout'>;

/** Options of {@link pool}. */
export interface PoolOptions extends Pick<GldLossOptions, 'grid' | 'threads'> {
  /** Gradient of some scalar with respect to `pooled`, [n, 1 + L, C]: asks for the gradient with respect to the map. */
  readonly upstream?: TensorLike | undefined;
}

/** What {@link pool} returns. */
export interface PoolResult {
  /** [n, 1 + L, C]; row 0 of a sample is the mean of its whole map, then those of the cells, row by row of the grid. */
  pooled: DenseTensor;
  /** With `upstream`: in the map's own layout. */
  gradients?: { features: Gradient };
}

/**
 * Means of a feature map over the whole map and over each cell of a grid (adaptive average pooling): on an axis of H
 * positions in g cells, cell i is [floor(i H / g), ceil((i + 1) H / g)). Float64 for a float64 map, else float32.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function pool(inputs: PoolInputs, settings?: PoolOptions): PoolResult {
  const { features: map, layout } = options(tables.poolInputs, expectObject('inputs', inputs, '{ features, layout? }'));
  const { grid = [2, 2] as const, threads, upstream } = options(tables.pool, settings);
  const features = readFeatures('features', map, layout);
  const [n, channels, height, width] = features.shape as [number, number, number, number];
  expectCellsFit('features', height, width, grid);
  const rows = 1 + grid[0] * grid[1];
  const dtype = resultType(features);
  const views: RoleView[] = [['student.features', features]];
  const outputs = [output('out.pooled', dtype, [n, rows, channels])];
  if (upstream !== undefined) {
    views.push(['upstream', readLike('upstream', upstream, [n, rows, channels], 'pooled has').view]);
    const sizes = { NCHW: [n, channels, height, width], NHWC: [n, height, width, channels] };
    outputs.push(output('out.features', dtype, sizes[layout], layouts[layout]));
  }
  runStage('pool', views, outputs, (call) => {
    setNumbers(call, { n, rows, gridRows: grid[0], gridCols: grid[1] });
    setNumbers(call, { studentChannels: channels, studentHeight: height, studentWidth: width });
    setThreads(call, threads);
  });
  const { pooled, features: gradient } = named(outputs) as { pooled: DenseTensor; features?: Gradient };
  return gradient === undefined ? { pooled } : { pooled, gradients: { features: gradient } };
}
