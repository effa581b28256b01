import { describe, unawaited } from './describe.js';
import { fail } from './errors.js';

/** Checks one value found under the path and returns it, completed with defaults. undefined stands for "not given". */
export type Check<T> = (value: unknown, path: string) => T;

/** The names that an options object may have, each with its check. */
export type Table = Readonly<Record<string, Check<unknown>>>;

/** What a table's options are after checking. */
export type Checked<T extends Table> = { readonly [name in keyof T]: ReturnType<T[name]> };

/** A finite number of at least so much, and less than something. */
export function number(fallback: number, least: number, what: string, below = Infinity): Check<number> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (typeof value !== 'number') fail('ERR_GLD_ARG_TYPE', path, what, describe(value));
    if (!(value >= least && value < below)) fail('ERR_GLD_OPTION', path, what, String(value));
    return value;
  };
}

/** An integer of at least so much. */
export function integer<F extends number | undefined>(fallback: F, least: number): Check<number | F> {
  const what = `an integer of at least ${least}`;
  return (value, path) => {
    if (value === undefined) return fallback;
    const checked = number(0, least, what)(value, path);
    if (!Number.isSafeInteger(checked)) fail('ERR_GLD_OPTION', path, what, String(checked));
    return checked;
  };
}

/** One of a few words; without a fallback, undefined when not given. */
export function oneOf<const T extends string, F extends T | undefined = undefined>(
  names: readonly T[],
  fallback?: F,
): Check<T | F> {
  return (value, path) => {
    if (value === undefined) return fallback as F;
    if (typeof value !== 'string') fail('ERR_GLD_ARG_TYPE', path, quoted(names), describe(value));
    if (!names.includes(value as T)) fail('ERR_GLD_OPTION', path, quoted(names) + hint(value, names), describe(value));
    return value as T;
  };
}

/** The same value where it may be left out, without a default. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

/** A boolean. */
export function flag(fallback: boolean): Check<boolean> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (typeof value !== 'boolean') fail('ERR_GLD_ARG_TYPE', path, 'true or false', describe(value));
    return value;
  };
}

/**
 * Checks an options object against its table: names that the table lacks are errors, every value passes its check, and
 * each property is read once. `path` is the object's own name in messages; options at the top have none.
 */
export function options<T extends Table>(table: T, value: unknown, path = ''): Checked<T> {
  const given = known(table, value === undefined ? {} : expectObject(path || 'options', value, 'an object'), path);
  const prefix = path === '' ? '' : `${path}.`;
  const checked: Record<string, unknown> = {};
  for (const name in table) checked[name] = table[name](given[name], prefix + name);
  return checked as Checked<T>;
}

/**
 * The same object, after names that the table lacks were refused; its properties are still to be read, once each, and
 * checked. Makes no list of the names that are there, as Object.keys would.
 */
export function known<T extends Table>(table: T, given: object, path = ''): { readonly [name in keyof T]: unknown } {
  for (const name in given) {
    if (Object.hasOwn(table, name) || !Object.hasOwn(given, name)) continue;
    unknownName(path === '' ? name : `${path}.${name}`, name, Object.keys(table));
  }
  return given as { readonly [name in keyof T]: unknown };
}

/** The value, if it is an object that can have named properties: neither null nor an array nor a promise of one. */
export function expectObject(argument: string, value: unknown, expected: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    fail('ERR_GLD_ARG_TYPE', argument, expected, describe(value));
  }
  // Its properties are going to be read, so that one whose `then` is a getter's or a proxy's is found, too.
  if ('then' in value && typeof value.then === 'function') fail('ERR_GLD_ARG_TYPE', argument, expected, unawaited);
  return value as Readonly<Record<string, unknown>>;
}

function unknownName(path: string, name: string, names: readonly string[]): never {
  return fail('ERR_GLD_OPTION', path, `one of ${names.join(', ')}${hint(name, names)}`, 'an unknown name');
}

/** Words as messages list them. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** " (did you mean x?)" for the nearest name, if one is near. */
export function hint(given: string, names: readonly string[]): string {
  if (given.length > 40) return '';
  const near = names
    .map((name) => ({ name, edits: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .reduce((best, next) => (next.edits < best.edits ? next : best));
  return near.edits <= Math.max(1, Math.floor(near.name.length / 3)) ? ` (did you mean ${near.name}?)` : '';
}

/** Insertions, deletions, substitutions and swaps of neighbours from a to b (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2][j - 2] + 1 : Infinity;
      row.push(Math.min(substituted, rows[i - 1][j] + 1, row[j - 1] + 1, swapped));
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
