/** NVIDIA's compute-sanitizer over the checks, where it is installed. */
import { spawnSync } from 'node:child_process';
import { commandOf, listen } from './parts.js';
import type { CheckResult } from '../../test/conformance/record.js';

/** What each tool finds, and the parts that run under it: racecheck is slow. */
export const tools = [
  { tool: 'memcheck', finds: 'accesses out of bounds and errors of calls', parts: ['stages', 'options', 'sizes'] },
  { tool: 'racecheck', finds: 'races in shared memory', parts: ['stages'] },
  { tool: 'initcheck', finds: 'reads of memory that was never written', parts: ['stages', 'options'] },
] as const;

export function sanitizerVersion(): string | undefined {
  const { status, stdout } = spawnSync('compute-sanitizer', ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/[Vv]ersion (\S+)/.exec(stdout)?.[1] ?? 'unknown') : undefined;
}

/** Errors by its own count; undefined when it said none, which is no good sign. */
export function errorCount(output: string): number | undefined {
  const summary = [...output.matchAll(/(?:ERROR|RACECHECK) SUMMARY: (\d+)/g)].at(-1);
  return summary ? Number(summary[1]) : undefined;
}

/** The lines that say what and where, a few of them. */
const findings = (output: string) =>
  output
    .split('\n')
    .filter((line) => /=========\s+(Invalid|Error|Race|Warning|Uninitialized|Program hit|at )/.test(line))
    .slice(0, 8);

export async function runSanitizer(
  tool: (typeof tools)[number],
  device: string,
  secondsOfPart: number,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const part of tool.parts) {
    const began = performance.now();
    const command = commandOf({ part, device, quick: true, seconds: secondsOfPart });
    const failed: string[] = [];
    let cases = 0;
    const ended = await listen(
      ['compute-sanitizer', '--tool', tool.tool, '--error-exitcode', '9', ...command],
      secondsOfPart,
      (message) => {
        if (!('check' in message)) return;
        cases += message.check.cases;
        if (!message.check.passed) failed.push(`${message.check.name} failed under it`);
      },
    );
    const late = ended.trouble?.startsWith('took longer') ?? false;
    const errors = errorCount(ended.output);
    const failures = [...failed];
    if (!late) {
      if (errors === undefined)
        failures.push(`no summary: ${ended.trouble ?? ''} ${ended.output.trim().split('\n').at(-1) ?? ''}`);
      else if (errors > 0) failures.push(`${errors} errors`, ...findings(ended.output));
      else if (ended.trouble !== undefined) failures.push(`${ended.trouble} after ${ended.last}`);
    }
    results.push({
      group: 'sanitizer',
      name: `${tool.tool}, ${part}: ${tool.finds}`,
      cases,
      worst: [],
      failures,
      passed: failures.length === 0,
      seconds: (performance.now() - began) / 1000,
      ...(late && { skipped: `${ended.trouble} while in '${ended.last}'; what it had seen had no errors` }),
    });
  }
  return results;
}
