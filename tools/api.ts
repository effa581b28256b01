// The reference of the public API, docs/api.md, made from the declarations in lib/ and their doc comments.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { at } from './support.js';

/** What a doc comment says. */
interface Comment {
  text: string;
  /** What stands for a value that is not given: @default. */
  fallback: string | undefined;
  /** @param, by name. */
  parameters: [name: string, text: string][];
  throws: string | undefined;
  internal: boolean;
}

/** A public name with its section. */
interface Entry {
  name: string;
  kind: string;
  declarations: readonly ts.Declaration[];
}

/** The page, and names of what should have a doc comment and has none. */
export interface Reference {
  text: string;
  undocumented: string[];
}

type TypeDeclaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;
type Owner = ts.InterfaceDeclaration | ts.ClassDeclaration;

const settings: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
};

const preamble = `# API

This page is made by \`npm run generate\` from the declarations in \`lib/\` and their doc comments, which an editor shows as well;
a test keeps the two alike. How the parts are used together is told in the [guide](guide.md), what the formulas mean in
[mathematics.md](mathematics.md), and what to do about errors in [errors.md](errors.md).
`;

/** The entry points of the package by their names, each with its source. */
function entryPoints(): [name: string, file: string][] {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
    exports: Record<string, { import?: { types: string } }>;
  };
  return Object.entries(exports).flatMap(([path, target]) => {
    const types = target.import?.types;
    if (types === undefined) return [];
    return [[path.replace('.', 'gld-loss'), at(types.replace('./dist/esm/', 'lib/').replace(/\.d\.ts$/, '.ts'))]];
  });
}

/** The anchor that a heading has on GitHub. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const headingOf = ({ kind, name }: Entry): string => `${kind} ${name}`;
const linkOf = (entry: Entry): string => `#${anchorOf(headingOf(entry))}`;

function kindOf(declaration: ts.Declaration): string {
  if (ts.isFunctionDeclaration(declaration)) return 'function';
  if (ts.isClassDeclaration(declaration)) return 'class';
  if (ts.isInterfaceDeclaration(declaration)) return 'interface';
  if (ts.isTypeAliasDeclaration(declaration)) return 'type';
  throw new Error(`${declaration.getText()}: expected a function, class, interface or type`);
}

/** All that the entry points export, each under the first of them that has it. */
function entriesOf(program: ts.Program, points: [name: string, file: string][]): Map<string, Entry[]> {
  const checker = program.getTypeChecker();
  const known = new Set<ts.Symbol>();
  return new Map(
    points.map(([point, file]) => {
      const source = program.getSourceFile(file);
      const symbol = source && checker.getSymbolAtLocation(source);
      if (symbol === undefined) throw new Error(`${file}: expected a module`);
      const exported = checker
        .getExportsOfModule(symbol)
        .map((one) => (one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one))
        .filter((one) => !known.has(one));
      for (const one of exported) known.add(one);
      const entries = exported.map(({ name, declarations = [] }) => {
        const [first] = declarations;
        if (first === undefined) throw new Error(`${name}: expected a declaration`);
        return { name, kind: kindOf(first), declarations };
      });
      return [point, entries.sort(inOrder)];
    }),
  );
}

const isType = ({ kind }: Entry): boolean => kind === 'interface' || kind === 'type';

/** Functions and classes first, in alphabetical order; then types. */
function inOrder(a: Entry, b: Entry): number {
  return Number(isType(a)) - Number(isType(b)) || a.name.localeCompare(b.name, 'en');
}

function commentOf(node: ts.Node): Comment {
  const found: Comment = { text: '', fallback: undefined, parameters: [], throws: undefined, internal: false };
  for (const doc of ts.getJSDocCommentsAndTags(node)) {
    if (!ts.isJSDoc(doc)) continue;
    found.text = ts.getTextOfJSDocComment(doc.comment) ?? '';
    for (const tag of doc.tags ?? []) {
      const text = (ts.getTextOfJSDocComment(tag.comment) ?? '').trim();
      if (ts.isJSDocParameterTag(tag)) found.parameters.push([tag.name.getText(), text]);
      else if (tag.tagName.text === 'throws') found.throws = text;
      else if (tag.tagName.text === 'default') found.fallback = text;
      else if (tag.tagName.text === 'internal') found.internal = true;
    }
  }
  return found;
}

const isDocumented = (node: ts.Node): boolean => commentOf(node).text !== '';

const isPrivate = (member: ts.Node): boolean =>
  (ts.canHaveModifiers(member) &&
    ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true) ||
  ts.isClassStaticBlockDeclaration(member) ||
  ('name' in member && ts.isPrivateIdentifier(member.name as ts.Node)) ||
  commentOf(member).internal;

