/**
 * Stage `gld`: the whole loss, L = (1−α)·L_task + α·L_global + w·L_local + β·L_relation, and its gradients with respect
 * to what the student was given as: features, weight and bias, or logits. The teacher is constant. Without labels there
 * is no task term.
 */
import { classify, classifyGradient } from './classifier.js';
import { crossEntropy, oneHot } from './cross_entropy.js';
import { fromKC, fromNCHW, mapShape, toKC, toNCHW } from './layout.js';
import { normalizedKd } from './normalized_kd.js';
import { pool, poolGradient, type Grid } from './pool.js';
import { relation } from './relation.js';
import { rows } from './rows.js';
import type { Dense, FeatureSide, Inputs, Labels, Options, Result, Side, Terms } from './types.js';

/** A side's logits [n, R, K] and the way back from them. */
interface Forward {
  logits: Float64Array;
  samples: number;
  rowsPerSample: number;
  classes: number;
  backward(dLogits: Float64Array): Result['gradients'];
}

function forward(side: Side, grid: Grid): Forward {
  return 'logits' in side ? givenLogits(side.logits) : classifiedFeatures(side, grid);
}

function givenLogits({ data, shape }: Dense): Forward {
  const [samples, rowsPerSample, classes] = shape;
  return {
    logits: Float64Array.from(data),
    samples,
    rowsPerSample,
    classes,
    backward: (dLogits) => ({ logits: { data: dLogits, shape } }),
  };
}

function classifiedFeatures(side: FeatureSide, grid: Grid): Forward {
  const { layout = 'NCHW', weightLayout = 'KC', bias } = side;
  const map = mapShape(side.features.shape, layout);
  const weight = toKC(side.weight, weightLayout);
  const classes = weight.length / map.channels;
  const rowsPerSample = 1 + grid.rows * grid.cols;
  const shape = { count: map.samples * rowsPerSample, channels: map.channels, classes };

  const pooled = pool(toNCHW(side.features.data, map, layout), map, grid);
  return {
    logits: classify(pooled, weight, bias?.data, shape),
    samples: map.samples,
    rowsPerSample,
    classes,
    backward(dLogits) {
      const d = classifyGradient(dLogits, pooled, weight, shape);
      const dFeatures = poolGradient(d.pooled, map, grid);
      return {
        features: { data: fromNCHW(dFeatures, map, layout), shape: side.features.shape },
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

/** Adds `weight` × a gradient over the given rows to the gradient over all rows. */
function scatter(dz: Float64Array[], which: number[], weight: number, gradient: Float64Array): void {
  const classes = gradient.length / which.length;
  which.forEach((r, at) => {
    for (let k = 0; k < classes; k++) dz[r][k] += weight * gradient[at * classes + k];
  });
}

function targets(labels: Labels, classes: number): Float64Array {
  if (!('data' in labels)) return oneHot(labels, classes);
  return labels.shape.length === 1 ? oneHot(labels.data, classes) : Float64Array.from(labels.data);
}

export function gld({ teacher, student, labels }: Inputs, options: Options = {}): Result {
  const { alpha = 0.7, beta = 500, localWeight = 1, grid = 2, normalization = { kind: 'std' } } = options;
  const { metric = 'sqeuclidean', reduction = 'matrix' } = options.relation ?? {};
  const [gridRows, gridCols] = typeof grid === 'number' ? [grid, grid] : grid;

  const t = forward(teacher, { rows: gridRows, cols: gridCols });
  const s = forward(student, { rows: gridRows, cols: gridCols });
  const { samples, rowsPerSample, classes } = s;
  const zt = rows(t.logits, classes);
  const zs = rows(s.logits, classes);
  const globalRows = [...zs.keys()].filter((r) => r % rowsPerSample === 0);
  const localRows = [...zs.keys()].filter((r) => r % rowsPerSample !== 0);
  const dLogits = new Float64Array(s.logits.length);
  const dz = rows(dLogits, classes);

  const kd = { samples, classes, normalization };
  const global = normalizedKd(gather(zt, globalRows), gather(zs, globalRows), kd);
  const local = normalizedKd(gather(zt, localRows), gather(zs, localRows), kd);
  const related = relation(t.logits, s.logits, { classes, metric, reduction });
  scatter(dz, globalRows, alpha, global.gradient);
  scatter(dz, localRows, localWeight, local.gradient);
  scatter(dz, [...zs.keys()], beta, related.gradient);
  const terms: Terms = { global: global.loss, local: local.loss, relation: related.loss };
  let loss = alpha * global.loss + localWeight * local.loss + beta * related.loss;

  if (labels !== undefined) {
    const task = crossEntropy(gather(zs, globalRows), targets(labels, classes), classes);
    scatter(dz, globalRows, 1 - alpha, task.gradient);
    terms.task = task.loss;
    loss += (1 - alpha) * task.loss;
  }
  return { loss, terms, gradients: s.backward(dLogits) };
}
