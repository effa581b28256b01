/** What the adapters' gradients are held against a framework's own differentiation on. */

/** Options of a loss that is written with a framework's own operations. */
export interface OpsOptions {
  alpha?: number;
  beta?: number;
  localWeight?: number;
  grid?: readonly [number, number];
  /** A temperature instead of the rows' standard deviations. */
  temperature?: number;
}

/** A side of features, with a classifier after them, or of so many rows of logits per sample. */
export type CaseSide = { channels: number; map: readonly [number, number]; bias?: boolean } | { rows: number };

export interface Case {
  name: string;
  teacher: CaseSide;
  student: CaseSide;
  /** A class of each sample, or 'soft', or none. */
  labels?: number[] | 'soft';
  options?: OpsOptions;
}

/** Of so many samples and classes each. */
export const samples = 3;
export const classes = 5;

const logits: CaseSide = { rows: 5 };
const usual: CaseSide = { channels: 3, map: [4, 4] };
const small: CaseSide = { channels: 4, map: [2, 2] };

export const cases: Case[] = [
  { name: 'features on both sides', teacher: { channels: 6, map: [4, 4] }, student: usual, labels: [4, 0, 2] },
  { name: 'without a bias', teacher: logits, student: { ...usual, bias: false }, labels: [4, 0, 2] },
  { name: 'soft labels', teacher: logits, student: small, labels: 'soft' },
  { name: 'no labels', teacher: logits, student: small },
  { name: 'logits on both sides', teacher: logits, student: logits, labels: [1, 1, 3] },
  { name: 'global logits only', teacher: { rows: 1 }, student: { rows: 1 }, labels: [1, 1, 3] },
  {
    name: 'maps of two sizes under a grid that divides neither',
    teacher: { channels: 3, map: [5, 4] },
    student: { channels: 2, map: [4, 7] },
    labels: [0, 1, 2],
    options: { grid: [2, 3] },
  },
  { name: 'a temperature', teacher: logits, student: usual, options: { temperature: 4 } },
  {
    name: 'other weights of the terms',
    teacher: logits,
    student: usual,
    labels: [0, 1, 2],
    options: { alpha: 0.2, beta: 3, localWeight: 0.5 },
  },
];
