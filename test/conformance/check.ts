/** What a place to compute on is held to, check by check. */
import { Judge } from './judge.js';
import type { CheckResult } from './record.js';
import type { Target } from './target.js';

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

export async function perform(check: Check, target: Target): Promise<CheckResult> {
  const { group, name } = check;
  const skipped = check.skip?.(target);
  if (skipped !== undefined)
    return { group, name, passed: true, cases: 0, seconds: 0, worst: [], failures: [], skipped };
  const began = performance.now();
  const judge = new Judge();
  try {
    await check.run(judge, target);
  } catch (error) {
    judge.ok(false, (error as Error).message);
  }
  return { group, name, seconds: (performance.now() - began) / 1000, ...judge.findings() };
}
