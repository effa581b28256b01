import { methodOf } from './call.js';
import { gradientNames, type Lent } from './options.js';
import { orderOf, roles } from './outputs.js';
import type { Problem } from './problem.js';
import type { DenseTensor, GldResult, GradientName } from './types.js';

/** The result of a loss that was computed. Gradients are in the buffers that were lent for them, if any were. */
export function resultOf(problem: Problem, lent: Lent | undefined): GldResult {
  const { call, hasLabels } = problem;
  const terms = hasLabels ? { global: 0, local: 0, relation: 0, task: 0 } : { global: 0, local: 0, relation: 0 };
  const result: GldResult = { loss: 0, terms, relationMethod: 'pairwise' };
  for (const name of gradientNames) {
    const { data } = call.view(roles[name]);
    if (data === null) continue;
    result.gradients ??= {};
    result.gradients[name] = { data: data as DenseTensor['data'], shape: [], dtype: 'float32' };
  }
  new Form(result).fill(problem, lent);
  return result;
}

/**
 * The result of one {@link GldLoss}, written over by each call that lends it buffers: such calls come in loops, where a
 * new result each time would be all that is left to allocate.
 */
export class LentResult {
  #form: Form | undefined;

  of(problem: Problem, lent: Lent): GldResult {
    if (this.#form?.suits(problem)) return this.#form.fill(problem, lent);
    const result = resultOf(problem, lent);
    this.#form = new Form(result);
    return result;
  }

  clear(): void {
    this.#form = undefined;
  }
}

/** A result's objects, whatever the caller, who has them too, does to the properties by which they hang together. */
class Form {
  readonly #result: GldResult;
  readonly #terms: GldResult['terms'];
  readonly #hasLabels: boolean;
  readonly #gradients: GldResult['gradients'];
  readonly #tensors: { readonly [name in GradientName]: DenseTensor | undefined };
  readonly #shapes: { readonly [name in GradientName]: number[] | undefined };

  constructor(result: GldResult) {
    this.#result = result;
    this.#terms = result.terms;
    this.#hasLabels = 'task' in result.terms;
    this.#gradients = result.gradients;
    const { features, weight, bias, logits } = result.gradients ?? {};
    this.#tensors = { features, weight, bias, logits };
    this.#shapes = {
      features: features?.shape, weight: weight?.shape, bias: bias?.shape, logits: logits?.shape,
    };
  }

  /** Whether a result of this form, which nobody has frozen, is what the problem has. */
  suits({ call, hasLabels }: Problem): boolean {
    if (hasLabels !== this.#hasLabels || !Object.isExtensible(this.#result) || !Object.isExtensible(this.#terms)) {
      return false;
    }
    if (this.#gradients !== undefined && !Object.isExtensible(this.#gradients)) return false;
    for (const name of gradientNames) {
      const tensor = this.#tensors[name];
      if ((tensor !== undefined) !== (call.view(roles[name]).data !== null)) return false;
      if (tensor !== undefined && !(Object.isExtensible(tensor) && Object.isExtensible(this.#shapes[name]))) return false;
    }
    return true;
  }

  fill({ call, student }: Problem, lent: Lent | undefined): GldResult {
    const result = this.#result;
    const terms = this.#terms;
    const done = call.result;
    result.loss = done[0]!;
    if (this.#hasLabels) terms.task = done[1]!;
    terms.global = done[2]!;
    terms.local = done[3]!;
    terms.relation = done[4]!;
    result.terms = terms;
    result.relationMethod = methodOf(done);
    const gradients = this.#gradients;
    if (gradients === undefined) return result;
    result.gradients = gradients;
    for (const name of gradientNames) {
      const tensor = this.#tensors[name];
      if (tensor === undefined) continue;
      const view = call.view(roles[name]);
      const order = orderOf(student, name);
      const shape = this.#shapes[name]!;
      shape.length = view.shape.length;
      for (let place = 0; place < shape.length; place += 1) {
        shape[place] = view.shape[order === undefined ? place : order.indexOf(place)]!;
      }
      tensor.data = (lent?.[name] ?? view.data) as DenseTensor['data'];
      tensor.shape = shape;
      tensor.dtype = view.dtype as DenseTensor['dtype'];
      gradients[name] = tensor;
    }
    return result;
  }
}
