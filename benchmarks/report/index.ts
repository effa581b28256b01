/** What a finished run leaves in its folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../record.js';

export async function report(record: RunRecord, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'results.json');
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
  console.log(file);
}
