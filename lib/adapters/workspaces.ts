import { GldLoss } from '../gld.js';
import type { Settings } from '../options.js';
import type { GldLossOptions, TermWeights } from '../types.js';

/** Enough for a training and an evaluation pass of two losses side by side. */
const LIMIT = 4;

/**
 * One {@link GldLoss}, and with it one workspace, per set of options but for the weights of the terms, which may change at
 * every step and come with each call. The least recently used ones are let go beyond {@link LIMIT}.
 */
export class Workspaces {
  /** In the order of use, the latest last. */
  #losses = new Map<string, GldLoss>();

  /**
   * The loss of these options; `settings` are the same after checking, and tell one set from another. What the relation is
   * divided by comes from them, because adapters have a default of their own for it.
   */
  get(options: GldLossOptions, settings: Settings): GldLoss {
    const key = JSON.stringify({ ...settings, alpha: 0, beta: 0, localWeight: 0 });
    const loss = this.#losses.get(key) ?? new GldLoss({ ...options, relation: settings.relation });
    this.#losses.delete(key);
    this.#losses.set(key, loss);
    if (this.#losses.size > LIMIT) this.#drop(this.#losses.keys().next().value!);
    return loss;
  }

  dispose(): void {
    for (const key of this.#losses.keys()) this.#drop(key);
  }

  #drop(key: string): void {
    this.#losses.get(key)!.dispose();
    this.#losses.delete(key);
  }
}

/** What a loss that is kept is told with every call. */
export function weightsOf({ alpha, beta, localWeight }: Settings): TermWeights {
  return { alpha, beta, localWeight };
}
