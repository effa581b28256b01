/** One part of a run, in this process. */
import type { Part } from './command-line.js';
import { measureAccuracy } from '../../test/conformance/checks/accuracy.js';
import { checks } from '../../test/conformance/checks/index.js';
import { perform } from '../../test/conformance/check.js';
import { send } from './parts.js';
import { runForProfile } from './profile.js';
import { openTarget } from '../../test/conformance/target.js';
import { measureTimings } from './timings/index.js';

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
