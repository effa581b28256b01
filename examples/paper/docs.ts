/**
 * Puts the results of full runs into docs/paper.md, and those of the ablation into README.md and docs/distiller.md: `npx tsx examples/paper/docs.ts`. What stands between the markers of
 * a study is replaced by the table of examples/results/<study>/results.json; a study without that file is left alone.
 *
 * `npx tsx examples/paper/docs.ts classification DIR` first takes results.json from the run in DIR.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromJson, toJson } from 'gld-loss-pages/json';
import type { ClassificationRecord } from './classification/record.js';
import { intoDocument } from './document.js';
import { intoPresets, intoReadme } from './readme.js';
import { readResults, resultsOf } from './results.js';
import { studies } from './studies.js';

const root = join(import.meta.dirname, '../..');
const [taken, from, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (taken === undefined) !== (from === undefined) || (taken && !Object.hasOwn(studies, taken))) {
  throw new Error(`usage: tsx examples/paper/docs.ts [${Object.keys(studies).join('|')} DIR]`);
}
if (taken && from) {
  mkdirSync(dirname(resultsOf(taken)), { recursive: true });
  // Paths in it lead from here, wherever the repository lies.
  const text = readFileSync(join(from, 'results.json'), 'utf8').replaceAll(`${root}/`, '');
  writeFileSync(resultsOf(taken), toJson(fromJson(text)));
}
const document = join(root, 'docs/paper.md');
let text = readFileSync(document, 'utf8');
for (const [name, study] of Object.entries(studies)) {
  const record = readResults(name);
  if (record) text = intoDocument(text, name, record, study.table(record));
}
writeFileSync(document, text);
const ablation = readResults('classification') as ClassificationRecord | undefined;
for (const [path, into] of Object.entries({ 'README.md': intoReadme, 'docs/distiller.md': intoPresets })) {
  const page = join(root, path);
  if (ablation) writeFileSync(page, into(readFileSync(page, 'utf8'), ablation));
}
