/** Few combinations of many choices, so that every two values of different choices meet in at least one of them. */
import { Random } from '../support/random.js';

export type Choices = { [name: string]: readonly unknown[] };
export type Drawn<T extends Choices> = { [name in keyof T]: T[name][number] };

/** Candidates for each next combination; more of them make fewer combinations, slowly. */
const candidates = 20;

const pairKey = (a: number, i: number, b: number, j: number) => (a < b ? `${a}.${i}-${b}.${j}` : `${b}.${j}-${a}.${i}`);

/** Of a combination, given as the index of each choice's value. */
function pairsOf(row: readonly number[]): string[] {
  return row.flatMap((i, a) => row.slice(a + 1).map((j, after) => pairKey(a, i, a + 1 + after, j)));
}

/**
 * Greedy: of some random candidates, each grown value by value, the one that covers most of what is left. The same seed
 * gives the same combinations; another seed others, so that together they meet in threes and fours as well.
 */
export function coverPairs<T extends Choices>(choices: T, seed: number): Drawn<T>[] {
  const random = new Random(seed);
  const names = Object.keys(choices);
  const sizes = names.map((name) => choices[name].length);
  const left = new Set<string>();
  for (const [a, size] of sizes.entries()) {
    for (let b = a + 1; b < sizes.length; b++) {
      for (let i = 0; i < size; i++) for (let j = 0; j < sizes[b]; j++) left.add(pairKey(a, i, b, j));
    }
  }

  const grow = (): number[] => {
    const order = names.map((_, at) => at);
    for (let at = order.length - 1; at > 0; at--) {
      const other = random.integer(at + 1);
      [order[at], order[other]] = [order[other], order[at]];
    }
    const row: number[] = [];
    const chosen: number[] = [];
    for (const a of order) {
      const gain = (i: number) => chosen.filter((b) => left.has(pairKey(a, i, b, row[b]))).length;
      const gains = Array.from({ length: sizes[a] }, (_, i) => gain(i) + random.uniform() / 2);
      row[a] = gains.indexOf(Math.max(...gains));
      chosen.push(a);
    }
    return row;
  };

  const rows: number[][] = [];
  while (left.size > 0) {
    let best: number[] = [];
    let covered = -1;
    for (let i = 0; i < candidates; i++) {
      const row = grow();
      const count = pairsOf(row).filter((key) => left.has(key)).length;
      if (count > covered) [best, covered] = [row, count];
    }
    if (covered === 0) best = firstLeft([...left][0], sizes, random);
    for (const key of pairsOf(best)) left.delete(key);
    rows.push(best);
  }
  return rows.map((row) => Object.fromEntries(names.map((name, a) => [name, choices[name][row[a]]])) as Drawn<T>);
}

/** A combination that has the pair, whatever else: so that the greedy search always ends. */
function firstLeft(key: string, sizes: readonly number[], random: Random): number[] {
  const row = sizes.map((size) => random.integer(size));
  for (const part of key.split('-')) {
    const [choice, value] = part.split('.').map(Number);
    row[choice] = value;
  }
  return row;
}
