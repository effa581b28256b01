import type { Random } from './random.js';

/** Every combination of the listed choices: `{ a: [1, 2], b: [3] }` gives `{ a: 1, b: 3 }` and `{ a: 2, b: 3 }`. */
export function combinations<T extends { [name: string]: readonly unknown[] }>(
  choices: T,
): { [name in keyof T]: T[name][number] }[] {
  let all: object[] = [{}];
  for (const [name, values] of Object.entries(choices)) {
    all = all.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value })));
  }
  return all as { [name in keyof T]: T[name][number] }[];
}

/** One random draw of each of the listed choices. */
export function draw<T extends { [name: string]: readonly unknown[] }>(
  choices: T,
  random: Random,
): { [name in keyof T]: T[name][number] } {
  const drawn = Object.entries(choices).map(([name, values]) => [name, values[random.integer(values.length)]]);
  return Object.fromEntries(drawn) as { [name in keyof T]: T[name][number] };
}