/** Whether a default is a value of JavaScript, and not words about one. */
export const isValue = (fallback: string): boolean => /^(-?[\d.]+|'[^']*'|true|false|\{.*\})$/.test(fallback);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** A declaration without `export` and without the body, in which nothing is public. */
function signatureOf(node: ts.SignatureDeclaration): string {
  const body = (node as ts.FunctionLikeDeclaration).body;
  const source = node.getSourceFile().text.slice(node.getStart(), body?.getStart() ?? node.getEnd());
  const { line } = ts.getLineAndCharacterOfPosition(node.getSourceFile(), node.getStart());
  const [indent = ''] = /^ */.exec(node.getSourceFile().text.split('\n')[line]) ?? [];
  const own = source.replaceAll(`\n${indent}`, '\n').replace(/^(export )?(async )?/, '');
  return `${own.trim().replace(/;$/, '')};`;
}

/** Of overloads, the last one is the implementation, which nobody can call. */
const callable = (declarations: readonly ts.SignatureDeclaration[]): readonly ts.SignatureDeclaration[] =>
  declarations.length > 1 && 'body' in declarations[0] ? declarations.filter((one) => !hasBody(one)) : declarations;

const hasBody = (node: ts.SignatureDeclaration): boolean => (node as ts.FunctionLikeDeclaration).body !== undefined;

const code = (lines: readonly string[]): string => `\`\`\`ts\n${lines.join('\n')}\n\`\`\``;

/** Lines further to the right, but for the first: they belong to an item of a list. */
const indented = (text: string): string => text.replace(/\n(?=.)/g, '\n  ');

/** Writes the sections of all entries. */
class Writer {
  readonly undocumented: string[] = [];
  readonly #entries: Map<string, Entry>;

