// Prints the table of what each engine computes, and with --write puts it into docs/gpu.md. Usage: npm run capabilities
import { readFileSync, writeFileSync } from 'node:fs';
import { isComplete, loadBuild, page, tableOf, withTable } from './capabilities.js';
import { tool } from './support.js';

tool(() => {
  const native = loadBuild();
  if (!isComplete(native)) throw new Error(`the CUDA engine is not there to be asked: ${native.devices()}`);
  const table = tableOf(native);
  console.log(table);
  if (process.argv.includes('--write')) writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
});
