/** AbortControllers that stand for the built-in one where that is missing or old: their signals have no throwIfAborted. */
import { createRequire } from 'node:module';
import * as controller from 'abort-controller';
import type { AbortSignalLike } from 'gld-loss';

export type Controller = new () => { readonly signal: AbortSignalLike; abort(reason?: unknown): void };

// It has no types.
const ponyfill = createRequire(import.meta.url)('abortcontroller-polyfill/dist/cjs-ponyfill.js') as {
  AbortController: Controller;
};

/** No more than what is used of a signal, as those of jsdom before version 22 have it. */
class OwnController {
  readonly signal = Object.assign(new EventTarget(), { aborted: false, reason: undefined as unknown });

  abort(reason?: unknown): void {
    Object.assign(this.signal, { aborted: true, reason });
    this.signal.dispatchEvent(new Event('abort'));
  }
}

/** By the name of their package; the first one's signals do not know of reasons. */
export const controllers: Readonly<Record<string, Controller>> = {
  'abort-controller': controller.AbortController,
  'abortcontroller-polyfill': ponyfill.AbortController,
  'one of our own': OwnController,
};
