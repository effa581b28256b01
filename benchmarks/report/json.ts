/** results.json of a run. */
import { fromJson as read } from 'gld-loss-pages/json';
import type { RunRecord } from '../record.js';

export { toJson } from 'gld-loss-pages/json';

export function fromJson(text: string): RunRecord {
  const record = read<RunRecord>(text);
  if (record.format !== 1) throw new RangeError(`results: expected format 1, got ${String(record.format)}`);
  return record;
}
