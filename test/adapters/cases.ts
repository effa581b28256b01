/** What the adapters' gradients are held against a framework's own differentiation on. */

import { gldLoss, type GldLossOptions } from 'gld-loss';
import type { Test } from 'tap';
import { Random } from '../support/random.js';

/** Options of a loss that is written with a framework's own operations. */
export interface OpsOptions {
  alpha?: number;
  beta?: number;
  localWeight?: number;
  grid?: readonly [number, number];
  /** A temperature instead of the rows' standard deviations. */
  temperature?: number;
}

/** What adapters divide the relation by where nothing is said of it, as the core's option. */
export const usualRelation = { reduction: { rows: 320 } } as const;

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
  {
    name: 'a temperature',
    teacher: logits,
    student: usual,
    // As heavy as by 'matrix' in these 15 rows: the differences of τ²-fold logarithms alone are too coarse in float32.
    options: { temperature: 4, beta: (500 * usualRelation.reduction.rows) / 15 },
  },
  {
    name: 'other weights of the terms',
    teacher: logits,
    student: usual,
    labels: [0, 1, 2],
    options: { alpha: 0.2, beta: 3, localWeight: 0.5 },
  },
];

/** Logits of a batch, [n, R, K] of either side. */
export type LogitBatch = {
  [side in 'teacher' | 'student']: { data: Float32Array<ArrayBuffer>; shape: [number, number, number] };
};

/**
 * Holds an adapter to its default: a batch that is half of another one weighs the relation as that does. Its relation term
 * is `relationOf`, with the adapter's default or what the options say.
 */
export async function checkHalfABatch(
  t: Test,
  relationOf: (batch: LogitBatch, options?: GldLossOptions) => number | Promise<number>,
): Promise<void> {
  const random = new Random(3);
  const [teacher, student] = [0, 1].map(() => [...random.normals(samples * 5 * classes)]);
  const copies = (count: number): LogitBatch => {
    const shape: [number, number, number] = [count * samples, 5, classes];
    const of = (rows: number[]) => ({ data: Float32Array.from(new Array(count).fill(rows).flat()), shape });
    return { teacher: of(teacher), student: of(student) };
  };
  const ratio = async (options?: GldLossOptions) =>
    (await relationOf(copies(1), options)) / (await relationOf(copies(2), options));
  const near = (actual: number, wanted: number, what: string) =>
    t.ok(Math.abs(actual - wanted) < 1e-5 * wanted, `${what}: ${actual}`);
  near(await ratio(), 1, 'by default');
  near(await ratio({ relation: { method: 'pairwise' } }), 1, 'by default, beside other options of the relation');
  near(await ratio({ relation: { reduction: 'matrix' } }), 2, 'as the paper has it');
  const half = copies(1);
  const wanted = gldLoss(
    { teacher: { logits: half.teacher }, student: { logits: half.student } },
    { relation: usualRelation },
  );
  t.equal(await relationOf(half), wanted.terms.relation, "the core's for 320 rows");
}
