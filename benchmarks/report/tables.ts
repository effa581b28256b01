/** All tables of a run, in the order in which they are shown. */
import type { RunRecord } from '../record.js';
import { caseTable } from './case-tables.js';
import { threadCounts } from './lineup.js';
import { relationTables } from './relation-table.js';
import { callsTable, limitsTable, memoryTable, overheadTable, productsTable } from './small-tables.js';
import type { Table } from './table.js';

export interface Tables {
  steps: Table[];
  relation: Table[];
  stages: Table[];
  overhead: Table[];
  calls: Table[];
  limits: Table[];
  memory: Table[];
}

const some = (...tables: (Table | undefined)[]): Table[] => tables.filter((table) => table !== undefined);

export function tables(record: RunRecord): Tables {
  const threads = threadCounts(record);
  return {
    steps: some(...threads.map((count) => caseTable(record, 'step', count))),
    relation: threads.flatMap((count) => relationTables(record, count)),
    stages: some(...threads.map((count) => caseTable(record, 'stage', count))),
    overhead: some(overheadTable(record)),
    calls: some(callsTable(record)),
    limits: some(limitsTable(record), productsTable(record)),
    memory: some(memoryTable(record)),
  };
}
