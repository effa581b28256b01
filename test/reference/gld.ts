/**
 * Stage `gld`: the whole loss, L = (1−α)·L_task + α·L_global + w·L_local + β·L_relation, and its gradients with respect
 * to what the student was given as: features, weight and bias; a map of logits; or logits. The teacher is constant.
 * Without labels there is no task term.
 *
 * Every row has a weight, by which it counts in every term: that of its sample, and 0 where the mask of either side leaves
 * nothing of its window.
 */
import { classify, classifyGradient } from './classifier.js';
import { crossEntropy, oneHot, smoothed, weighted as byClass } from './cross-entropy.js';
import { countCells, levelsOf } from './grid.js';
import { fromChannelsFirst, fromKC, mapShape, toChannelsFirst, toKC, usualLayout } from './layout.js';
import { normalizedKd } from './normalized-kd.js';
import { filledRows, pool, poolGradient } from './pool.js';
import { relation } from './relation.js';
import { rows } from './rows.js';
import type {
  Dense,
  FeatureSide,
  GridOption,
  Inputs,
  Labels,
  LogitMapSide,
  Metric,
  Normalization,
  Reduction,
  Result,
  Side,
  Terms,
} from './types.js';

export interface Options {
  alpha?: number;
  beta?: number;
  grid?: GridOption;
  localWeight?: number;
  normalization?: Normalization;
  relation?: { metric?: Metric; reduction?: Reduction };
  labelSmoothing?: number;
  ignoreIndex?: number;
}

/** A side's logits [n, R, K] and the way back from them. */
interface Forward {
  logits: Float64Array;
  samples: number;
  rowsPerSample: number;
  classes: number;
  /** Which of the rows [n, R] are of a window that is not empty. */
  filled: boolean[];
  backward(dLogits: Float64Array): Result['gradients'];
}

function forward(side: Side, grid?: GridOption): Forward {
  if ('logits' in side) return givenLogits(side.logits);
  return 'logitMap' in side ? pooledLogits(side, grid) : classifiedFeatures(side, grid);
}

function givenLogits({ data, shape }: Dense): Forward {
  const [samples, rowsPerSample, classes] = shape;
  return {
    logits: Float64Array.from(data),
    samples,
    rowsPerSample,
    classes,
    filled: new Array<boolean>(samples * rowsPerSample).fill(true),
    backward: (dLogits) => ({ logits: { data: dLogits, shape } }),
  };
}

/** The rows of a map, and the way back from them to its own layout. */
function pooledMap({ data, shape }: Dense, { layout, mask }: Pick<LogitMapSide, 'layout' | 'mask'>, grid?: GridOption) {
  const order = layout ?? usualLayout(shape.length);
  const map = mapShape(shape, order);
  const levels = levelsOf(grid, map.size.length);
  return {
    samples: map.samples,
    channels: map.channels,
    rowsPerSample: 1 + countCells(levels),
    pooled: pool(toChannelsFirst(data, map, order), map, levels, mask?.data),
    filled: filledRows(map, levels, mask?.data),
    backward: (dPooled: Float64Array): Dense => ({
      data: fromChannelsFirst(poolGradient(dPooled, map, levels, mask?.data), map, order),
      shape,
    }),
  };
}

function pooledLogits(side: LogitMapSide, grid?: GridOption): Forward {
  const { channels: classes, pooled, backward, ...rows } = pooledMap(side.logitMap, side, grid);
  return { ...rows, classes, logits: pooled, backward: (dLogits) => ({ logitMap: backward(dLogits) }) };
}

function classifiedFeatures(side: FeatureSide, grid?: GridOption): Forward {
  const { weightLayout = 'KC', bias } = side;
  const { channels, pooled, backward, ...rows } = pooledMap(side.features, side, grid);
  const weight = toKC(side.weight, weightLayout);
  const classes = weight.length / channels;
  const shape = { count: rows.samples * rows.rowsPerSample, channels, classes };
  return {
    ...rows,
    classes,
    logits: classify(pooled, weight, bias?.data, shape),
    backward(dLogits) {
      const d = classifyGradient(dLogits, pooled, weight, shape);
      return {
        features: backward(d.pooled),
        weight: { data: fromKC(d.weight, side.weight.shape, weightLayout), shape: side.weight.shape },
        ...(bias && { bias: { data: d.bias, shape: bias.shape } }),
      };
    },
  };
}

