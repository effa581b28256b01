/** What a check of one stage needs: random tensors in watched memory, in every form, and what to do with the results. */
import type { DType, TensorLike } from 'gld-loss';
import type { Dense } from '../../reference/types.js';
import { arrayError, lossError, relationError } from '../../support/compare.js';
import { Random } from '../../support/random.js';
import { encode, placements, type Placement } from '../../support/tensors.js';
import { numbersOf, release } from '../call.js';
import type { Check } from '../check.js';
import type { Judge } from '../judge.js';
import type { Precision } from '../record.js';
import { holdOnHost, type Elements, type Held, type Memory, type Target } from '../target.js';

/** In what form a stage is given its tensors. */
export interface Form {
  dtype: DType;
  computed: 'float32' | 'float64';
  placement: Placement;
  memory: Memory;
}

const computedIn = (dtype: DType) => (dtype === 'float64' ? 'float64' : 'float32');

/** Dense tensors of the types that an engine computes in. */
export function exactForms({ dtypes, memories }: Target): Form[] {
  const exact = dtypes.filter((dtype) => dtype === computedIn(dtype));
  return exact.flatMap((dtype) =>
    memories.map((memory): Form => ({ dtype, computed: computedIn(dtype), placement: 'dense', memory })),
  );
}

/** Every type in every place of every memory; on an emulated GPU, which is slow, the places take turns. */
export function allForms({ dtypes, memories, facts }: Target): Form[] {
  const all = dtypes.flatMap((dtype) =>
    placements.flatMap((placement) =>
      memories.map((memory): Form => ({ dtype, computed: computedIn(dtype), placement, memory })),
    ),
  );
  return facts.kind === 'emulated' ? all.filter((_, at) => at % 3 === 0) : all;
}

export class Kit {
  readonly random: Random;
  readonly #held: Held[] = [];

  constructor(
    readonly target: Target,
    readonly form: Form,
    readonly judge: Judge,
    readonly what: string,
    seed: number,
    private readonly known: Map<string, unknown>,
  ) {
    this.random = new Random(seed);
  }

  /** Options of the library for every call. */
  options(precision: Precision = 'float32') {
    return { device: this.target.device, ...(precision !== 'float32' && { precision }) };
  }

  normals(shape: readonly number[], scale = 1): Dense {
    return {
      data: this.random.normals(
        shape.reduce((a, b) => a * b, 1),
        scale,
      ),
      shape,
    };
  }

  /** The tensor in this form, and the values that it then has. */
  give(dense: Dense, dtype: DType = this.form.dtype): { given: TensorLike; exact: Float64Array } {
    const { tensor, exact } = encode(dense, dtype, this.form.placement);
    const { data, ...place } = tensor as { data: Elements; shape: number[]; dtype: DType };
    return { given: this.#hold(data, place), exact: Float64Array.from(exact.data) };
  }

  /**
   * What the reference says of the case. Its numbers are those of the element type wherever they lie, so that it is asked
   * once for each type: `key` says what else it depends on.
   */
  expected<T>(key: string, ask: () => T): T {
    const whole = `${this.form.dtype}, ${key}`;
    if (!this.known.has(whole)) this.known.set(whole, ask());
    return this.known.get(whole) as T;
  }

  /** Class indices [n]. */
  labels(count: number, classes: number): { given: TensorLike; exact: Int32Array } {
    const exact = Int32Array.from({ length: count }, () => this.random.integer(classes));
    return { given: this.indices(exact), exact };
  }

  indices(exact: Int32Array): TensorLike {
    return this.#hold(exact, { shape: [exact.length], dtype: 'int32' });
  }

  #hold(elements: Elements, place: Parameters<Target['hold']>[1]): TensorLike {
    const held = this.form.memory === 'device' ? this.target.hold(elements, place) : holdOnHost(elements, place);
    this.#held.push(held);
    return held.tensor as TensorLike;
  }

  /** A result of the engine's own, which is done with after it. */
  array(
    name: string,
    tensor: object | undefined,
    shape: readonly number[],
    expected: ArrayLike<number>,
    limit: number,
  ) {
    const { what, judge, form } = this;
    if (tensor === undefined) return judge.ok(false, `${name} is not there; ${what}`);
    const told = tensor as { shape: readonly number[]; dtype: string };
    const right = String(told.shape) === String(shape) && told.dtype === form.computed;
    judge.ok(right, `${name} is ${told.dtype} [${told.shape}], not ${form.computed} [${shape}]; ${what}`);
    judge.add(`${name}, ${form.computed}`, arrayError(numbersOf(tensor), expected), limit, what);
    release(tensor);
  }

  loss(got: number, expected: number, limit: number): void {
    this.judge.add(`loss, ${this.form.computed}`, lossError(got, expected), limit, this.what);
  }

  relation(name: string, got: number, expected: number, bound: number, limit: number): void {
    this.judge.add(`${name}, ${this.form.computed}`, relationError(got, expected, bound), limit, this.what);
  }

  close(): void {
    for (const held of this.#held.splice(0)) {
      const damage = held.damage();
      this.judge.ok(damage === undefined, `${damage}; ${this.what}`);
      held.dispose();
    }
  }
}

interface StageCheck<Case> {
  name: string;
  quick?: boolean;
  cases: readonly Case[];
  /** Whether a target that is not wide computes the case; by default it does. */
  wide?: (one: Case) => boolean;
  forms?: (target: Target) => Form[];
  /** Of a case's random numbers; by default its place in the list. */
  seed?: (one: Case) => number;
  run(kit: Kit, one: Case): void;
}

/** A check that runs a stage on every case in every form; the same random numbers for all forms of a case. */
export function stageCheck<Case>(stage: StageCheck<Case>): Check {
  const { name, quick = true, cases, wide = () => false, forms = allForms, seed, run } = stage;
  return {
    group: 'stages',
    name,
    quick,
    skip: (target) => (target.wide || cases.some((one) => !wide(one)) ? undefined : 'it does not compute these'),
    async run(judge, target) {
      for (const [at, one] of cases.entries()) {
        if (wide(one) && !target.wide) continue;
        const known = new Map<string, unknown>();
        for (const form of forms(target)) {
          const what = `${JSON.stringify(one)}, ${Object.values(form).join(', ')}`;
          const kit = new Kit(target, form, judge, what, seed?.(one) ?? at + 1, known);
          run(kit, one);
          kit.close();
        }
      }
    },
  };
}
