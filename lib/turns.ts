import { reasonOf } from './signal.js';
import type { AbortSignalLike } from './types.js';

/**
 * How many asynchronous calls of a thread may be on one GPU at a time: enough that it should be busy while others copy. Each
 * has a stream with memory of its own.
 */
const MOST = 4;

/** Lets a few calls at a time be on a device; others wait, in the order in which they came. */
export class Turns {
  #under = 0;
  readonly #waiting: (() => void)[] = [];

  /** Whether a call may go on at once; it counts from then on. */
  take(): boolean {
    if (this.#under >= MOST) return false;
    this.#under += 1;
    return true;
  }

  /** Resolves when it is the call's turn; it counts from then on. Rejects with the signal's reason when that aborts. */
  wait(signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        const place = this.#waiting.indexOf(go);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(reasonOf(signal));
      };
      const go = (): void => {
        resolve();
        try {
          signal?.removeEventListener('abort', abort);
        } catch {
          // What the signal throws is not for the call whose place this one takes; its listener does nothing any more.
        }
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(go);
    });
  }

  /** To be called when a call is done: its place goes to the next one. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#under -= 1;
    else next();
  }
}

const ofDevices: Turns[] = [];

export function turnsOf(device: number): Turns {
  return (ofDevices[device] ??= new Turns());
}
