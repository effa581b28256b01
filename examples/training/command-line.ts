/** From process.argv to checked arguments, and the text of --help. */
import { parseArgs } from 'node:util';
import { type Arguments, didYouMean, type OptionGroups, type OptionTable, UsageError } from './options.js';

/** @throws UsageError that names the option, what was expected and what came. */
export function parseCommandLine<Table extends OptionTable>(argv: string[], options: Table): Arguments<Table> {
  const names = Object.keys(options);
  // parseArgs is lenient here and its tokens are checked below, for messages that say what to do.
  const { tokens } = parseArgs({
    args: argv,
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(names.map((name) => [name, { type: options[name].value ? 'string' : 'boolean' }])),
  });
  const result: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      const hint = didYouMean(token.value, names, '--');
      throw new UsageError(`'${token.value}': expected an option such as --quick${hint}`);
    }
    const { name, rawName, value } = token;
    if (!Object.hasOwn(options, name) || !rawName.startsWith('--')) {
      throw new UsageError(`${rawName}: there is no such option${didYouMean(name, names, '--')}`);
    }
    if (name in result) throw new UsageError(`--${name}: expected once, got twice`);
    const spec = options[name];
    if (spec.value === undefined && value !== undefined) {
      throw new UsageError(`--${name}: expected no value, got '${value}'`);
    }
    if (spec.value !== undefined && (value === undefined || (!token.inlineValue && value.startsWith('--')))) {
      const got = value === undefined ? 'none' : `'${value}'`;
      throw new UsageError(`--${name}: expected a value ${spec.value}, got ${got}`);
    }
    try {
      result[name] = spec.parse(value ?? '');
    } catch (error) {
      throw new UsageError(`--${name}: ${(error as Error).message}`);
    }
  }
  return result as Arguments<Table>;
}

const width = 100;
const indent = 26;

/** @param introduction lines above the options */
export function helpText(introduction: readonly string[], groups: OptionGroups): string {
  const lines = [...introduction];
  for (const [title, group] of Object.entries(groups)) {
    lines.push('', `${title}:`);
    for (const [name, spec] of Object.entries(group)) {
      const head = `  --${name}${spec.value ? ` ${spec.value}` : ''}`;
      const body = wrap(spec.help, width - indent);
      if (head.length < indent) lines.push(head.padEnd(indent) + (body.shift() ?? ''));
      else lines.push(head);
      lines.push(...body.map((line) => ' '.repeat(indent) + line));
    }
  }
  return `${lines.join('\n')}\n`;
}

function wrap(text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
