// docs/api.md is what tools/api.ts makes of the declarations, and its defaults are those that the options' tables fill in.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { reference } from '../../tools/api.js';
import { at } from '../../tools/support.js';

// What is not public has no declarations there.
const inside = (name: string) => import(`../../dist/esm/${name}.js`);
const { options } = (await inside('check')) as typeof import('../../lib/check.js');
const { tables } = (await inside('options')) as typeof import('../../lib/options.js');

const made = reference();

/** The options that a section lists, with the values or the words that it has for their defaults. */
function optionsOf(section: string): { name: string; value?: string | undefined; words?: string | undefined }[] {
  const [, found = ''] = made.text.split(`\n### interface ${section}\n`);
  const [text = ''] = found.split('\n### ');
  return [...text.matchAll(/^- \[?`(\w+)\?: [^`]*`(?:\]\([^)]*\))?(?:, default (?:`([^`]*)`|([^:]*)))?: /gm)].map(
    ([, name = '', value, words]) => ({ name, value, words }),
  );
}

const evaluated = (text: string): unknown => new Function(`return (${text})`)();

t.test('the page is the one that npm run generate writes', async (t) => {
  t.equal(readFileSync(at('docs/api.md'), 'utf8'), made.text);
});

t.test('every export and every option has a doc comment', async (t) => t.same(made.undocumented, []));

t.test('options: the names of the table, with its defaults', async (t) => {
  const listed = ['TermWeights', 'LabelOptions', 'GldLossOptions', 'GldOptions', 'SignalOption'].flatMap(optionsOf);
  t.same(listed.map(({ name }) => name).sort(), Object.keys(tables.gldLossAsync).sort());
  const filled = options(tables.gldLossAsync, {}) as Record<string, unknown>;
  for (const { name, value, words } of listed) {
    if (value !== undefined) t.same(evaluated(value), filled[name], name);
    else if (words === undefined && name !== 'relation') t.equal(filled[name], undefined, `${name} has no default`);
  }
  const { relation } = options(tables.gldLossAsync, {});
  t.same(
    Object.fromEntries(optionsOf('RelationOptions').map(({ name, value = '' }) => [name, evaluated(value)])),
    relation,
  );
});
