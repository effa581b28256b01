import type { RoleView } from '../call.js';
import { expectObject, options } from '../check.js';
import { setNumbers, setThreads } from '../encode.js';
import { tables } from '../options.js';
import { named, output, resultType } from '../outputs.js';
import { readClassifier, weightLayouts } from '../sides.js';
import type { DenseTensor, FeatureSide, GldLossOptions, Gradient, TensorLike } from '../types.js';
import { readLike, readRows, rowsOutput, runStage, withWidth } from './rows.js';

/** What {@link classify} multiplies. */
export interface ClassifyInputs extends Pick<FeatureSide, 'weight' | 'bias' | 'weightLayout'> {
  /** [n, R, C] or [m, C]. */
  readonly pooled: TensorLike;
}

/** Options of {@link classify}. */
export interface ClassifyOptions extends Pick<GldLossOptions, 'threads'> {
  /** Gradient of some scalar with respect to `logits`, in their shape: asks for the gradients of the inputs. */
  readonly upstream?: TensorLike | undefined;
}

/** What {@link classify} returns. */
export interface ClassifyResult {
  /** [n, R, K] or [m, K], as `pooled` was. */
  logits: DenseTensor;
  /** With `upstream`: each in its input's own shape and layout. */
  gradients?: { pooled: Gradient; weight: Gradient; bias?: Gradient };
}

/**
 * The linear classifier over pooled rows: logits = pooled · Wᵀ + b. Float64 if pooled, weight or bias is, else float32.
 *
 * @throws {GldError} See {@link GldErrorCode}.
 */
export function classify(inputs: ClassifyInputs, settings?: ClassifyOptions): ClassifyResult {
  const what = '{ pooled, weight, bias?, weightLayout? }';
  const given = options(tables.classifyInputs, expectObject('inputs', inputs, what));
  const { threads, upstream } = options(tables.classify, settings);
  const pooled = readRows('pooled', given.pooled, 'C');
  const { n, rows, width: channels } = pooled;
  const { weight, bias, classes } = readClassifier('', given, channels, "pooled's");
  const views: RoleView[] = [['pooled', pooled.view], ['student.weight', weight]];
  if (bias !== undefined) views.push(['student.bias', bias]);
  const shape = withWidth(pooled, classes);
  const outputs = [rowsOutput('out.logits', resultType(pooled.view, weight, bias), shape)];
  if (upstream !== undefined) {
    views.push(['upstream', readLike('upstream', upstream, shape, 'the logits have').view]);
    outputs.push(rowsOutput('out.pooled', resultType(pooled.view), withWidth(pooled, channels)));
    const sizes = { KC: [classes, channels], CK: [channels, classes] };
    const { weightLayout } = given;
    outputs.push(output('out.weight', resultType(weight), sizes[weightLayout], weightLayouts[weightLayout]));
    if (bias !== undefined) outputs.push(output('out.bias', resultType(bias), [classes]));
  }
  runStage('classifier', views, outputs, (call) => {
    setNumbers(call, { n, rows, classes, studentChannels: channels });
    setThreads(call, threads);
  });
  type All = { logits: DenseTensor } & NonNullable<ClassifyResult['gradients']>;
  const { logits, ...gradients } = named(outputs) as All;
  return upstream === undefined ? { logits } : { logits, gradients };
}
