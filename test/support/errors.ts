/** Collects the errors of many comparisons and asserts on the worst of each name, saying where it was. */
export class Errors {
  private readonly worst = new Map<string, { error: number; limit: number; where: string }>();

  add(name: string, error: number, limit: number, where: string): void {
    const entry = this.worst.get(name);
    // A NaN is the worst of all, and stays.
    if (!entry || !(Number.isNaN(entry.error) || error <= entry.error)) this.worst.set(name, { error, limit, where });
  }

  check(t: { ok(value: boolean, message: string): unknown }): void {
    if (this.worst.size === 0) throw new Error('nothing was compared');
    for (const [name, { error, limit, where }] of this.worst) {
      t.ok(error <= limit, `${name}: ${error.toExponential(1)} (at most ${limit}), worst ${where}`);
    }
  }
}
