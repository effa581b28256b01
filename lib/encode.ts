import type { Settings } from './options.js';
import { numberCount, numbers, options, words } from './schema.js';

type Option = (typeof options)[number];

/** The name of an option, or of the object that it is in: 'relation' of 'relation.method'. */
type Root<Name extends string> = Name extends `${infer Group}.${string}` ? Group : Name;

/** Options after they were checked. */
export type Encodable = { readonly [name in Root<Option>]?: unknown };

type Values = { readonly [name: string]: unknown };

/** Where an option is, in the checked options and among the numbers of a call. */
interface Position {
  readonly group: string | undefined;
  readonly name: string;
  readonly at: number;
  readonly numberOf: (value: unknown) => number;
}

/** Options that are neither numbers nor flags nor words of an enum. */
const others: { readonly [name in Option]?: (value: unknown) => number } = {
  'relation.reduction': (value) => rowsOf(value as Settings['relation']['reduction']),
};

/** What the relation's sum is divided by besides m; 0 stands for m. */
function rowsOf(reduction: Settings['relation']['reduction']): number {
  if (typeof reduction === 'object') return reduction.rows;
  return reduction === 'row' ? 1 : 0;
}

function encoderOf(option: Option): Position['numberOf'] {
  if (!Object.hasOwn(words, option)) return others[option] ?? Number;
  const known: readonly unknown[] = words[option as Option & keyof typeof words];
  return (word) => known.indexOf(word);
}

const positions: readonly Position[] = options.map((option) => {
  const [name = option, group] = option.split('.').reverse();
  return { group, name, at: numbers[option], numberOf: encoderOf(option) };
});

/** Writes options into the numbers of a call. Those that are not there leave what there is. */
export function encodeOptions(checked: Encodable, into: Float64Array): void {
  const outer: Values = checked;
  for (let i = 0; i < positions.length; i += 1) {
    const { group, name, at, numberOf } = positions[i];
    const value = group === undefined ? outer[name] : (outer[group] as Values | undefined)?.[name];
    if (value !== undefined) into[at] = typeof value === 'number' ? value : numberOf(value);
  }
}

/** Options as numbers, for calls that repeat them. */
export class EncodedOptions {
  readonly #numbers = new Float64Array(numberCount);

  constructor(checked: Encodable) {
    encodeOptions(checked, this.#numbers);
  }

  copyTo(numbers: Float64Array): void {
    for (let i = 0; i < positions.length; i += 1) numbers[positions[i].at] = this.#numbers[positions[i].at];
  }
}
