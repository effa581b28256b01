// Puts the numbers and plots of a run into README.md:
//   npx tsx benchmarks/readme.ts benchmarks/results/results.json
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { root } from '../tools/support.js';
import { fromJson } from './report/json.js';
import { intoReadme } from './report/markdown.js';

const [file, ...rest] = process.argv.slice(2);
if (file === undefined || rest.length > 0) throw new Error('usage: tsx benchmarks/readme.ts RESULTS.json');
const folder = dirname(resolve(file));
const readme = join(root, 'README.md');
const record = fromJson(readFileSync(file, 'utf8'));
const has = (name: string) => existsSync(join(folder, name));
writeFileSync(readme, intoReadme(readFileSync(readme, 'utf8'), record, relative(root, folder), has));
