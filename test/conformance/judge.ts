/** Collects what the comparisons of one check find. */
import type { CheckResult } from './record.js';

type Findings = Pick<CheckResult, 'passed' | 'cases' | 'worst' | 'failures'>;

/** As many as one can read. */
const mostFailures = 5;

export class Judge {
  private cases = 0;
  private failed = 0;
  private readonly failures: string[] = [];
  private readonly worst = new Map<string, CheckResult['worst'][number]>();

  /** One comparison with its limit. */
  add(name: string, error: number, limit: number, where: string): void {
    this.cases++;
    const entry = this.worst.get(name);
    const share = error / limit;
    // A NaN is the worst of all, and stays. Limits may differ from case to case, so shares of them are compared.
    const better = entry && (Number.isNaN(entry.error) || share <= entry.error / entry.limit);
    if (!better) this.worst.set(name, { name, error, limit, where });
  }

  ok(holds: boolean, what: string): void {
    this.cases++;
    if (holds) return;
    this.failed++;
    if (this.failures.length < mostFailures) this.failures.push(what);
  }

  findings(): Findings {
    const worst = [...this.worst.values()];
    const failures = [...this.failures];
    if (this.failed > failures.length) failures.push(`and ${this.failed - failures.length} more`);
    if (this.cases === 0) failures.push('nothing was compared');
    const passed = failures.length === 0 && worst.every(({ error, limit }) => error <= limit);
    return { passed, cases: this.cases, worst, failures };
  }
}
