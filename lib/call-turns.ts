import { reasonOf } from './signal.js';
import type { AbortSignalLike } from './types.js';

/** Lets a few calls at a time be at a place; others wait, in the order in which they came. */
export class CallTurns {
  readonly #most: number;
  #under = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a call may go on at once; it counts from then on. */
  take(): boolean {
    if (this.#under >= this.#most) return false;
    this.#under += 1;
    return true;
  }

  /** Resolves when it is the call's turn; it counts from then on. Rejects with the signal's reason when that aborts. */
  wait(signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        const position = this.#waiting.indexOf(begin);
        if (position >= 0) this.#waiting.splice(position, 1);
        reject(reasonOf(signal));
      };
      const begin = (): void => {
        resolve();
        try {
          signal?.removeEventListener('abort', abort);
        } catch {
          // What the signal throws is not for the call whose turn this one takes; its listener does nothing any more.
        }
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(begin);
    });
  }

  /** To be called when a call is done: its turn goes to the next one. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#under -= 1;
    else next();
  }
}
