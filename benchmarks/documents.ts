// Puts the numbers and plots of the committed runs into README.md and docs/performance.md:
//   npx tsx benchmarks/documents.ts
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/support.js';
import { fromJson } from './report/json.js';
import { highlights, images, intoBlock, summary } from './report/markdown.js';

const folder = (machine: string) => `benchmarks/results/${machine}-2-cores`;
const record = (machine: string) => fromJson(readFileSync(join(root, folder(machine), 'results.json'), 'utf8'));

function update(document: string, text: string): void {
  const file = join(root, document);
  writeFileSync(file, intoBlock(readFileSync(file, 'utf8'), text));
}

const has = (plot: string) => existsSync(join(root, folder('xeon'), plot));
update('README.md', highlights({ EPYC: record('epyc'), Xeon: record('xeon') }));
update('docs/performance.md', [summary(record('xeon')), ...images(`../${folder('xeon')}`, has)].join('\n\n'));
