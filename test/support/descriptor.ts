/** Calls as the addon takes them, by the names of csrc/call.def, without lib in front. */
import { numberCount, numbers, resultCount, viewNumberCount, viewNumbers, views, words } from '../../lib/schema.js';
import type { Native } from '../../lib/native.cjs';

export type Fields = { readonly [name in keyof typeof numbers]?: number | readonly number[] };

export interface RoleView<Data> {
  data: Data;
  dtype?: number;
  offset?: number;
  strides: number[];
}

export type Roles<Data> = { [role in (typeof views)[number]['role']]?: RoleView<Data> };

export type Stage = (typeof words.stage)[number];

export const stageNumber = (stage: Stage) => words.stage.indexOf(stage);
export const placeOf = (role: keyof Roles<unknown>) => views.findIndex((view) => view.role === role);
export const newResult = () => new Float64Array(resultCount);

export function describe<Data>(fields: Fields, roles: Roles<Data>) {
  const descriptor = new Float64Array(numberCount + views.length * viewNumberCount);
  const buffers: (Data | null)[] = views.map(() => null);
  const set = (at: number, value: number | readonly number[]) => descriptor.set([value].flat(), at);
  for (const [name, value] of Object.entries(fields)) set(numbers[name as keyof Fields], value);
  views.forEach(({ role }, index) => {
    const view = roles[role];
    if (view === undefined) return;
    const { data, dtype = 0, offset = 0, strides } = view;
    const at = numberCount + index * viewNumberCount;
    buffers[index] = data;
    descriptor[numbers.present] += 2 ** index;
    set(at + viewNumbers.dtype, dtype);
    set(at + viewNumbers.offset, offset);
    set(at + viewNumbers.strides, strides);
  });
  return { descriptor, buffers };
}

export function run(
  native: Native,
  stage: Stage,
  fields: Fields,
  roles: Roles<Parameters<Native['run']>[2][number]>,
): Float64Array {
  const { descriptor, buffers } = describe(fields, roles);
  const result = newResult();
  native.run(stageNumber(stage), descriptor, buffers, result, null);
  return result;
}
