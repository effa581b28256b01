/** The loss written with the operations of jax-js, whose own differentiation the adapter is held against. */
import { nn, numpy as np, random } from '@jax-js/jax';
import { present } from '../../../tools/present.js';
import { usualRelation, type OpsOptions } from '../cases.js';

type A = np.Array;

export interface OpsSide {
  /** [n, C, H, W] */
  features?: A;
  /** [K, C] */
  weight?: A;
  /** [K] */
  bias?: A;
  /** [n, R, K] */
  logits?: A;
}

export const normal = (seed: number, shape: number[]): A => random.normal(random.key(seed), shape);

/** The loss of logits or features, with all arrays consumed; `labels` are probabilities [n, K]. */
export function opsLoss(teacher: OpsSide, student: OpsSide, labels?: A, options: OpsOptions = {}): A {
  const { alpha = 0.7, beta = 500, localWeight = 1, grid = [2, 2], temperature } = options;
  const zt = logitsOf(teacher, grid);
  const zs = logitsOf(student, grid);
  const [n, rows, classes] = zs.shape;
  const rowsOf = (z: A, first: number, count: number) =>
    z.ref.slice([], [first, first + count], []).reshape([n * count, classes]);
  const kd = (first: number, count: number) =>
    distillation(rowsOf(zt, first, count), rowsOf(zs, first, count), temperature).div(n);

  let loss = kd(0, 1)
    .mul(alpha)
    .add(relation(rowsOf(zt, 0, rows), rowsOf(zs, 0, rows)).mul(beta));
  if (rows > 1) loss = loss.add(kd(1, rows - 1).mul(localWeight));
  if (labels !== undefined) {
    const task = labels
      .mul(nn.logSoftmax(rowsOf(zs, 0, 1), 1))
      .sum()
      .div(-n);
    loss = loss.add(task.mul(1 - alpha));
  }
  zt.dispose();
  zs.dispose();
  return loss;
}

function logitsOf({ features, weight, bias, logits }: OpsSide, grid: readonly [number, number]): A {
  if (logits) return logits;
  const [n, channels, height, width] = present(features).shape;
  const pooled = [present(features).ref.mean([2, 3])];
  for (let i = 0; i < grid[0]; i++) {
    for (let j = 0; j < grid[1]; j++) {
      const [y, x] = [Math.floor((i * height) / grid[0]), Math.floor((j * width) / grid[1])];
      const [yEnd, xEnd] = [Math.ceil(((i + 1) * height) / grid[0]), Math.ceil(((j + 1) * width) / grid[1])];
      pooled.push(present(features).ref.slice([], [], [y, yEnd], [x, xEnd]).mean([2, 3]));
    }
  }
  present(features).dispose();
  const rows = pooled.length;
  const product = np.matmul(np.stack(pooled, 1).reshape([n * rows, channels]), present(weight).transpose());
  return (bias ? product.add(bias) : product).reshape([n, rows, -1]);
}

/** Σ over the rows of KL(softmax(zt/σt) ‖ softmax(zs/σs)) with σ unbiased, or τ² times that with τ in place of σ. */
function distillation(zt: A, zs: A, temperature?: number): A {
  const logP = nn.logSoftmax(scaled(zt, temperature), 1);
  const logQ = nn.logSoftmax(scaled(zs, temperature), 1);
  return np
    .exp(logP.ref)
    .mul(logP.sub(logQ))
    .sum()
    .mul((temperature ?? 1) ** 2);
}

function scaled(z: A, temperature?: number): A {
  if (temperature !== undefined) return z.div(temperature);
  const centred = z.ref.sub(z.ref.mean(1, { keepdims: true }));
  const variance = np
    .square(centred)
    .sum(1, { keepdims: true })
    .div(z.shape[1] - 1);
  return z.div(np.sqrt(variance));
}

function relation(zt: A, zs: A): A {
  const distances = (z: A) => {
    const [m, k] = z.shape;
    const d = np.square(z.ref.reshape([m, 1, k]).sub(z.reshape([1, m, k]))).sum(2);
    return d.ref.div(np.sqrt(np.square(d).sum(1, { keepdims: true })));
  };
  const ofRows = np.square(distances(zt).sub(distances(zs))).sum(1);
  return ofRows.mean().div(usualRelation.reduction.rows);
}
