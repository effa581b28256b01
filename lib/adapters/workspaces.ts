import { GldLoss } from '../gld.js';
import type { Settings } from '../options.js';
import type { GldLossOptions } from '../types.js';

/** Enough for a training and an evaluation pass of two losses side by side. */
const LIMIT = 4;

/**
 * One {@link GldLoss}, and with it one workspace, per set of options. The least recently used ones are let go beyond
 * {@link LIMIT}, so that options that change at every step (an annealed weight, say) do not gather memory.
 */
export class Workspaces {
  /** In the order of use, the latest last. */
  #losses = new Map<string, GldLoss>();

  /** The loss of these options; `settings` are the same after checking, and tell one set from another. */
  get(options: GldLossOptions, settings: Settings): GldLoss {
    const key = JSON.stringify(settings);
    const loss = this.#losses.get(key) ?? new GldLoss(options);
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
