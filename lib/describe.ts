import { types } from 'node:util';

const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as () => string | undefined;

/** The constructor's name of a typed array, whatever realm it comes from; undefined for everything else. */
export function arrayKind(value: unknown): string | undefined {
  return tagOf.call(value);
}

/** A shape as messages show it: `[100, 256]`; of a long list the beginning. */
export function brackets(values: ArrayLike<unknown>): string {
  const shown = Array.from({ length: Math.min(values.length, 16) }, (_, i) => String(values[i]));
  return `[${shown.join(', ')}${values.length > shown.length ? ', ...' : ''}]`;
}

/** What a promise is called. */
export const unawaited = 'a promise that was not awaited';

/** A value as messages show it: short, and without running code of the value's own. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `'${value.slice(0, 40)}...'` : `'${value}'`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
    case 'function':
      return `a ${typeof value}`;
    case 'object':
      break;
    default:
      return String(value);
  }
  if (value === null) return 'null';
  if (types.isTypedArray(value)) return `${arrayKind(value)}(${value.length})`;
  if (isPromise(value)) return unawaited;
  return Array.isArray(value) ? `an array of length ${value.length}` : 'an object';
}

/**
 * Whether a value is a promise, of any realm or library: something with a method `then`. Runs no code of the value's own,
 * so what only a proxy or a getter knows is not seen.
 */
export function isPromise(value: unknown): boolean {
  if (types.isPromise(value)) return true;
  let at = value;
  while (typeof at === 'object' && at !== null && !types.isProxy(at)) {
    const then = Object.getOwnPropertyDescriptor(at, 'then');
    if (then !== undefined) return typeof then.value === 'function';
    at = Object.getPrototypeOf(at);
  }
  return false;
}
