/** One call of the whole loss, held against the reference. */
import { gldLoss, type DType, type GldOptions, type GldResult } from 'gld-loss';
import { gld } from '../reference/gld.js';
import { reductionRows } from '../reference/relation.js';
import type * as reference from '../reference/types.js';
import { arrayError, largest, lossError, relationError } from './compare.js';
import { encodeInputs, type Placement } from './tensors.js';

export interface GldErrors {
  /** The worst of the loss and its terms. */
  loss: number;
  /** The relation term, in units of 2/m. */
  relation: number;
  /** The worst of the gradients, each against its own largest element. */
  gradient: number;
}

const termNames = ['task', 'global', 'local', 'relation'] as const;
const gradientNames = ['features', 'weight', 'bias', 'logits', 'logitMap'] as const;

/**
 * The errors of a result whose gradients must be those of the reference, no more and no fewer.
 *
 * The bias' gradient is the sum of the logit gradients' rows, to which the relation term adds exactly zero. Where nothing
 * else adds to it, it is judged on the scale of the weight's: the same rows times pooled features of about 1.
 */
function gldErrors(got: GldResult, expected: reference.Result, bound: number): GldErrors {
  const { terms, gradients: dStudent } = expected;
  const [dWeight, dBias] = [dStudent.weight, dStudent.bias].map((tensor) => largest(tensor?.data ?? []));
  const scale = { features: 0, weight: 0, bias: dBias < 1e-9 * dWeight ? dWeight : 0, logits: 0, logitMap: 0 };
  const losses = termNames.map((name) => lossError(got.terms[name], terms[name]));
  const gradients = gradientNames.map((name) =>
    arrayError(got.gradients?.[name]?.data ?? [], dStudent[name]?.data ?? [], scale[name]),
  );
  return {
    loss: Math.max(lossError(got.loss, expected.loss), ...losses),
    relation: relationError(got.terms.relation, terms.relation, bound),
    gradient: Math.max(...gradients),
  };
}

export function checkGld(
  inputs: reference.Inputs,
  options: reference.Options & Pick<GldOptions, 'relation' | 'threads'>,
  dtype: DType | { teacher: DType; student: DType } = 'float32',
  placement: Placement = 'dense',
): GldErrors & { result: GldResult; expected: reference.Result } {
  const { given, exact } = encodeInputs(inputs, dtype, placement);
  const expected = gld(exact, options);
  const result = gldLoss(given, options);
  return { ...gldErrors(result, expected, boundOf(expected, options)), result, expected };
}

/** What the relation term is measured by: it is at most 2 over this. */
export function boundOf({ rows }: reference.Result, { relation }: reference.Options = {}): number {
  return reductionRows(relation?.reduction ?? 'matrix', rows);
}
