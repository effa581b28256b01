/**
 * Puts the results of full runs into docs/paper.md: `npx tsx examples/paper/docs.ts`. What stands between the markers of
 * a study is replaced by the table of examples/results/<study>/results.json; a study without that file is left alone.
 *
 * `npx tsx examples/paper/docs.ts classification DIR` first takes results.json and report.html from the run in DIR.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { intoDocument, type StudyRecord } from './document.js';
import { studies } from './studies.js';

const root = join(import.meta.dirname, '../..');
const folder = (name: string) => join(root, 'examples/results', name);
const file = (name: string) => join(folder(name), 'results.json');

const [taken, from, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (taken === undefined) !== (from === undefined) || (taken && !Object.hasOwn(studies, taken))) {
  throw new Error(`usage: tsx examples/paper/docs.ts [${Object.keys(studies).join('|')} DIR]`);
}
if (taken && from) {
  mkdirSync(folder(taken), { recursive: true });
  for (const name of ['results.json', 'report.html']) copyFileSync(join(from, name), join(folder(taken), name));
}
const document = join(root, 'docs/paper.md');
let text = readFileSync(document, 'utf8');
for (const [name, study] of Object.entries(studies)) {
  if (!existsSync(file(name))) continue;
  const record = JSON.parse(readFileSync(file(name), 'utf8')) as StudyRecord;
  text = intoDocument(text, name, record, study.table(record));
}
writeFileSync(document, text);
