/** A whole run: part after part, and the record of what they found, written as it grows. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Phase, Settings } from './command-line.js';
import { defaultFile, describeEnvironment } from './environment.js';
import { commandOf, listen, type Message } from './parts.js';
import type { CheckResult } from '../../test/conformance/record.js';
import type { CheckRecord } from './record.js';
import { nsysVersion, profile } from './profile.js';
import { runSanitizer, sanitizerVersion, tools } from './sanitizer.js';
import { openTarget } from '../../test/conformance/target.js';
import { cases } from './timings/cases.js';

/** Progress, for whoever waits. */
type Tell = (text: string) => void;

/** The most that one part may take, so that one that hangs does not take the others' time. */
const shareOfPart: Partial<Record<Phase, number>> = { timings: 0.8 };

export class Run {
  readonly record: CheckRecord;
  readonly file: string;
  private readonly began = performance.now();

  constructor(
    private readonly settings: Settings,
    private readonly tell: Tell,
  ) {
    const { facts } = openTarget(settings.device);
    this.record = {
      format: 1,
      environment: describeEnvironment(facts, settings.selection),
      checks: [],
      accuracy: [],
      timings: [],
      kernels: [],
      absent: {},
    };
    this.file = settings.out ?? defaultFile(facts);
  }

  private get elapsed(): number {
    return (performance.now() - this.began) / 1000;
  }

  private write(): void {
    this.record.environment.seconds = Math.round(this.elapsed);
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, `${JSON.stringify(this.record, undefined, 1)}\n`);
  }

  async all(): Promise<CheckRecord> {
    for (const part of this.settings.phases) {
      const left = this.settings.seconds - this.elapsed;
      if (left < 2) this.record.absent[part] = `no time left of ${this.settings.seconds} s`;
      else if (part === 'sanitizer') await this.sanitizer(left);
      else if (part === 'profile') await this.profile(left);
      else await this.part(part, left);
      this.write();
    }
    return this.record;
  }

  private async part(part: Phase, left: number): Promise<void> {
    const { device, quick } = this.settings;
    this.tell(part);
    const began = performance.now();
    const seconds = (shareOfPart[part] ?? 0.5) * left;
    const ended = await listen(commandOf({ part, device, quick, seconds }), seconds + 5, (message) =>
      this.hear(message),
    );
    if (ended.trouble === undefined) return;
    const said = ended.output.trim().split('\n').at(-1) ?? '';
    this.add({
      group: part,
      name: `the process of '${part}'`,
      passed: false,
      cases: 0,
      worst: [],
      seconds: (performance.now() - began) / 1000,
      failures: [`${ended.trouble} in '${ended.last}'${said ? `: ${said}` : ''}`],
    });
  }

  private async sanitizer(left: number): Promise<void> {
    const { facts } = openTarget(this.settings.device);
    const version = sanitizerVersion();
    if (facts.kind === 'cpu') return void (this.record.absent.sanitizer = 'compute-sanitizer is for GPUs');
    if (version === undefined) return void (this.record.absent.sanitizer = 'compute-sanitizer is not installed');
    this.record.environment.versions['compute-sanitizer'] = version;
    const parts = tools.reduce((sum, tool) => sum + tool.parts.length, 0);
    for (const tool of tools) {
      this.tell(`compute-sanitizer ${tool.tool}`);
      // Half of what is left, for the timings need some too.
      for (const result of await runSanitizer(tool, this.settings.device, left / 2 / parts)) this.add(result);
    }
  }

  private async profile(left: number): Promise<void> {
    const { device, quick } = this.settings;
    const version = nsysVersion();
    const { kind } = this.record.environment.device;
    if (kind === 'cpu') return void (this.record.absent.profile = 'it is of the kernels of a GPU');
    if (version === undefined)
      return void (this.record.absent.profile = 'nsys is not installed: no times of single kernels');
    this.record.environment.versions.nsys = version;
    const chosen = cases.filter((on) => on.quick || !quick);
    for (const { name } of chosen) {
      this.tell(`nsys ${name}`);
      const found = await profile(device, name, left / chosen.length);
      if (typeof found === 'string') this.record.absent[`profile of ${name}`] = found;
      else this.record.kernels.push(found);
    }
  }

  private add(check: CheckResult): void {
    this.record.checks.push(check);
    const { passed, skipped, group, name: title, cases, seconds } = check;
    const state = passed ? (skipped ? 'skipped' : 'ok') : 'FAILED';
    const why = skipped ? `: ${skipped}` : '';
    this.tell(`${state}  ${group}: ${title} (${cases} comparisons, ${seconds.toFixed(1)} s)${why}`);
    for (const failure of check.failures) this.tell(`        ${failure}`);
    for (const { name, error, limit, where } of check.worst) {
      if (!(error <= limit))
        this.tell(`        ${name}: ${error.toExponential(1)}, at most ${limit.toExponential(1)}: ${where}`);
    }
  }

  private hear(message: Message): void {
    if ('check' in message) this.add(message.check);
    else if ('accuracy' in message) this.record.accuracy.push(...message.accuracy);
    else if ('limits' in message) this.record.limits = message.limits;
    else if ('versions' in message) Object.assign(this.record.environment.versions, message.versions);
    else if ('absent' in message) this.record.absent[message.absent.what] = message.absent.reason;
    else if ('timing' in message) {
      this.record.timings.push(message.timing);
      const { case: name, contender, variant, skipped } = message.timing;
      this.tell(`      ${name}: ${contender} ${variant}${skipped ? ` skipped: ${skipped}` : ''}`);
    }
  }
}
