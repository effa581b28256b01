import type { Check } from './check.js';
import { describe } from './describe.js';
import { fail } from './errors.js';
import type { AbortSignalLike } from './types.js';

const methods = ['addEventListener', 'removeEventListener'] as const;

/** Any AbortSignal, those of other realms, of jsdom and of polyfills included: all that is used of it is asked for. */
export const signal: Check<AbortSignalLike | undefined> = (value, path) => {
  const given = value as AbortSignalLike | null | undefined;
  if (given === undefined) return given;
  if (typeof given?.aborted === 'boolean' && methods.every((name) => typeof given[name] === 'function')) return given;
  const received = Object(given).signal === undefined ? describe(value) : 'an AbortController: its signal is one';
  return fail('ERR_GLD_ARG_TYPE', path, 'an AbortSignal', received);
};

/** Throws the reason of a signal that was aborted. */
export function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/**
 * Why a signal was aborted: an AbortError where it does not say, as signals older than `reason` do not. It is the caller's,
 * and what it throws will do.
 */
export function reasonOf(signal: AbortSignalLike | undefined): unknown {
  try {
    const reason = signal?.reason;
    return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
  } catch (thrown) {
    return thrown;
  }
}
