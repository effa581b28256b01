import { withCall } from '../call.js';
import { expectObject, options } from '../check.js';
import type { CudaTensor } from '../cuda_tensor.js';
import { setThreads } from '../encode.js';
import { readLabels } from '../labels.js';
import { tables } from '../options.js';
import type { AnyBuffer, AnyTensor, DenseTensor, DeviceTensor, Labels, TensorLike } from '../types.js';
import { readLogitRows, rowLoss, type RowLossOptions, type RowLossResult } from './rows.js';

/** What {@link crossEntropy} compares. */
export interface CrossEntropyInputs<S extends AnyTensor = TensorLike> {
  /** [n, K]. */
  readonly logits: S;
  readonly labels: Labels | DeviceTensor;
}

/**
 * Mean cross-entropy of n rows of logits with their labels: (1/n) Σ_i -log softmax(z_i)[label_i], or
 * (1/n) Σ_i Σ_k -label_i[k] log softmax(z_i)[k] with soft labels.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function crossEntropy(inputs: CrossEntropyInputs, settings?: RowLossOptions): RowLossResult;
export function crossEntropy(
  inputs: CrossEntropyInputs<DeviceTensor>,
  settings?: RowLossOptions<DeviceTensor>,
): RowLossResult<CudaTensor>;
export function crossEntropy(
  inputs: CrossEntropyInputs<AnyTensor>,
  settings?: RowLossOptions<AnyBuffer>,
): RowLossResult<DenseTensor | CudaTensor>;
export function crossEntropy(
  inputs: CrossEntropyInputs<AnyTensor>,
  settings?: RowLossOptions<AnyBuffer>,
): RowLossResult<DenseTensor | CudaTensor> {
  const given = options(tables.crossEntropyInputs, expectObject('inputs', inputs, '{ logits, labels }'));
  const { device, gradients, out, threads } = options(tables.crossEntropy, settings);
  return withCall((call) => {
    const student = readLogitRows(call.view('student.logits'), 'logits', given.logits, [2]);
    readLabels(call, 'labels', given.labels, student.n, student.width);
    setThreads(call, threads);
    return rowLoss(call, 'cross_entropy', student, { device, precision: 'float32', gradients, out }).result;
  });
}
