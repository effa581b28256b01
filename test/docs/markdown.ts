// Documents of the repository, and what is in them.
import { readFileSync } from 'node:fs';
import { at } from '../../tools/support.js';

export const read = (path: string): string => readFileSync(at(path), 'utf8');

/** The code of a document in one language. */
export const blocks = (document: string, language: string): string[] =>
  [...document.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);

/** What stands under a heading, up to the next one of its level or a higher one. */
export function section(document: string, heading: string): string {
  const [, found = ''] = document.split(`\n${heading}\n`);
  const [marks = ''] = /^#+/.exec(heading) ?? [];
  const [text = ''] = found.split(new RegExp(`\n#{1,${marks.length}} `));
  return text;
}

/** The cells of every table row, without its heading and without code marks around a whole cell. */
export const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line, i, lines) => /^\|(?! ?---)/.test(line) && !/^\| ?---/.test(lines[i + 1] ?? ''))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    );
