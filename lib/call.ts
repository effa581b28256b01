import { loadError, native } from './binding.js';
import type { Workspace } from './native.cjs';
import type { ElementType, View, ViewArray } from './tensor.js';

/**
 * One call in the addon's terms: the numbers of the descriptor, the buffers by role, the result. Where each name lies
 * is looked up in the addon's own lists once, at load; a list that lacks a name is an error there and then.
 */
const field = positions('fields', native.fields, [
  'n', 'classes', 'rows', 'gridRows', 'gridCols',
  'teacherChannels', 'teacherHeight', 'teacherWidth', 'studentChannels', 'studentHeight', 'studentWidth',
  'compute', 'alpha', 'beta', 'localWeight', 'normalization', 'unbiased', 'temperature',
  'method', 'metric', 'reduction', 'threads',
]);

const role = positions('roles', native.roles, [
  'teacher.features', 'teacher.weight', 'teacher.bias', 'teacher.logits',
  'student.features', 'student.weight', 'student.bias', 'student.logits',
  'labels', 'softLabels', 'pooled', 'upstream',
  'out.features', 'out.weight', 'out.bias', 'out.logits', 'out.pooled',
]);

const roleField = positions('roleFields', native.roleFields, [
  'dtype', 'offset', 'stride0', 'stride1', 'stride2', 'stride3',
]);

const stages = positions('stages', native.stages, [
  'pool', 'classifier', 'cross_entropy', 'normalized_kd', 'relation', 'gld',
]);

export type Field = keyof typeof field;
export type Role = keyof typeof role;
export type Stage = keyof typeof stages;

const dtypes: Readonly<Partial<Record<ElementType, number>>> = {
  float32: 0, float64: 1, float16: 2, bfloat16: 3, int32: 4,
};

const strideFields = [roleField.stride0, roleField.stride1, roleField.stride2, roleField.stride3] as const;
const numberCount = native.fields.length + native.roles.length * native.roleFields.length;

/** A buffer of a call under its role, its axes in the role's order. */
export type RoleView = readonly [Role, View];

/** The arguments of one native call, built up by name. */
export class Call {
  /** [loss, task, global, local, relation, method: 1 pairwise, 2 moments]. */
  readonly result = new Float64Array(6);
  readonly #numbers = new Float64Array(numberCount);
  readonly #buffers = new Array<ViewArray | null>(native.roles.length).fill(null);

  set(name: Field, value: number): void {
    this.#numbers[field[name]] = value;
  }

  bind([name, { data, dtype, offset, strides }]: RoleView): void {
    const index = role[name];
    const at = native.fields.length + index * native.roleFields.length;
    this.#buffers[index] = data;
    this.#numbers[at + roleField.dtype] = dtypes[dtype]!;
    this.#numbers[at + roleField.offset] = offset;
    for (let axis = 0; axis < strides.length; axis += 1) this.#numbers[at + strideFields[axis]!] = strides[axis]!;
  }

  /** Computes on this thread (and the pool's) and returns when done. */
  run(stage: Stage, workspace: Workspace | null): void {
    native.run(stages[stage], this.#numbers, this.#buffers, this.result, workspace);
  }

  /**
   * Computes off this thread. The promise always settles: with the call's outcome, or with the signal's reason at once
   * if the call had not begun, else as soon as the work has stopped.
   */
  start(stage: Stage, workspace: Workspace | null, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        if (job.cancel()) reject(signal!.reason);
      };
      const done = (error: Error | null): void => {
        signal?.removeEventListener('abort', abort);
        if (signal?.aborted) reject(signal.reason);
        else if (error) reject(error);
        else resolve();
      };
      const job = native.start(stages[stage], this.#numbers, this.#buffers, this.result, workspace, done);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Forgets everything, so that the call can be built anew and holds on to no buffer meanwhile. */
  clear(): void {
    this.#numbers.fill(0);
    this.#buffers.fill(null);
  }
}

/** The relation method that a result names. */
export function methodOf(result: Float64Array): 'pairwise' | 'moments' {
  return result[5] === 2 ? 'moments' : 'pairwise';
}

function positions<const N extends string>(
  what: string,
  list: readonly string[],
  names: readonly N[],
): Record<N, number> {
  const missing = names.filter((name) => !list.includes(name));
  if (missing.length > 0 || list.length !== names.length) {
    const detail = missing.length > 0 ? `lacks ${missing.join(', ')}` : 'has names that this package does not know';
    throw loadError(new Error(`it is of another version than the package: its list of ${what} ${detail}`));
  }
  return Object.fromEntries(names.map((name) => [name, list.indexOf(name)])) as Record<N, number>;
}
