/** Prints the peak memory of one call of the relation loss beyond what there was. Arguments: METHOD THREADS M K */
import { readFileSync, writeFileSync } from 'node:fs';
import { relation, type RelationMethod } from 'gld-loss';
import { present } from '../tools/present.js';
import { makeInputs } from './inputs.js';

const method = process.argv[2] as RelationMethod;
const [threads, m, K] = process.argv.slice(3).map(Number) as [number, number, number];

function status(name: string): number {
  const [, kilobytes] = present(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8')));
  return Number(kilobytes) * 1024;
}

function pair(rows: number) {
  const made = makeInputs({ operation: 'relation', sizes: { n: rows, K, m: rows }, layout: 'NCHW' });
  return { teacher: made['teacher.logits'], student: made['student.logits'] };
}

// Loads the code and starts the threads.
relation(pair(300), { method, threads });
const inputs = pair(m);
// Sets the peak back to what is used now.
writeFileSync('/proc/self/clear_refs', '5');
const before = status('VmRSS');
relation(inputs, { method, threads });
console.log(status('VmHWM') - before);
