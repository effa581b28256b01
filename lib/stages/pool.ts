import { withCall } from '../call.js';
import { expectObject, options } from '../check.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { encodeOptions } from '../encode.js';
import { countRows, expectGridFits, setGrid, usualGrid } from '../grid.js';
import { readMask } from '../masks.js';
import { tables } from '../options.js';
import { output, resultType } from '../outputs.js';
import { choosePlace } from '../places.js';
import { layouts, readMap } from '../sides.js';
import type {
  AnyBuffer,
  AnyGradient,
  AnyTensor,
  DenseTensor,
  DeviceTensor,
  FeatureSide,
  GldLossOptions,
  HostBuffer,
  HostResult,
  Lending,
  NothingLent,
  TensorLike,
} from '../types.js';
import { readLike, refuseLent } from './rows.js';

/** What {@link pool} averages. */
export type PoolInputs<T extends AnyTensor = TensorLike> = Pick<FeatureSide<T>, 'features' | 'layout' | 'mask'>;

/** Options of {@link pool}. */
export interface PoolOptions<B = HostBuffer> extends Pick<GldLossOptions, 'device' | 'grid' | 'threads'> {
  /** Gradient of some scalar with respect to `pooled`, [n, 1 + L, C]: asks for the gradient with respect to the map. */
  readonly upstream?: AnyTensor | undefined;
  /** Buffers for the results, as {@link OutBuffers} describes; for `features` with `upstream` only. */
  readonly out?: { readonly pooled?: B | undefined; readonly features?: B | undefined } | undefined;
}

/** What {@link pool} returns, all of it where the map is. */
export interface PoolResult<G extends AnyGradient = DenseTensor> {
  /** [n, 1 + L, C]; row 0 of a sample is the mean of its whole map, then those of the cells, level by level, row by row. */
  pooled: G;
  /** With `upstream`: in the map's own layout. */
  gradients?: { features: G };
}

/**
 * Means of a feature map of one to three axes over the whole map and over each cell of a grid, or of several (adaptive
 * average pooling): on an axis of H positions in g cells, cell i is [floor(i H / g), ceil((i + 1) H / g)). With a mask,
 * means over the positions that count, and 0 where none does. Float64 for a float64 map, else float32.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function pool<O = NothingLent>(
  inputs: PoolInputs,
  settings?: Lending<PoolOptions, O>,
): PoolResult<HostResult<O>>;
export function pool(inputs: PoolInputs<DeviceTensor>, settings?: PoolOptions<DeviceTensor>): PoolResult<CudaTensor>;
export function pool<O = NothingLent>(
  inputs: PoolInputs<AnyTensor>,
  settings?: Lending<PoolOptions<AnyBuffer>, O>,
): PoolResult<HostResult<O> | CudaTensor>;
export function pool(
  inputs: PoolInputs<AnyTensor>,
  settings?: PoolOptions<AnyBuffer>,
): PoolResult<DenseTensor | CudaTensor> {
  const what = '{ features, layout?, mask? }';
  const { features: map, layout, mask } = options(tables.poolInputs, expectObject('inputs', inputs, what));
  const checked = options(tables.pool, settings);
  const { device, grid = usualGrid, out, upstream } = checked;
  return withCall((call) => {
    encodeOptions(checked, call.numbers);
    const features = call.view('student.features');
    const found = readMap(features, 'features', map, layout);
    const [n, channels, ...size] = features.shape as [number, number, ...number[]];
    if (mask !== undefined) readMask(call.view('student.mask'), 'mask', mask, features);
    expectGridFits(grid, features);
    const rows = countRows(grid, size.length);
    if (upstream !== undefined) {
      readLike(call.view('upstream'), 'upstream', upstream, [n, rows, channels], 'pooled has');
    }
    call.set('n', n);
    call.set('rows', rows);
    setGrid(call, grid, size.length);
    call.set('student.channels', channels);
    const [width, height = 1, depth = 1] = [...size].reverse();
    call.set('student.depth', depth);
    call.set('student.height', height);
    call.set('student.width', width);
    choosePlace(call, 'pool', device);
    const dtype = resultType(features);
    const result: PoolResult<DenseTensor | CudaTensor> = {
      pooled: output(call, 'out.pooled', { dtype, like: features, axes: [n, rows, channels], lent: out.pooled }),
    };
    if (upstream !== undefined) {
      const axes = found.endsWith('C') ? [n, ...size, channels] : [n, channels, ...size];
      const spec = { dtype, like: features, axes, order: layouts[found], lent: out.features };
      result.gradients = { features: output(call, 'out.features', spec) };
    } else {
      refuseLent(out, ['features'], 'without upstream');
    }
    call.run('pool');
    return result;
  });
}
