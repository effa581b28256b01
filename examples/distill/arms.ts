/** The arms of the comparison: what each student minimises. */
import type { GldOptions } from 'gld-loss';
import type { TermValues } from '../report/types.js';

export const armNames = ['ce', 'kd', 'gld-no-relation', 'gld'] as const;
export type ArmName = (typeof armNames)[number];

/** The numbers that the arms share. */
export interface LossSettings {
  alpha: number;
  beta: number;
  localWeight: number;
  /** Cells [rows, columns]. */
  grid: [number, number];
  reduction: 'matrix' | 'row';
  metric: 'sqeuclidean' | 'euclidean';
  /** Of the 'kd' arm. */
  temperature: number;
}

export interface Arm {
  name: ArmName;
  label: string;
  description: string;
  /** Factor of each term in the loss; a term the arm does not have is left out. */
  weights: TermValues;
  /** Options of gldLoss; none for the arm without a teacher. */
  options?: GldOptions;
}

export function arm(name: ArmName, loss: LossSettings): Arm {
  const { alpha, beta, localWeight, grid, reduction, metric, temperature } = loss;
  const task = 1 - alpha;
  const relation = { metric, reduction };
  switch (name) {
    case 'ce':
      return {
        name, label: 'Cross-entropy', weights: { task: 1 },
        description: 'Cross-entropy with the labels only; the teacher is not used.',
      };
    case 'kd':
      return {
        name, label: 'Hinton KD', weights: { task, global: alpha },
        description: `(1 - alpha) cross-entropy + alpha KD of the global logits at temperature ${temperature}.`,
        options: {
          alpha, beta: 0, localWeight: 0, grid, relation, normalization: { kind: 'temperature', temperature },
        },
      };
    case 'gld-no-relation':
      return {
        name, label: 'GLD without relation', weights: { task, global: alpha, local: localWeight },
        description: 'Full GLD with beta = 0: cross-entropy and normalized KD of the global and local logits.',
        options: { alpha, beta: 0, localWeight, grid, relation },
      };
    case 'gld':
      return {
        name, label: 'Full GLD', weights: { task, global: alpha, local: localWeight, relation: beta },
        description: '(1 - alpha) cross-entropy + alpha global + local + beta relation, as in the paper.',
        options: { alpha, beta, localWeight, grid, relation },
      };
  }
}

/** Rows the relation loss compares in a full batch: one global and rows x columns local ones per image. */
export const relationRows = (batchSize: number, [rows, columns]: [number, number]): number =>
  batchSize * (1 + rows * columns);

/** The paper's beta and the number of rows it was chosen for: batches of 64 images on a 2 x 2 grid. */
export const paperBeta = { beta: 500, rows: 320 };
