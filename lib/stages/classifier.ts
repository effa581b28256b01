import { withCall } from '../call.js';
import { expectObject, options } from '../check.js';
import type { CudaTensor } from '../cuda-tensor.js';
import { encodeOptions } from '../encode.js';
import { tables } from '../options.js';
import { output, resultType } from '../outputs.js';
import { choosePlace } from '../places.js';
import { readClassifier, weightLayouts } from '../sides.js';
import type { View } from '../tensor.js';
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
import { readLike, readRows, refuseLent } from './rows.js';

/** What {@link classify} multiplies. */
export interface ClassifyInputs<T extends AnyTensor = TensorLike>
  extends Pick<FeatureSide<T>, 'weight' | 'bias' | 'weightLayout'> {
  /** [n, R, C] or [m, C]. */
  readonly pooled: T;
}

/** Options of {@link classify}. */
export interface ClassifyOptions<B = HostBuffer> extends Pick<GldLossOptions, 'device' | 'precision' | 'threads'> {
  /** Gradient of some scalar with respect to `logits`, in their shape: asks for the gradients of the inputs. */
  readonly upstream?: AnyTensor | undefined;
  /** Buffers for the results, as {@link OutBuffers} describes; for all but `logits` with `upstream` only. */
  readonly out?: { readonly [name in 'logits' | 'pooled' | 'weight' | 'bias']?: B | undefined } | undefined;
}

/** What {@link classify} returns. */
export interface ClassifyResult<G extends AnyGradient = DenseTensor> {
  /** [n, R, K] or [m, K], as `pooled` was, and where it is. */
  logits: G;
  /** With `upstream`: each in its input's own shape and layout, and where that is. */
  gradients?: { pooled: G; weight: G; bias?: G };
}

/**
 * The linear classifier over pooled rows: logits = pooled · Wᵀ + b. Float64 if pooled, weight or bias is, else float32.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function classify<O = NothingLent>(
  inputs: ClassifyInputs,
  settings?: Lending<ClassifyOptions, O>,
): ClassifyResult<HostResult<O>>;
export function classify(
  inputs: ClassifyInputs<DeviceTensor>,
  settings?: ClassifyOptions<DeviceTensor>,
): ClassifyResult<CudaTensor>;
export function classify<O = NothingLent>(
  inputs: ClassifyInputs<AnyTensor>,
  settings?: Lending<ClassifyOptions<AnyBuffer>, O>,
): ClassifyResult<HostResult<O> | CudaTensor>;
export function classify(
  inputs: ClassifyInputs<AnyTensor>,
  settings?: ClassifyOptions<AnyBuffer>,
): ClassifyResult<DenseTensor | CudaTensor> {
  const what = '{ pooled, weight, bias?, weightLayout? }';
  const given = options(tables.classifyInputs, expectObject('inputs', inputs, what));
  const checked = options(tables.classify, settings);
  const { device, out, upstream } = checked;
  const { weightLayout } = given;
  return withCall((call) => {
    encodeOptions(checked, call.numbers);
    const pooled = readRows(call.view('pooled'), 'pooled', given.pooled, 'C');
    const channels = pooled.width;
    const [weight, bias] = [call.view('student.weight'), call.view('student.bias')];
    const into = { weight, bias };
    const classes = readClassifier(into, 'classifier', given.weight, given.bias, weightLayout, channels, "pooled's");
    const shape = [...pooled.shape.slice(0, -1), classes];
    if (upstream !== undefined) readLike(call.view('upstream'), 'upstream', upstream, shape, 'the logits have');
    call.set('n', pooled.n);
    call.set('rows', pooled.rows);
    call.set('classes', classes);
    call.set('student.channels', channels);
    choosePlace(call, 'classifier', device);
    const dtype = resultType(pooled.view, weight, bias);
    const result: ClassifyResult<DenseTensor | CudaTensor> = {
      logits: output(call, 'out.logits', { dtype, like: pooled.view, axes: shape, lent: out.logits }),
    };
    if (upstream !== undefined) {
      const sizes = { KC: [classes, channels], CK: [channels, classes] }[weightLayout];
      const of = (like: View, lent: unknown) => ({ dtype: resultType(like), like, lent });
      result.gradients = {
        pooled: output(call, 'out.pooled', { ...of(pooled.view, out.pooled), axes: [...pooled.shape] }),
        weight: output(call, 'out.weight', {
          ...of(weight, out.weight),
          axes: sizes,
          order: weightLayouts[weightLayout],
        }),
      };
      if (bias.data === null) refuseLent(out, ['bias'], 'without a bias');
      else result.gradients.bias = output(call, 'out.bias', { ...of(bias, out.bias), axes: [classes] });
    } else {
      refuseLent(out, ['pooled', 'weight', 'bias'], 'without upstream');
    }
    call.run('classifier');
    return result;
  });
}
