/** The part of docs/paper.md that comes from a run. */
import { duration } from 'gld-loss-pages/numbers';
import type { RunEnvironment } from '../report/types.js';

/** What the records of all studies have. */
export interface StudyRecord {
  command: string;
  startedAt: string;
  seconds: number;
  environment: RunEnvironment;
}

/**
 * The document with this table between the study's markers, `<!-- results: NAME -->` and `<!-- end of results -->`.
 * @throws Error when it has no such markers
 */
export function intoDocument(document: string, name: string, record: StudyRecord, table: string): string {
  const { cpu, cores, node, framework } = record.environment;
  const text = [
    '',
    `\`${record.command}\`, ${record.startedAt.slice(0, 10)}, ${duration(record.seconds)} on ${cpu}, ${cores} cores, ` +
      `Node.js ${node}, ${framework}. \`npm run paper -- report ${name}\` makes the report with curves and pictures.`,
    '',
    '```',
    table,
    '```',
    '',
  ].join('\n');
  return between(document, `<!-- results: ${name} -->`, '<!-- end of results -->', text);
}

/** The document with this text between two markers. @throws Error when it has none */
export function between(document: string, begin: string, end: string, text: string): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`expected ${begin} and ${end} in the document`);
  return document.slice(0, from + begin.length) + text + document.slice(to);
}
