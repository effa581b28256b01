import { GldLoss } from '../gld.js';
import { tables, type Settings } from '../options.js';
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
   * The loss of these options but for the gradients and what the relation is divided by, which `settings` name. These are the
   * options after checking, and tell one set from another.
   */
  get(options: GldLossOptions, { gradients, relation, ...settings }: Settings): GldLoss {
    const key = JSON.stringify({ ...settings, gradients, relation, alpha: 0, beta: 0, localWeight: 0 });
    const loss = this.#losses.get(key) ?? new GldLoss({ ...options, gradients, relation });
    this.#losses.delete(key);
    this.#losses.set(key, loss);
    const [oldest] = this.#losses;
    if (this.#losses.size > LIMIT) this.#drop(oldest);
    return loss;
  }

  dispose(): void {
    for (const entry of this.#losses) this.#drop(entry);
  }

  #drop([key, loss]: [string, GldLoss]): void {
    loss.dispose();
    this.#losses.delete(key);
  }
}

/** A copy of those of the options that belong to a loss, also of what the object inherits. */
export function ownOptions(options: GldLossOptions = {}): GldLossOptions {
  const names = Object.keys(tables.instance) as (keyof GldLossOptions)[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

/** What a loss that is kept is told with every call. */
export function weightsOf({ alpha, beta, localWeight }: Settings): TermWeights {
  return { alpha, beta, localWeight };
}
