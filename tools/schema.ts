/** Makes lib/schema.ts, what JavaScript knows of calls, of the lines of csrc/call.def. `npm run generate` writes it. */
import { readFileSync } from 'node:fs';
import { at } from './support.js';

/** One line: the macro, and its arguments as they are written. */
interface Line {
  readonly macro: string;
  readonly text: string;
  readonly args: readonly string[];
}

export const definition = at('csrc/call.def');
export const schema = at('lib/schema.ts');

/** What makes an error of whatever was changed without generating anew. */
export function expectFresh(): void {
  if (readFileSync(schema, 'utf8') === schemaOf(readFileSync(definition, 'utf8'))) return;
  throw new Error('lib/schema.ts is not of csrc/call.def as it is now: npm run generate');
}

/** The text of lib/schema.ts for the text of a call.def. */
export function schemaOf(definition: string): string {
  const lines = linesOf(definition);
  const limits = new Map(of(lines, 'LIMIT').map(({ args: [id, name, value] }) => [id, { name: word(name), value }]));
  const count = (text: string) => Number(limits.get(text)?.value ?? text);
  const numbers = placed(numbersOf(lines, count));
  const ofView = placed(of(lines, 'VIEW_NUMBERS').map(({ args: [, name, size] }) => [word(name), count(size)]));
  const options = of(lines, 'OPTION', 'CHOICE', 'ADDON_OPTION').map(({ macro, args }) =>
    word(args[macro === 'GLD_ADDON_OPTION' ? 1 : 2]),
  );
  const results = placed(of(lines, 'RESULT').map(({ args }) => [word(args[2]), 1]));
  return `// Made of csrc/call.def, which says what all this means, by \`npm run generate\`.

/** Differs with the lines of call.def: an addon that was made of other ones has another. */
export const hash = '${hashOf(lines)}';

export const limits = ${object([...limits.values()].map(({ name, value }) => [name, value]))} as const;

/** The words of each enum. A word's number is its place. */
export const words = ${object(wordsOf(lines))} as const;

/** Where each number of a call is, or the first of several. */
export const numbers = ${object(numbers.places)} as const;

/** Those of them that are options, under the names by which users give them. */
export const options = ${list(options)} as const;

/** How many numbers there are before those of the views, and for each view, in their order. */
export const numberCount = ${numbers.count};
export const viewNumberCount = ${ofView.count};
export const viewNumbers = ${object(ofView.places)} as const;

/** The views. The axes between the leading ones and the last may be left out. */
export const views = ${array(viewsOf(lines))} as const;

export const results = ${object(results.places)} as const;
export const resultCount = ${results.count};
`;
}

/** The lines of a call.def. */
export function linesOf(definition: string): Line[] {
  const written = definition.split('\n').filter((line) => line.startsWith('GLD_'));
  return written.map((line) => {
    const match = /^(GLD_\w+)\((.*)\)$/.exec(line.replace(/\s*\/\/.*/, ''));
    if (match === null) throw new Error(`csrc/call.def: not a macro on one line: ${line}`);
    const [, macro, inside] = match;
    const text = inside.trim().replace(/\s+/g, ' ');
    return { macro, text, args: argumentsOf(text) };
  });
}

/** Splits at the commas outside of brackets. */
function argumentsOf(text: string): string[] {
  const args = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) args.push('');
    else args[args.length - 1] += character;
  }
  return args.map((arg) => arg.trim());
}

function of(lines: readonly Line[], ...macros: string[]): Line[] {
  return lines.filter(({ macro }) => macros.includes(macro.slice('GLD_'.length)));
}

/** FNV-1a with 64 bits, as csrc/shared/call_hash.h has it. */
function hashOf(lines: readonly Line[]): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(lines.map(({ macro, text }) => `${macro}(${text})`).join(''))) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}

/** The names of the numbers in their order, and how many each stands for. */
function numbersOf(lines: readonly Line[], count: (text: string) => number): [string, number][] {
  return lines.flatMap(({ macro, args }): [string, number][] => {
    switch (macro) {
      case 'GLD_NUMBER':
      case 'GLD_OPTION':
      case 'GLD_CHOICE':
        return [[word(args[2]), 1]];
      case 'GLD_GRID':
        return [[word(args[2]), count(args[3]) * count(args[4])]];
      case 'GLD_SIDE_NUMBER':
        return ['teacher', 'student'].map((side) => [`${side}.${word(args[2])}`, 1]);
      case 'GLD_ADDON_OPTION':
      case 'GLD_ADDON_NUMBER':
        return [[word(args[1]), 1]];
      default:
        return [];
    }
  });
}

function wordsOf(lines: readonly Line[]): [string, string][] {
  const enums: { name: string; words: string[] }[] = [];
  for (const { macro, args } of lines) {
    if (macro === 'GLD_ENUM') enums.push({ name: word(args[1]), words: [] });
    if (macro === 'GLD_WORD' || macro === 'GLD_DTYPE') enums.at(-1)?.words.push(word(args[1]));
  }
  return enums.map(({ name, words }) => [name, list(words)]);
}

function viewsOf(lines: readonly Line[]): string[] {
  const loose = of(lines, 'LOOSE_AXIS').map(({ args }) => args[0]);
  const view = (role: string, text: string, output: boolean) => {
    const axes = argumentsOf(text.slice(1, -1));
    const first = axes.findIndex((axis) => loose.includes(axis));
    const leading = first < 0 ? axes.length : first;
    return `{ role: '${role}', axes: ${axes.length}, leading: ${leading}, isOutput: ${output} }`;
  };
  return of(lines, 'SIDE_INPUT', 'INPUT', 'OUTPUT').flatMap(({ macro, args: [, name, axes] }) =>
    macro === 'GLD_SIDE_INPUT'
      ? ['teacher', 'student'].map((side) => view(`${side}.${word(name)}`, axes, false))
      : [view(word(name), axes, macro === 'GLD_OUTPUT')],
  );
}

/** Where each name begins if they follow one another, and how much they take in all. */
function placed(sizes: readonly [string, number][]): { places: [string, string][]; count: number } {
  let count = 0;
  const places = sizes.map(([name, size]): [string, string] => {
    count += size;
    return [name, String(count - size)];
  });
  return { places, count };
}

/** What a word in quotes says. */
function word(quoted: string): string {
  const match = /^"(.+)"$/.exec(quoted);
  if (match === null) throw new Error(`csrc/call.def: no word in quotes: ${quoted}`);
  return match[1];
}

const key = (name: string) => (/^\w+$/.test(name) ? name : `'${name}'`);
const object = (entries: readonly [string, string][]) =>
  `{\n${entries.map(([n, v]) => `  ${key(n)}: ${v},\n`).join('')}}`;
const array = (items: readonly string[]) => `[\n${items.map((item) => `  ${item},\n`).join('')}]`;
const list = (items: readonly string[]) => {
  const quoted = items.map((item) => `'${item}'`);
  const line = `[${quoted.join(', ')}]`;
  return line.length < 90 ? line : array(quoted);
};
