/** The results that are in the repository: of each study the record of a full run, from which all else is made. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromJson } from 'gld-loss-pages/json';
import { UsageError } from '../training/options.js';
import type { StudyRecord } from './document.js';
import { studies } from './studies.js';

export const resultsOf = (study: string): string => join(import.meta.dirname, '../results', study, 'results.json');

/** The record of a study, undefined where there is none. */
export function readResults(study: string): StudyRecord | undefined {
  const file = resultsOf(study);
  return existsSync(file) ? fromJson<StudyRecord>(readFileSync(file, 'utf8')) : undefined;
}

/**
 * Writes the reports of these studies, or of all that have results, into a folder; returns the paths.
 * @throws UsageError for a study without results
 */
export async function writeReports(names: readonly string[], folder: string): Promise<string[]> {
  const all = Object.keys(studies).filter((name) => existsSync(resultsOf(name)));
  const without = names.find((name) => !all.includes(name));
  if (without !== undefined) throw new UsageError(`'${without}': expected ${all.join(', ')}`);
  mkdirSync(folder, { recursive: true });
  const written: string[] = [];
  for (const name of names.length > 0 ? names : all) {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, await studies[name].report(readResults(name)));
    written.push(path);
  }
  return written;
}
