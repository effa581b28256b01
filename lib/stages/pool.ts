import { withCall } from '../call.js';
import { expectObject, options } from '../check.js';
import type { CudaTensor } from '../cuda_tensor.js';
import { setThreads } from '../encode.js';
import { chooseEngine } from '../engine.js';
import { tables } from '../options.js';
import { output, resultType } from '../outputs.js';
import { expectCellsFit } from '../problem.js';
import { layouts, readFeatures } from '../sides.js';
import type {
  AnyBuffer, AnyGradient, AnyTensor, DenseTensor, DeviceTensor, FeatureSide, GldLossOptions, HostBuffer, TensorLike,
} from '../types.js';
import { readLike, refuseLent } from './rows.js';

/** What {@link pool} averages. */
export type PoolInputs<T extends AnyTensor = TensorLike> = Pick<FeatureSide<T>, 'features' | 'layout'>;

/** Options of {@link pool}. */
export interface PoolOptions<B = HostBuffer> extends Pick<GldLossOptions, 'device' | 'grid' | 'threads'> {
  /** Gradient of some scalar with respect to `pooled`, [n, 1 + L, C]: asks for the gradient with respect to the map. */
  readonly upstream?: AnyTensor | undefined;
  /** Buffers for the results, as {@link OutBuffers} describes; for `features` with `upstream` only. */
  readonly out?: { readonly pooled?: B | undefined; readonly features?: B | undefined } | undefined;
}

/** What {@link pool} returns, all of it where the map is. */
export interface PoolResult<G extends AnyGradient = DenseTensor> {
  /** [n, 1 + L, C]; row 0 of a sample is the mean of its whole map, then those of the cells, row by row of the grid. */
  pooled: G;
  /** With `upstream`: in the map's own layout. */
  gradients?: { features: G };
}

/**
 * Means of a feature map over the whole map and over each cell of a grid (adaptive average pooling): on an axis of H
 * positions in g cells, cell i is [floor(i H / g), ceil((i + 1) H / g)). Float64 for a float64 map, else float32.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function pool(inputs: PoolInputs, settings?: PoolOptions): PoolResult;
export function pool(inputs: PoolInputs<DeviceTensor>, settings?: PoolOptions<DeviceTensor>): PoolResult<CudaTensor>;
export function pool(
  inputs: PoolInputs<AnyTensor>,
  settings?: PoolOptions<AnyBuffer>,
): PoolResult<DenseTensor | CudaTensor>;
export function pool(
  inputs: PoolInputs<AnyTensor>,
  settings?: PoolOptions<AnyBuffer>,
): PoolResult<DenseTensor | CudaTensor> {
  const { features: map, layout } = options(tables.poolInputs, expectObject('inputs', inputs, '{ features, layout? }'));
  const { device, grid = [2, 2] as const, out, threads, upstream } = options(tables.pool, settings);
  return withCall((call) => {
    const features = call.view('student.features');
    readFeatures(features, 'features', map, layout);
    const [n, channels, height, width] = features.shape as [number, number, number, number];
    expectCellsFit('', height, width, grid);
    const rows = 1 + grid[0] * grid[1];
    if (upstream !== undefined) {
      readLike(call.view('upstream'), 'upstream', upstream, [n, rows, channels], 'pooled has');
    }
    chooseEngine(call, { device, precision: 'float32' });
    const dtype = resultType(features);
    const result: PoolResult<DenseTensor | CudaTensor> = {
      pooled: output(call, 'out.pooled', { dtype, like: features, axes: [n, rows, channels], lent: out.pooled }),
    };
    if (upstream !== undefined) {
      const sizes = { NCHW: [n, channels, height, width], NHWC: [n, height, width, channels] };
      const spec = { dtype, like: features, axes: sizes[layout], order: layouts[layout], lent: out.features };
      result.gradients = { features: output(call, 'out.features', spec) };
    } else {
      refuseLent(out, ['features'], 'without upstream');
    }
    call.set('n', n);
    call.set('rows', rows);
    call.set('levels', 1);
    call.setLevel(0, 1, grid[0], grid[1]);
    call.set('studentChannels', channels);
    call.set('studentDepth', 1);
    call.set('studentHeight', height);
    call.set('studentWidth', width);
    setThreads(call, threads);
    call.run('pool', null);
    return result;
  });
}
