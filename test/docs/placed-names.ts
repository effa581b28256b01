// What documents say about where a name is, and whether a source file declares a name.

/** "`name` in `path`", in one of its forms. */
export interface Claim {
  name: string;
  /** The name is in one of them. */
  paths: string[];
}

const name = '`[A-Za-z_]\\w*(?:\\(\\))?`';
const path = '`[\\w./-]*\\w\\.(?:c?ts|js|cjs|mjs|cpp|h|cuh?|py|json|gypi?|txt)`';
const list = (item: string) => `${item}(?:(?:,? and|,? or|,) ${item})*`;
const statements = [
  // `a`, `b` and `c` in `path`; `a` of `path`
  `(?<names>${list(name)}) (?:in|of) (?<paths>${list(path)})`,
  // `a` (`path`)
  `(?<names>${list(name)}) \\((?<paths>${list(path)})\\)`,
  // `path` (`a`)
  `(?<paths>${path}) \\((?<names>${list(name)})\\)`,
  // a sentence with `a` and `b`, both in `path`
  `(?<names>[^.]*${name}[^.]*), (?:both|all) in (?<paths>${list(path)})`,
  // a paragraph or row that begins with `path`: and goes on to say what is in `a`
  `^(?:[-*] |\\d+\\. )?(?<paths>${list(path)}): (?<names>[^.]* in ${name})`,
].map((source) => new RegExp(source, 'gd'));

const all = (pattern: string, text: string): string[] =>
  [...text.matchAll(new RegExp(pattern, 'g'))].map(([found]) => found.slice(1, -1).replace('()', ''));

/** A document's paragraphs, list items and table rows, each on one line; without code, and with the text of links only. */
function blocks(markdown: string): string[] {
  return markdown
    .replace(/^```.*?^```$/gms, '')
    .replace(/<!-- \w+:begin -->.*?<!-- \w+:end -->/gs, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) |\|)/)
    .map((block) => block.replaceAll('**', '').replace(/\s+/g, ' ').trim());
}

/** Claims in sentences. */
function stated(text: string[]): Claim[] {
  return text.flatMap((block) =>
    statements.flatMap((statement) =>
      [...block.matchAll(statement)].flatMap(({ groups = {} }) =>
        all(name, groups.names).map((found) => ({ name: found, paths: all(path, groups.paths) })),
      ),
    ),
  );
}

/** Claims of tables that have a column of files: all names of a row are in them. */
function tabulated(text: string[]): Claim[] {
  const claims: Claim[] = [];
  let column = -1;
  for (const block of text) {
    const cells = block.startsWith('|') ? block.slice(1, -1).split('|') : [];
    if (cells.length === 0) column = -1;
    else if (column < 0) column = cells.findIndex((cell) => /\bfiles?\b/.test(cell));
    const paths = all(path, cells[column] ?? '');
    const names = paths.length > 0 ? all(name, cells.toSpliced(column, 1).join()) : [];
    claims.push(...names.map((found) => ({ name: found, paths })));
  }
  return claims;
}

/** Where a document says that names are. A table may also name what a sentence of the document has a place for. */
export function claims(markdown: string): Claim[] {
  const text = blocks(markdown);
  const sentences = stated(text);
  const placed = new Set(sentences.map(({ name }) => name));
  return [...sentences, ...tabulated(text).filter(({ name }) => !placed.has(name))];
}

/** Files that a document names, with their folder or without; what a build makes is left out. */
export const fileNames = (markdown: string): string[] =>
  [...new Set(all(path, blocks(markdown).join('\n')))].filter((file) => !/^(?:build|dist)\//.test(file));

/** Names of code that a document uses: those that no plain word looks like. */
export function codeNames(markdown: string): string[] {
  const found = all(name, blocks(markdown).join('\n'));
  return [...new Set(found)].filter((word) => /[a-z][A-Z]|[a-zA-Z]_[a-zA-Z]/.test(word));
}

const notTypes = 'return|throw|else|new|await|case|typeof|delete|in|of|co_return|goto|not|and|or';
const declarations = (word: string): RegExp[] =>
  [
    `#\\s*define ${word}\\b`,
    `\\b(?:class|struct|enum|union|using|namespace|interface|type|function\\*?|const|let|var|def) ${word}\\b`,
    // A type before it, as in C++, perhaps on the line before.
    `^(?!\\s*(?:${notTypes})\\b).*[\\w>&*\\]] +[&*]*(?<!\\b(?:${notTypes}) +)${word}(?= *[({=;,[:]|$)`,
    `[\\w>)](?<!\\b(?:${notTypes}))\\s*\\n\\s*${word}\\(`,
    `\\(\\*${word}\\)\\(`,
    `^} ${word};`,
    // A member of a class or an object, or of a C++ enum.
    `^\\s*(?:(?:static|readonly|private|async|get|set|export) )*'?${word}'?\\??\\s*(?:[:=,]|\\(.*\\{$|$)`,
    // In a list that a macro writes: X(name).
    `\\bX\\(${word}\\)`,
    `[{,] *'?${word}'?: `,
    `"${word}":`,
  ].map((source) => new RegExp(source, 'm'));

/** Whether the source text declares the name, and does not merely use it. */
export function declares(source: string, word: string): boolean {
  const code = source.replace(/\/\*.*?\*\//gs, '').replace(/(?<!:)\/\/.*$/gm, '');
  return declarations(word).some((pattern) => pattern.test(code));
}
