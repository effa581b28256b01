import { withCall } from '../call.js';
import { expectObject, options } from '../check.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { encodeOptions } from '../encode.js';
import { readLabels } from '../labels.js';
import { tables } from '../options.js';
import { Watch } from '../probabilities.js';
import type {
  AnyBuffer,
  AnyTensor,
  ClassWeights,
  DenseTensor,
  DeviceTensor,
  HostBuffer,
  HostResult,
  LabelOptions,
  Labels,
  Lending,
  NothingLent,
  SampleWeights,
  TensorLike,
} from '../types.js';
import { readClassWeights, readSampleWeights } from '../weights.js';
import { readLogitRows, rowLoss, type RowLossOptions, type RowLossResult } from './rows.js';

const watch = new Watch();

/** What {@link crossEntropy} compares. */
export interface CrossEntropyInputs<S extends AnyTensor = TensorLike> {
  /** [n, K]. */
  readonly logits: S;
  readonly labels: Labels | DeviceTensor;
  /** [n]: how many times each sample counts. @default once */
  readonly sampleWeights?: SampleWeights | undefined;
  /** [K]: how much each class counts as a label. @default 1 */
  readonly classWeights?: ClassWeights | undefined;
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions<B = HostBuffer> extends RowLossOptions<B>, LabelOptions {}

/**
 * Mean cross-entropy of n rows of logits with their labels: (1/n) Σ_i -log softmax(z_i)[label_i], or
 * (1/n) Σ_i Σ_k -label_i[k] log softmax(z_i)[k] with soft labels. With weights, and where labels are ignored, it is the
 * weighted mean over those that count, or 0 if none does. Weights of classes multiply the labels, smoothed ones too, and
 * with class indices the divisor is the sum of those of the labels, as with PyTorch's `weight`. A logit of −∞ excludes its class: its gradient is 0 where that is
 * no target, and the loss is +∞ where it is one, as every class is with label smoothing.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function crossEntropy<O = NothingLent>(
  inputs: CrossEntropyInputs,
  settings?: Lending<CrossEntropyOptions, O>,
): RowLossResult<HostResult<O>>;
export function crossEntropy(
  inputs: CrossEntropyInputs<DeviceTensor>,
  settings?: CrossEntropyOptions<DeviceTensor>,
): RowLossResult<CudaTensor>;
export function crossEntropy<O = NothingLent>(
  inputs: CrossEntropyInputs<AnyTensor>,
  settings?: Lending<CrossEntropyOptions<AnyBuffer>, O>,
): RowLossResult<HostResult<O> | CudaTensor>;
export function crossEntropy(
  inputs: CrossEntropyInputs<AnyTensor>,
  settings?: CrossEntropyOptions<AnyBuffer>,
): RowLossResult<DenseTensor | CudaTensor> {
  const what = '{ logits, labels, sampleWeights?, classWeights? }';
  const given = options(tables.crossEntropyInputs, expectObject('inputs', inputs, what));
  const checked = options(tables.crossEntropy, settings);
  return withCall((call) => {
    encodeOptions(checked, call.numbers);
    const student = readLogitRows(call.view('student.logits'), 'logits', given.logits, [2]);
    if (watch.next()) watch.look('student', student.view, 1);
    readLabels(call, given.labels, student.n, student.width, checked);
    if (given.sampleWeights !== undefined) readSampleWeights(call, given.sampleWeights, student.n, 1);
    if (given.classWeights !== undefined) readClassWeights(call, given.classWeights, student.width);
    return rowLoss(call, 'cross_entropy', student, checked).result;
  });
}
