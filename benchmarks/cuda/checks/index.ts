/** The checks, in the order in which they run. */
import type { Target } from '../target.js';
import type { Judge } from './judge.js';

export interface Check {
  /** What --only selects. */
  group: string;
  name: string;
  /** Part of a --quick run. */
  quick: boolean;
  /** Why it cannot run there. */
  skip?(target: Target): string | undefined;
  run(judge: Judge, target: Target): Promise<void>;
}
