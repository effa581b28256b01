/** The arms of the comparison: what each student minimises. */
import type { GldOptions } from 'gld-loss';
import type { Reduction, TermValues } from '../report/types.js';

export const armNames = ['ce', 'kd', 'rkd', 'gld-global', 'gld-no-relation', 'gld', 'gld-compensated'] as const;
export type ArmName = (typeof armNames)[number];

/** The arms of a run that names none. */
export const defaultArms: readonly ArmName[] = ['ce', 'kd', 'gld'];

/** What an arm learns from of its teacher, beside the labels. */
export const teacherOf = (name: ArmName): 'logits' | 'features' | undefined =>
  name === 'ce' ? undefined : name === 'rkd' ? 'features' : 'logits';

/** What cannot be had from such a teacher, and why. */
export const needsMap: Partial<Record<ArmName, string>> = {
  rkd: 'compares pooled features',
  'gld-no-relation': 'has local logits; without them it is gld-global',
};

/** The numbers that the arms share. */
export interface LossSettings {
  alpha: number;
  beta: number;
  localWeight: number;
  /** Cells [rows, columns]; [0, 0] where the teacher has no local logits. */
  grid: [number, number];
  reduction: Reduction;
  metric: 'sqeuclidean' | 'euclidean';
  /** Of the 'kd' arm. */
  temperature: number;
  /** Weight of the distance term of the 'rkd' arm. */
  distanceWeight: number;
}

export type Arm = {
  name: ArmName;
  label: string;
  description: string;
  /** Factor of each term in the loss; a term the arm does not have is left out. */
  weights: TermValues;
} & (
  | { kind: 'task' } // labels only
  | { kind: 'gld'; options: GldOptions } // gldLoss, with these options
  | { kind: 'distance'; options: { distanceWeight: number } } // cross-entropy, and distances between pooled features
);

export function arm(name: ArmName, loss: LossSettings): Arm {
  const { alpha, beta, localWeight, grid, reduction, metric, temperature, distanceWeight } = loss;
  const task = 1 - alpha;
  const relation = { metric, reduction };
  // Without cells both sides are global logits, whose number of rows is all that there is to know.
  const cells = grid[0] * grid[1] > 0 ? { grid } : {};
  const local = grid[0] * grid[1] > 0 ? { local: localWeight } : {};
  switch (name) {
    case 'ce':
      return {
        name,
        kind: 'task',
        label: 'Cross-entropy',
        weights: { task: 1 },
        description: 'Cross-entropy with the labels only; the teacher is not used.',
      };
    case 'kd':
      return {
        name,
        kind: 'gld',
        label: 'Hinton KD',
        weights: { task, global: alpha },
        description: `(1 - alpha) cross-entropy + alpha KD of the global logits at temperature ${temperature}.`,
        options: {
          alpha,
          beta: 0,
          localWeight: 0,
          ...cells,
          relation,
          normalization: { kind: 'temperature', temperature },
        },
      };
    case 'rkd':
      return {
        name,
        kind: 'distance',
        label: 'RKD distance',
        weights: { task: 1, relation: distanceWeight },
        description:
          `Cross-entropy + ${distanceWeight} times the distance term of relational KD: Huber loss of the ` +
          "distances between the pooled features of a batch, each network's divided by their mean.",
        options: { distanceWeight },
      };
    case 'gld-global':
      return {
        name,
        kind: 'gld',
        label: 'GLD, global only',
        weights: { task, global: alpha },
        description: '(1 - alpha) cross-entropy + alpha normalized KD of the global logits.',
        options: { alpha, beta: 0, localWeight: 0, ...cells, relation },
      };
    case 'gld-no-relation':
      return {
        name,
        kind: 'gld',
        label: 'GLD without relation',
        weights: { task, global: alpha, ...local },
        description: 'Full GLD with beta = 0: cross-entropy and normalized KD of the global and local logits.',
        options: { alpha, beta: 0, localWeight, ...cells, relation },
      };
    case 'gld':
      return {
        name,
        kind: 'gld',
        label: 'Full GLD',
        weights: { task, global: alpha, ...local, relation: beta },
        description:
          'local' in local
            ? '(1 - alpha) cross-entropy + alpha global + local + beta relation, as in the paper.'
            : '(1 - alpha) cross-entropy + alpha global + beta relation of the global logits; the teacher has no local ones.',
        options: { alpha, beta, localWeight, ...cells, relation },
      };
    case 'gld-compensated': {
      const { options, weights } = arm('gld', loss) as Extract<Arm, { kind: 'gld' }>;
      return {
        name,
        kind: 'gld',
        label: 'Full GLD, compensated',
        weights,
        description:
          "Full GLD with every row's normalized KD times the standard deviations of both networks' logits, as constants, " +
          'so that its gradient does not shrink as the logits grow.',
        options: { ...options, normalization: { kind: 'std', compensated: true } },
      };
    }
  }
}

/** Rows the relation loss compares in a full batch: one global and rows x columns local ones per image. */
export const relationRows = (batchSize: number, [rows, columns]: [number, number]): number =>
  batchSize * (1 + rows * columns);

/** The paper's beta and the number of rows it was chosen for: batches of 64 images on a 2 x 2 grid. */
export const paperBeta = { beta: 500, rows: 320 };

/** The beta that weighs the relation as the paper's does, in a batch of as many rows as the paper's for 'matrix'. */
export function betaFor(reduction: Reduction): number {
  if (reduction === 'matrix') return paperBeta.beta;
  return paperBeta.beta * ((reduction === 'row' ? 1 : reduction.rows) / paperBeta.rows);
}

/** The rkd arm's weight in the paper it comes from (Park et al. 2019), for classification. */
export const paperDistanceWeight = 25;

/** The paper's numbers for batches of 64 images on a 2 x 2 grid; those of other methods are from where they come from. */
export const paperLoss: LossSettings = {
  alpha: 0.7,
  beta: paperBeta.beta,
  localWeight: 1,
  grid: [2, 2],
  // The paper divides by m. A last, smaller batch would weigh the relation more than the others.
  reduction: { rows: paperBeta.rows },
  metric: 'sqeuclidean',
  temperature: 4,
  distanceWeight: paperDistanceWeight,
};
