import { methodOf } from './call.js';
import { gradientNames, type Lent } from './options.js';
import { writeShape } from './outputs.js';
import type { Problem } from './problem.js';
import { results } from './schema.js';
import { slotOf } from './sides.js';
import type { AnyGradient, DenseTensor, GldResult } from './types.js';

/** The result of a loss that was computed. Gradients are in the buffers that were lent for them, if any were. */
export function resultOf(problem: Problem, lent: Lent | undefined): GldResult<AnyGradient> {
  return new Form(problem).fill(problem, lent);
}

/**
 * The result of one {@link GldLoss}, written over by each call that lends it buffers: such calls come in loops, where a
 * new result each time would be all that is left to allocate.
 */
export class LentResult {
  #form: Form | undefined;

  of(problem: Problem, lent: Lent): GldResult<AnyGradient> {
    if (!this.#form?.suits(problem)) this.#form = new Form(problem);
    return this.#form.fill(problem, lent);
  }

  clear(): void {
    this.#form = undefined;
  }
}

/** The objects of a result, whatever the caller, who has them too, does to the properties by which they hang together. */
class Form {
  readonly #result: GldResult<AnyGradient>;
  readonly #terms: GldResult['terms'];
  readonly #hasLabels: boolean;
  readonly #gradients: GldResult<AnyGradient>['gradients'];
  /** Their names, in the order in which the student has its tensors: places in {@link gradientNames}. */
  readonly #slots: readonly number[];
  /** Those in CPU memory, in the same order. */
  readonly #tensors: readonly (DenseTensor | undefined)[];
  readonly #shapes: readonly number[][];
  /** Which gradients are tensors of a GPU, the caller's own. */
  readonly #onDevice: readonly boolean[];

  constructor({ gradients, hasLabels, onDevice, student }: Problem) {
    this.#slots = gradients.map((_, i) => slotOf(student, i));
    this.#hasLabels = hasLabels;
    this.#terms = { global: NaN, local: NaN, relation: NaN };
    if (hasLabels) this.#terms.task = NaN;
    this.#result = { loss: NaN, terms: this.#terms, relationMethod: 'pairwise' };
    this.#shapes = gradients.map(() => []);
    this.#onDevice = onDevice.map((tensor) => tensor !== undefined);
    this.#tensors = gradients.map(({ data }, i) =>
      data === null || onDevice[i] !== undefined
        ? undefined
        : { data: data as DenseTensor['data'], shape: this.#shapes[i], dtype: 'float32' },
    );
    if (gradients.some(({ data }) => data !== null)) this.#gradients = {};
  }

  /** Whether it has the parts that the problem's result has, and nobody has frozen one of them. */
  suits({ gradients, hasLabels, onDevice, student }: Problem): boolean {
    if (hasLabels !== this.#hasLabels || !Object.isExtensible(this.#result) || !Object.isExtensible(this.#terms)) {
      return false;
    }
    if (this.#gradients !== undefined && !Object.isExtensible(this.#gradients)) return false;
    for (let i = 0; i < gradients.length; i += 1) {
      const tensor = this.#tensors[i];
      const there = gradients[i].data !== null;
      if (this.#onDevice[i] !== (onDevice[i] !== undefined)) return false;
      if ((tensor !== undefined || this.#onDevice[i]) !== there) return false;
      if (there && slotOf(student, i) !== this.#slots[i]) return false;
      if (tensor !== undefined && !(Object.isExtensible(tensor) && Object.isExtensible(this.#shapes[i]))) return false;
    }
    return true;
  }

  fill(problem: Problem, lent: Lent | undefined): GldResult<AnyGradient> {
    const result = this.#result;
    const terms = this.#terms;
    const done = problem.call.result;
    result.loss = done[results.loss];
    if (this.#hasLabels) terms.task = done[results.task];
    terms.global = done[results.global];
    terms.local = done[results.local];
    terms.relation = done[results.relation];
    result.terms = terms;
    result.relationMethod = methodOf(done);
    if (this.#gradients === undefined) return result;
    result.gradients = this.#gradients;
    for (let i = 0; i < this.#tensors.length; i += 1) {
      const tensor = this.#tensors[i];
      const onDevice = problem.onDevice[i];
      const slot = this.#slots[i];
      if (onDevice !== undefined) this.#gradients[gradientNames[slot]] = onDevice;
      if (tensor === undefined) continue;
      const { data, dtype } = problem.gradients[i];
      const shape = this.#shapes[i];
      writeShape(shape, problem, i);
      tensor.data = (lent?.[slot] ?? data) as DenseTensor['data'];
      tensor.shape = shape;
      tensor.dtype = dtype as DenseTensor['dtype'];
      this.#gradients[gradientNames[slot]] = tensor;
    }
    return result;
  }
}
