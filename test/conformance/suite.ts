/** The conformance of a place that computes, as tests. */
import type { Test } from 'tap';
import { perform } from './check.js';
import { checks } from './checks/index.js';
import { openTarget } from './target.js';

interface Selection {
  quick?: boolean;
  groups?: readonly string[];
}

/** Every check of `device`, or a selection. */
export async function conform(t: Test, device: string, { quick = false, groups }: Selection = {}): Promise<void> {
  const target = openTarget(device);
  t.comment(target.facts.name);
  for (const check of checks.filter((one) => (one.quick || !quick) && (groups?.includes(one.group) ?? true))) {
    const skip = check.skip?.(target) ?? false;
    await t.test(`${device}, ${check.group}: ${check.name}`, { skip }, async (t) => {
      const { worst, failures, cases } = await perform(check, target);
      for (const { name, error, limit, where } of worst) {
        t.ok(error <= limit, `${name}: ${error.toExponential(1)} (at most ${limit}), worst ${where}`);
      }
      t.same(failures, [], `${cases} comparisons`);
    });
  }
}
