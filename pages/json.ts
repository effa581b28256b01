/**
 * Records of results as compact JSON. A list of records is written as a table: a column for each field, in which values
 * that repeat are counted. A list of numbers is written as whole multiples of a power of ten: { "e-3": [1, 2] } is 0.001
 * and 0.002. Numbers that are not whole have six digits; more would be noise of what was measured.
 */

type Fields = Record<string, unknown>;

/** A list of records, by columns: each a list of cells, or where that is shorter of [count, cell]. */
interface Table {
  rows: number;
  columns: Record<string, Column>;
}

type Column = Table | { list: unknown[] } | { runs: [number, unknown][] };

/** The cell of a field that a record does not have. No record is written that has such a value. */
const missing = {};

const digits = 6;
const special = new Map([Number.NaN, Infinity, -Infinity].map((value) => [String(value), value]));

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTable = (value: Fields): value is Fields & Table => 'rows' in value && 'columns' in value;
const isRecord = (value: unknown): boolean => isFields(value) && Object.keys(value).length > 0;

const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(digits)));

const numberText = (value: number): string =>
  Number.isFinite(value) ? String(rounded(value)) : JSON.stringify(String(value));

/** The power of ten that a number is a whole multiple of: 0 for whole ones, −3 for 0.012. */
function exponentOf(value: number): number {
  const [, decimals, exponent] = /^-?\d(?:\.(\d+))?e(.*)$/.exec(rounded(value).toExponential()) ?? [];
  return Math.min(0, Number(exponent) - (decimals?.length ?? 0));
}

/** The numbers as multiples of a power of ten; undefined where those are too large to be exact. */
function scaledText(values: number[]): string | undefined {
  const exponent = Math.min(...values.map(exponentOf));
  const whole = values.map((value) => Math.round(rounded(value) * 10 ** -exponent));
  return whole.every(Number.isSafeInteger) ? `{"e${exponent}":[${whole.join()}]}` : undefined;
}

const isScaled = (value: Fields): boolean => /^e-?\d+$/.test(Object.keys(value).join());

/** Through the text of each number, which gives the same bits as reading it plainly would. */
const unscaled = (value: Fields): number[] =>
  Object.entries(value).flatMap(([exponent, whole]) => (whole as number[]).map((one) => Number(`${one}${exponent}`)));

function listText(values: unknown[]): string {
  if (values.length > 1 && values.every(isRecord)) return textOf(table(values as Fields[]));
  const plain = `[${values.map(textOf).join()}]`;
  if (!values.every((value) => typeof value === 'number' && Number.isFinite(value))) return plain;
  const scaled = scaledText(values as number[]);
  return scaled !== undefined && scaled.length < plain.length ? scaled : plain;
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return listText(value);
  if (!isFields(value)) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const between = isTable(value) ? ',' : ',\n';
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${textOf(field)}`).join(between)}}`;
}

/** @param rows undefined where a record lacks the field that the table is of */
function table(rows: (Fields | undefined)[]): Table {
  const names = new Set(rows.flatMap((row) => Object.keys(row ?? {})));
  return {
    rows: rows.length,
    columns: Object.fromEntries([...names].map((name) => [name, column(rows.map((row) => row?.[name]))])),
  };
}

function column(cells: unknown[]): Column {
  const there = cells.filter((cell) => cell !== undefined);
  if (there.length > 0 && there.every(isRecord)) return table(cells as (Fields | undefined)[]);
  const list = cells.map((cell) => (cell === undefined ? missing : cell));
  const runs: [number, unknown][] = [];
  for (const cell of list) {
    const last = runs.at(-1);
    if (last?.[1] === cell) last[0] += 1;
    else runs.push([1, cell]);
  }
  return textOf(runs).length < textOf(list).length ? { runs } : { list };
}

const cellOf = (read: unknown): unknown => (isFields(read) && !isRecord(read) ? undefined : read);

function cellsOf(column: Column): unknown[] {
  if ('rows' in column) return recordsOf(column);
  if ('list' in column) return (read(column.list) as unknown[]).map(cellOf);
  return column.runs.flatMap(([count, cell]) => Array(count).fill(cellOf(read(cell))));
}

/** The records of a table; undefined for one that has no field. */
function recordsOf({ rows, columns }: Table): (Fields | undefined)[] {
  const fields = Object.entries(columns).map(([name, column]) => [name, cellsOf(column)] as const);
  return Array.from({ length: rows }, (_, row) => {
    const there = fields.flatMap(([name, cells]) => (cells[row] === undefined ? [] : [[name, cells[row]] as const]));
    return there.length === 0 ? undefined : Object.fromEntries(there);
  });
}

function read(value: unknown): unknown {
  if (typeof value === 'string') return special.get(value) ?? value;
  if (Array.isArray(value)) return value.map(read);
  if (!isFields(value)) return value;
  if (isTable(value)) return recordsOf(value);
  if (isScaled(value)) return unscaled(value);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, read(field)]));
}

export const toJson = (record: object): string => `${textOf(record)}\n`;

/** What toJson wrote, or any other JSON. */
export const fromJson = <T>(text: string): T => read(JSON.parse(text)) as T;
