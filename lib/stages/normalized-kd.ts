import { withCall } from '../call.js';
import { options } from '../check.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { encodeOptions } from '../encode.js';
import { tables } from '../options.js';
import { Watch } from '../probabilities.js';
import type {
  AnyBuffer,
  AnyTensor,
  DenseTensor,
  DeviceTensor,
  HostBuffer,
  HostResult,
  Lending,
  Normalization,
  NothingLent,
} from '../types.js';
import { readPair, rowLoss, type LogitPair, type RowLossOptions, type RowLossResult } from './rows.js';

const watch = new Watch();

/** Options of {@link normalizedKd}. */
export interface NormalizedKdOptions<B = HostBuffer> extends RowLossOptions<B> {
  /** What divides a row of logits before the softmax. @default { kind: 'std', unbiased: true, compensated: false, temperature: 1 } */
  readonly normalization?: Normalization | undefined;
}

/**
 * Normalized distillation of rows of logits: (1/n) Σ KL(softmax(zt / σ(zt)) ‖ softmax(zs / σ(zs))) over all rows, σ the
 * standard deviation of the row over its classes (GLD's L_ND). With a temperature it is Hinton's
 * (1/n) Σ τ² KL(softmax(zt / τ) ‖ softmax(zs / τ)), and {@link Normalization} has more. Logits [n, R, K] are n samples of
 * R rows: the sum over a sample's rows is not divided by R. Logits [n, K] are one row per sample. With weights, each row
 * counts as often as its weight says, and n is the sum of the weights of the samples' first rows (0 there: the loss is 0).
 * A logit of −∞ excludes its class: with a temperature, the loss is finite if the teacher excludes all that the student
 * does, else +∞; by σ it is NaN.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function normalizedKd<O = NothingLent>(
  inputs: LogitPair,
  settings?: Lending<NormalizedKdOptions, O>,
): RowLossResult<HostResult<O>>;
export function normalizedKd(
  inputs: LogitPair<DeviceTensor>,
  settings?: NormalizedKdOptions<DeviceTensor>,
): RowLossResult<CudaTensor>;
export function normalizedKd<O = NothingLent>(
  inputs: LogitPair<AnyTensor>,
  settings?: Lending<NormalizedKdOptions<AnyBuffer>, O>,
): RowLossResult<HostResult<O> | CudaTensor>;
export function normalizedKd(
  inputs: LogitPair<AnyTensor>,
  settings?: NormalizedKdOptions<AnyBuffer>,
): RowLossResult<DenseTensor | CudaTensor> {
  return withCall((call) => {
    const student = readPair(call, inputs, watch);
    const checked = options(tables.normalizedKd, settings);
    encodeOptions(checked, call.numbers);
    return rowLoss(call, 'normalized_kd', student, checked).result;
  });
}
