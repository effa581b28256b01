/** One part of a run, in this process. */
import type { Part } from './command-line.js';
import { measureAccuracy } from './checks/accuracy.js';
import { checks } from './checks/all.js';
import type { Check } from './checks/index.js';
import { Judge } from './checks/judge.js';
import { send } from './parts.js';
import { runForProfile } from './profile.js';
import type { CheckResult } from './record.js';
import { openTarget, type Target } from './target.js';
import { measureTimings } from './timings/index.js';

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

export async function runPart({ part, device, quick, seconds, case: only }: Part): Promise<void> {
  const target = openTarget(device);
  if (part === 'timings') return measureTimings(target, { quick, seconds }, send);
  if (part === 'profile') return runForProfile(target, only ?? 'cifar');
  if (part === 'accuracy') return send({ accuracy: await measureAccuracy(target, quick) });
  for (const check of checks.filter((one) => one.group === part && (one.quick || !quick))) {
    send({ begun: check.name });
    send({ check: await perform(check, target) });
  }
}
