import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../record.js';
import { toJson } from './json.js';
import { page } from './page.js';
import { plots } from './plots/index.js';
import { terminalReport } from './terminal.js';

/** Prints the tables of a run and writes results.json, the plots that have data, and index.html into the directory. */
export async function report(record: RunRecord, directory: string): Promise<void> {
  console.log(terminalReport(record));
  await mkdir(directory, { recursive: true });
  // The numbers first: they must not be lost to a defect in a drawing.
  await writeFile(join(directory, 'results.json'), toJson(record));
  const drawings = plots(record);
  for (const [name, svg] of Object.entries(drawings)) {
    const path = join(directory, `${name}.svg`);
    // A plot of an earlier run must not pass for one of this.
    await (svg === undefined ? rm(path, { force: true }) : writeFile(path, svg));
  }
  await writeFile(join(directory, 'index.html'), page(record, drawings));
}
