/** Metrics of a batch: what tfjs calls by these names, and functions of labels and probabilities. */
import type * as tfjs from '@tensorflow/tfjs';
import { isTfjsTensor } from '../adapters/tfjs-types.js';
import { quoted, hint } from '../check.js';
import { describe } from '../describe.js';
import { fail } from '../errors.js';

type Tf = typeof tfjs;
type Tensor = tfjs.Tensor;

/** A metric by the name that logs have it under. */
export interface Metric {
  readonly name: string;
  /** The argument that it was asked for by. */
  readonly path: string;
  readonly of: (labels: Tensor, probabilities: Tensor) => Tensor;
}

const short: Readonly<Record<string, readonly [name: string, metric: string]>> = {
  accuracy: ['acc', 'categoricalAccuracy'],
  acc: ['acc', 'categoricalAccuracy'],
  // Labels come one-hot, so that both are the same.
  sparseCategoricalAccuracy: ['sparseCategoricalAccuracy', 'categoricalAccuracy'],
  crossentropy: ['ce', 'categoricalCrossentropy'],
  ce: ['ce', 'categoricalCrossentropy'],
};

/** What logs have besides metrics. */
const taken: readonly string[] = ['batch', 'size', 'loss', 'task', 'global', 'local', 'relation'];

/** The metrics that are asked for. */
export function metricsOf(tf: object, given: unknown): Metric[] {
  if (given === undefined) return [];
  const metrics = (tf as Tf).metrics as unknown as Record<string, Metric['of'] | undefined>;
  const names = [...Object.keys(short), ...Object.keys(metrics)];
  const all = [given].flat().map((entry: unknown, i): Metric => {
    const path = Array.isArray(given) ? `metrics[${i}]` : 'metrics';
    if (typeof entry === 'function') return { name: entry.name || `metric${i}`, path, of: entry as Metric['of'] };
    if (typeof entry !== 'string') return fail('ERR_GLD_ARG_TYPE', path, 'a name or a function', describe(entry));
    const [name, key] = Object.hasOwn(short, entry) ? short[entry] : [entry, entry];
    const of = Object.hasOwn(metrics, key) ? metrics[key] : undefined;
    if (of !== undefined) return { name, path, of };
    return fail('ERR_GLD_OPTION', path, `one of ${quoted(names)}${hint(entry, names)}`, describe(entry));
  });
  for (const { name, path, of } of all) {
    const other = all.find((metric) => metric.name === name && metric.of !== of);
    if (other === undefined && !taken.includes(name)) continue;
    fail('ERR_GLD_OPTION', path, 'a function with a name of its own, which logs have it under', `one named '${name}'`);
  }
  return all;
}

/**
 * The metrics of some samples, each a mean over them, as scalars. To be called in a tidy.
 *
 * @param labels class indices [n] or [n, 1], or soft labels [n, K]
 * @param logits [n, K]
 */
export function measure(tf: object, metrics: readonly Metric[], labels: Tensor, logits: Tensor): Tensor[] {
  const { softmax, mean, oneHot, cast, reshape } = tf as Tf;
  if (metrics.length === 0) return [];
  const [n, k] = logits.shape;
  const soft = labels.shape.length === 2 && labels.shape[1] !== 1;
  // Cast, because the wasm backend's oneHot of another type has the bits of integers.
  const truth = cast(soft ? labels : oneHot(cast(reshape(labels, [n]), 'int32'), k), 'float32');
  const probabilities = softmax(logits);
  return metrics.map(({ path, of }) => {
    const values: unknown = of(truth, probabilities);
    if (isTfjsTensor(values) || typeof values === 'number') return mean(values as Tensor);
    return fail('ERR_GLD_ARG_TYPE', `${path}()`, 'a tensor with a number for every sample', describe(values));
  });
}

/** The logits [n, K] of a side's global rows: they themselves, or the mean over the map times the classifier. In a tidy. */
export function globalLogits(tf: object, side: object): Tensor {
  const { mean, matMul, add } = tf as Tf;
  const { logits, features, logitMap, weight, bias, layout } = side as {
    logits?: Tensor;
    features?: Tensor;
    logitMap?: Tensor;
    weight: Tensor;
    bias?: Tensor;
    layout?: string;
  };
  if (logits !== undefined) return logits;
  const map = features ?? (logitMap as Tensor);
  const first = layout?.startsWith('NC') ? 2 : 1;
  const pooled = mean(
    map,
    Array.from({ length: map.shape.length - 2 }, (_, axis) => first + axis),
  );
  if (features === undefined) return pooled;
  const rows = matMul(pooled, weight);
  return bias === undefined ? rows : add(rows, bias);
}
