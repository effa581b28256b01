/** results.json: JSON with a line for each measurement, so that it can be read and compared line by line. */
import type { RunRecord } from '../record.js';

/** Seconds with so many digits as timing has; a long tail of them would only be noise. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

const line = (value: unknown): string => JSON.stringify(value, rounded);

const lines = (values: unknown[]): string => `[${values.map((value) => `\n    ${line(value)}`).join(',')}\n  ]`;

export function toJson({ format, environment, limits, measurements, memory }: RunRecord): string {
  const parts = {
    format: line(format),
    environment: JSON.stringify(environment, rounded, 2).replaceAll('\n', '\n  '),
    limits: lines(limits),
    measurements: lines(measurements),
    memory: lines(memory),
  };
  return `{\n${Object.entries(parts)
    .map(([name, text]) => `  "${name}": ${text}`)
    .join(',\n')}\n}\n`;
}

/** The record of a text of results.json. JSON has null for the error of a result that is not finite; nothing else is. */
export function fromJson(text: string): RunRecord {
  const record = JSON.parse(text, (_, value: unknown) => (value === null ? Infinity : value)) as RunRecord;
  if (record.format !== 1) throw new RangeError(`results: expected format 1, got ${String(record.format)}`);
  return record;
}