/** The given rows of a matrix, one after the other. */
function gather(z: Float64Array[], which: number[]): Float64Array {
  return Float64Array.from(which.flatMap((r) => Array.from(z[r])));
}

/** A term or gradient by its weight; 0 by 0, even where it is not finite. */
const weighted = (weight: number, term: number): number => (weight === 0 ? 0 : weight * term);

/** Adds `weight` × a gradient over the given rows to the gradient over all rows. */
function scatter(dz: Float64Array[], which: number[], weight: number, gradient: Float64Array): void {
  const classes = gradient.length / which.length;
  which.forEach((r, at) => {
    for (let k = 0; k < classes; k++) dz[r][k] += weighted(weight, gradient[at * classes + k]);
  });
}

/** The labels as distributions, which of them count, and the class of each if that is one. */
function targets(
  labels: Labels,
  classes: number,
  ignoreIndex?: number,
): { rows: Float64Array; counts: boolean[]; indices?: number[] } {
  if ('data' in labels && labels.shape.length === 2) {
    return { rows: Float64Array.from(labels.data), counts: new Array<boolean>(labels.shape[0]).fill(true) };
  }
  const indices = Array.from('data' in labels ? labels.data : labels);
  return {
    rows: oneHot(indices, classes, ignoreIndex),
    counts: indices.map((index) => index !== ignoreIndex),
    indices,
  };
}

const sum = (values: Iterable<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

export function gld(inputs: Inputs, options: Options = {}): Result {
  const { teacher, student, labels, sampleWeights } = inputs;
  const { alpha = 0.7, beta = 500, localWeight = 1, grid, normalization = { kind: 'std' } } = options;
  const { labelSmoothing = 0, ignoreIndex } = options;
  const { metric = 'sqeuclidean', reduction = 'matrix' } = options.relation ?? {};

  const t = forward(teacher, grid);
  const s = forward(student, grid);
  const { rowsPerSample, classes } = s;
  const zt = rows(t.logits, classes);
  const zs = rows(s.logits, classes);
  const all = [...zs.keys()];
  const globalRows = all.filter((r) => r % rowsPerSample === 0);
  const localRows = all.filter((r) => r % rowsPerSample !== 0);
  const weights = all.map((r) =>
    s.filled[r] && t.filled[r] ? (sampleWeights?.[Math.floor(r / rowsPerSample)] ?? 1) : 0,
  );
  const weightsOf = (which: number[]): number[] => which.map((r) => weights[r]);
  const dLogits = new Float64Array(s.logits.length);
  const dz = rows(dLogits, classes);

  const kd = { samples: sum(weightsOf(globalRows)), classes, normalization };
  const kdOf = (which: number[]) =>
    normalizedKd(gather(zt, which), gather(zs, which), { ...kd, weights: weightsOf(which) });
  const global = kdOf(globalRows);
  const local = kdOf(localRows);
  const related = relation(t.logits, s.logits, { classes, metric, reduction, weights });
  scatter(dz, globalRows, alpha, global.gradient);
  scatter(dz, localRows, localWeight, local.gradient);
  scatter(dz, all, beta, related.gradient);
  const terms: Terms = { global: global.loss, local: local.loss, relation: related.loss };
  let loss = weighted(alpha, global.loss) + weighted(localWeight, local.loss) + weighted(beta, related.loss);

  if (labels !== undefined) {
    const { rows: given, counts, indices } = targets(labels, classes, ignoreIndex);
    const labelled = weightsOf(globalRows).map((weight, i) => (counts[i] ? weight : 0));
    const { classWeights = new Float64Array(classes).fill(1) } = inputs;
    const of = byClass(smoothed(given, classes, labelSmoothing), classes, classWeights, labelled, indices);
    const task = crossEntropy(gather(zs, globalRows), of.targets, classes, labelled, of.counts);
    scatter(dz, globalRows, 1 - alpha, task.gradient);
    terms.task = task.loss;
    loss += weighted(1 - alpha, task.loss);
  }
  return { loss, terms, rows: sum(weights), gradients: s.backward(dLogits) };
}
