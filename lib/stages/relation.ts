import { withCall } from '../call.js';
import { options } from '../check.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { encodeOptions } from '../encode.js';
import { refuseEuclideanMoments, tables } from '../options.js';
import type {
  AnyBuffer,
  AnyGradient,
  AnyTensor,
  DenseTensor,
  DeviceTensor,
  GldLossOptions,
  Gradient,
  HostBuffer,
  HostResult,
  Lending,
  NothingLent,
  RelationMethod,
  RelationOptions,
} from '../types.js';
import { Watch } from '../probabilities.js';
import { readPair, rowLoss, type LogitPair, type RowLossOptions, type RowLossResult } from './rows.js';

const watch = new Watch();

/** Options of {@link relation}. */
export interface RelationStageOptions<B = HostBuffer>
  extends RowLossOptions<B>,
    RelationOptions,
    Pick<GldLossOptions, 'precision'> {}

/** What {@link relation} returns. */
export interface RelationResult<G extends AnyGradient = Gradient> extends RowLossResult<G> {
  /** The method that computed it. */
  method: RelationMethod;
}

/**
 * The relation loss over all m rows of logits: (1/m²) Σ_rc (Dt[r, c] - Ds[r, c])² with D[r, c] = ‖z_r - z_c‖², each row
 * divided by its L2 norm (a row of zeros stays one); GLD's L_relation. Both methods are exact and
 * neither keeps an m x m matrix. `reduction` puts another number of rows in the place of one m: 1 ('row'), or any
 * (`{ rows }`), so that the loss does not shrink as the batch grows. Logits [n, R, K] are m = n R rows. With
 * weights, every sum over rows counts each as often as its weight says, norms and m included.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function relation<O = NothingLent>(
  inputs: LogitPair,
  settings?: Lending<RelationStageOptions, O>,
): RelationResult<HostResult<O>>;
export function relation(
  inputs: LogitPair<DeviceTensor>,
  settings?: RelationStageOptions<DeviceTensor>,
): RelationResult<CudaTensor>;
export function relation<O = NothingLent>(
  inputs: LogitPair<AnyTensor>,
  settings?: Lending<RelationStageOptions<AnyBuffer>, O>,
): RelationResult<HostResult<O> | CudaTensor>;
export function relation(
  inputs: LogitPair<AnyTensor>,
  settings?: RelationStageOptions<AnyBuffer>,
): RelationResult<DenseTensor | CudaTensor> {
  return withCall((call) => {
    const student = readPair(call, inputs, watch);
    const checked = options(tables.relation, settings);
    const { precision, threads } = checked;
    refuseEuclideanMoments(checked, 'method');
    encodeOptions({ relation: checked, precision, threads }, call.numbers);
    const { result, method } = rowLoss(call, 'relation', student, checked);
    return { ...result, method };
  });
}