  constructor(entries: readonly Entry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  section(entry: Entry): string {
    const [first] = entry.declarations;
    const comment = commentOf(first);
    if (comment.text === '') this.undocumented.push(entry.name);
    return [`### ${headingOf(entry)}`, this.#prose(comment), this.#body(entry, first)].filter(Boolean).join('\n\n');
  }

  #body({ name, declarations }: Entry, first: ts.Declaration): string {
    if (ts.isFunctionDeclaration(first)) {
      return code(callable(declarations.filter(ts.isFunctionDeclaration)).map(signatureOf));
    }
    if (ts.isTypeAliasDeclaration(first))
      return code(this.#alias(first).map((one) => one.getText().replace(/^export /, '')));
    if (!ts.isInterfaceDeclaration(first) && !ts.isClassDeclaration(first)) return '';
    const { members, bases } = this.#membersOf(first);
    const head = bases.length > 0 ? `With the members of ${bases.map((base) => this.#typed(base)).join(' and ')}.` : '';
    const plain = members.length > 0 && !members.some(isDocumented);
    const list = plain ? code(members.map((one) => one.getText())) : this.#list(name, members);
    return [head, list].filter(Boolean).join('\n\n');
  }

  /** Own members and those of bases that have no section, and the bases that have one. */
  #membersOf(owner: Owner): { members: ts.Node[]; bases: string[] } {
    const members: ts.Node[] = [...owner.members].filter((member) => !isPrivate(member));
    const bases: string[] = [];
    for (const base of (owner.heritageClauses ?? []).flatMap(({ types }) => [...types])) {
      const hidden = this.#hidden(base.getSourceFile(), base.expression.getText());
      if (hidden === undefined || !ts.isInterfaceDeclaration(hidden)) {
        bases.push(oneLine(base.getText()));
        continue;
      }
      const inherited = this.#membersOf(hidden);
      members.push(...inherited.members);
      bases.push(...inherited.bases);
    }
    return { members, bases };
  }

  /** A type and those that it names and that have no section of their own. */
  #alias(node: TypeDeclaration, known = new Set<TypeDeclaration>()): TypeDeclaration[] {
    known.add(node);
    const named = (node.getText().match(/\w+/g) ?? []).map((name) => this.#hidden(node.getSourceFile(), name));
    for (const one of named) if (one !== undefined && !known.has(one)) this.#alias(one, known);
    return [...known];
  }

  /** The declaration of a type that is not exported. */
  #hidden(source: ts.SourceFile, type: string): TypeDeclaration | undefined {
    if (this.#entries.has(type)) return undefined;
    return source.statements
      .filter((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one))
      .find(({ name }) => name.text === type);
  }

  #list(owner: string, members: readonly ts.Node[]): string {
    const names = [...new Set(members.map((member) => this.#nameOf(member)))];
    const groups = names.map((name) => members.filter((member) => this.#nameOf(member) === name));
    return groups.map((group, i) => `- ${indented(this.#item(`${owner}.${names[i]}`, group))}`).join('\n');
  }

  #nameOf(member: ts.Node): string {
    if (ts.isConstructorDeclaration(member)) return 'constructor';
    return 'name' in member && member.name !== undefined ? (member.name as ts.Node).getText() : 'call';
  }

  #item(path: string, group: readonly ts.Node[]): string {
    const [first] = group;
    const comment = commentOf(first);
    if (ts.isPropertySignature(first) || ts.isPropertyDeclaration(first)) return this.#property(path, first, comment);
    if (ts.isGetAccessor(first)) return this.#titled(`${first.name.getText()}: ${first.type?.getText()}`, comment);
    const signatures = callable(group as ts.SignatureDeclaration[]).map(signatureOf);
    const title = ts.isCallSignatureDeclaration(first) ? 'The function itself' : `\`${this.#nameOf(first)}\``;
    return `${title}${comment.text === '' ? '' : `: ${this.#prose(comment)}`}\n\n${code(signatures)}`;
  }

  #property(path: string, node: ts.PropertySignature | ts.PropertyDeclaration, comment: Comment): string {
    const optional = node.questionToken !== undefined;
    if (optional && comment.text === '') this.undocumented.push(path);
    const name = `${node.name.getText()}${optional ? '?' : ''}`;
    if (node.type !== undefined && ts.isTypeLiteralNode(node.type) && node.type.members.some(isDocumented)) {
      return `${this.#titled(name, comment)}\n${this.#list(path, [...node.type.members])}`;
    }
    const initial = ts.isPropertyDeclaration(node) ? node.initializer : undefined;
    const type = node.type?.getText() ?? initial?.getText() ?? '';
    const text = oneLine(type).replace(optional ? / \| undefined$/ : /$^/, '');
    return this.#titled(`${name}: ${text}`, comment);
  }

  #titled(title: string, comment: Comment): string {
    const { fallback } = comment;
    const said =
      fallback === undefined ? '' : `, default ${isValue(fallback) ? `\`${fallback}\`` : this.#linked(fallback)}`;
    return `${this.#typed(title)}${said}${comment.text === '' ? '' : `: ${this.#prose(comment)}`}`;
  }

  /** Code, which leads to the first type that it names. */
  #typed(text: string): string {
    const named = (text.match(/\w+/g) ?? []).map((word) => this.#entries.get(word));
    const entry = named.find((found) => found !== undefined && found.kind !== 'function');
    return entry === undefined ? `\`${text}\`` : `[\`${text}\`](${linkOf(entry)})`;
  }

  #prose({ text, parameters, throws }: Comment): string {
    const list = parameters.map(([name, said]) => `- \`${name}\`: ${said}`).join('\n');
    const parts = [text, list, throws === undefined ? '' : `Errors: ${throws}`];
    return this.#linked(parts.filter(Boolean).join('\n\n'));
  }

  /** With {@link name} as what it is in Markdown. */
  #linked(text: string): string {
    return text.replace(/\{@link ([\w.]+)\}/g, (_, path: string) => {
      const entry = this.#entries.get(path.split('.')[0]);
      return entry === undefined ? `\`${path}\`` : `[\`${path}\`](${linkOf(entry)})`;
    });
  }
}

/** What can be called, and then types: on two lines, with links. */
function listed(entries: readonly Entry[]): string {
  const links = (some: readonly Entry[]) => some.map((entry) => `[\`${entry.name}\`](${linkOf(entry)})`).join(' · ');
  const values = entries.filter((entry) => !isType(entry));
  return `  - ${links(values)}\n  - Types: ${links(entries.filter(isType))}`;
}

/** Makes the page. */
export function reference(): Reference {
  const points = entryPoints();
  const program = ts.createProgram(
    points.map(([, file]) => file),
    settings,
  );
  const byPoint = entriesOf(program, points);
  const writer = new Writer([...byPoint.values()].flat());
  const contents = [...byPoint].map(([point, entries]) => `- [${point}](#${anchorOf(point)})\n${listed(entries)}`);
  const sections = [...byPoint].flatMap(([point, entries]) => [
    `## ${point}`,
    ...entries.map((entry) => writer.section(entry)),
  ]);
  return {
    text: `${[preamble.trim(), contents.join('\n'), ...sections].join('\n\n')}\n`,
    undocumented: writer.undocumented,
  };
}
