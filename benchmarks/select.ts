/** --case and --contender: lists of names and simple globs. */

/** Something the user asked for that cannot be; shown without a stack trace. */
export class UsageError extends Error {}

/** The patterns of an option that may be repeated and holds lists; the comma in 'm=320,K=100' separates nothing. */
export function patterns(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(/,(?!K=)/))
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** '*' stands for any characters, '?' for one. */
export function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

/**
 * The names that some pattern matches, all of them when there are no patterns.
 * @throws UsageError for a pattern that matches nothing
 */
export function select(what: string, names: readonly string[], wanted: readonly string[]): string[] {
  const unique = [...new Set(names)];
  for (const pattern of wanted) {
    if (unique.some((name) => matches(pattern, name))) continue;
    throw new UsageError(`--${what} ${pattern}: there is no such ${what}; there are\n  ${unique.join('\n  ')}`);
  }
  return wanted.length === 0 ? unique : unique.filter((name) => wanted.some((pattern) => matches(pattern, name)));
}
