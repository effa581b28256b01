// Puts the numbers and plots of the newest committed run into README.md and docs/performance.md:
//   npx tsx benchmarks/documents.ts
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/support.js';
import { fromJson } from './report/json.js';
import { highlights, images, intoBlock, summary } from './report/markdown.js';

const folder = 'benchmarks/results/xeon-2-cores';
const xeon = fromJson(readFileSync(join(root, folder, 'results.json'), 'utf8'));

function update(document: string, text: string): void {
  const file = join(root, document);
  writeFileSync(file, intoBlock(readFileSync(file, 'utf8'), text));
}

const has = (plot: string) => existsSync(join(root, folder, plot));
update('README.md', highlights({ Xeon: xeon }));
update('docs/performance.md', [summary(xeon), ...images(`../${folder}`, has)].join('\n\n'));
