// Random calls of every entry point: right ones, and right ones with something broken. Each must give a result or a
// structured error, write nowhere but into its buffers (and nothing there when it fails), and leave its inputs alone.
//   npm run fuzz                               ten seconds
//   npm run fuzz -- --seconds 600 --seed 7     as long as one likes
//   npm run fuzz -- --seed 123 --cases 1       one case again: every failure names its seed
//   npm run fuzz -- --trace                    print each seed before its case, to find the one that crashes
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  classify,
  crossEntropy,
  GldLoss,
  gldLoss,
  gldLossAsync,
  normalizedKd,
  pool,
  relation,
  type DenseTensor,
  type GldError,
} from 'gld-loss';
import { breakCase } from '../test/fuzz/breaks.js';
import { rightCase, type Entry, type Lent } from '../test/fuzz/cases.js';
import { Random } from '../test/support/random.js';

export interface Summary {
  cases: number;
  results: number;
  /** How often each error code came. */
  errors: { [code: string]: number };
  /** One line per violation, with the seed of its case. */
  failures: string[];
}

const entries: { readonly [name in Entry]: (inputs: any, options: any) => unknown } = {
  gldLoss,
  gldLossAsync,
  pool,
  classify,
  crossEntropy,
  normalizedKd,
  relation,
  compute: (inputs, { out, ...options }) => {
    const kept = new GldLoss(options);
    try {
      return kept.compute(inputs, { out });
    } finally {
      kept.dispose();
    }
  },
  computeAsync: (inputs, { out, signal, ...options }) => {
    const kept = new GldLoss(options);
    try {
      return kept.computeAsync(inputs, { out, signal });
    } finally {
      kept.dispose();
    }
  },
};

/** The bytes under every typed array that is reachable in the inputs, as they are now. */
function snapshot(value: unknown, seen = new Map<ArrayBufferLike, Uint8Array>()): Map<ArrayBufferLike, Uint8Array> {
  if (ArrayBuffer.isView(value)) {
    if (value.byteLength > 0) seen.set(value.buffer, new Uint8Array(value.buffer).slice());
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) snapshot(inner, seen);
  }
  return seen;
}

/** Cases transfer buffers away, never empty ones. */
function isDetached(buffer: ArrayBufferLike): boolean {
  return buffer.byteLength === 0;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Whether all around the buffer is as it was, and with `untouched` the buffer itself as well. */
function intact({ view, memory }: Lent, untouched: boolean): boolean {
  const end = view.byteOffset + view.byteLength;
  return memory.every((byte, i) => byte === 0xa5 || (!untouched && i >= view.byteOffset && i < end));
}

function isStructured(error: unknown): error is GldError {
  if (!(error instanceof TypeError || error instanceof RangeError)) return false;
  const { code, argument, expected, received, message } = error as unknown as GldError;
  return /^ERR_GLD_[A-Z_]+$/.test(code) && message === `${argument}: expected ${expected}, got ${received}`;
}

function isTensor(value: unknown): value is DenseTensor {
  return typeof value === 'object' && value !== null && 'data' in value;
}

/** What is wrong with a result, or with a part of it. */
function resultFault(result: object, broken: boolean, path = 'result'): string | undefined {
  for (const [name, value] of Object.entries(result)) {
    const where = `${path}.${name}`;
    let fault: string | undefined;
    if (isTensor(value)) {
      const { data, shape, dtype } = value;
      const Kind = dtype === 'float64' ? Float64Array : Float32Array;
      if (!(data instanceof Kind)) fault = `${where} is no ${dtype} array`;
      else if (data.length !== shape.reduce((product, size) => product * size, 1)) fault = `${where}: wrong length`;
      else if (!broken && !data.every(Number.isFinite)) fault = `${where} is not finite`;
    } else if (typeof value === 'object') {
      fault = resultFault(value, broken, where);
    } else if (typeof value === 'number') {
      if (!broken && !Number.isFinite(value)) fault = `${where} is ${value}`;
    } else if (value !== 'pairwise' && value !== 'moments') {
      fault = `${where} is ${String(value)}`;
    }
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Runs the case of a seed; returns the fault if there is one, else the error's code or 'result'. */
export async function runCase(seed: number): Promise<{ outcome: string } | { fault: string }> {
  const random = new Random(seed);
  const call = rightCase(random, seed);
  if (random.chance(0.75)) breakCase(random, call);
  const what = `seed ${seed}, ${call.entry}, broken: ${call.broken ?? 'nothing'}`;
  const before = snapshot(call.inputs);
  // Where an out buffer shares an input's memory, beside what the input reaches, writing is right.
  for (const buffer of snapshot(call.options.out).keys()) before.delete(buffer);
  let outcome: string;
  try {
    const result = (await entries[call.entry](call.inputs, call.options)) as object;
    const fault = resultFault(result, call.broken !== undefined);
    if (fault !== undefined) return { fault: `${what}: ${fault}` };
    outcome = 'result';
  } catch (error) {
    if (!isStructured(error)) return { fault: `${what}: ${String(error)}` };
    if (call.broken === undefined) return { fault: `${what}: ${error.message}` };
    outcome = error.code;
  }
  const failed = outcome !== 'result';
  if (!call.lent.every((lent) => intact(lent, failed))) return { fault: `${what}: wrote outside its buffers` };
  const same = [...before].every(([buffer, bytes]) => isDetached(buffer) || sameBytes(bytes, new Uint8Array(buffer)));
  if (!same) return { fault: `${what}: wrote into an input` };
  return { outcome };
}

/** Runs the cases of consecutive seeds until there were that many or time is up. */
export async function fuzz({
  seed,
  cases,
  seconds,
  trace = false,
}: {
  seed: number;
  cases: number;
  seconds: number;
  trace?: boolean;
}): Promise<Summary> {
  const summary: Summary = { cases: 0, results: 0, errors: {}, failures: [] };
  const end = performance.now() + 1000 * seconds;
  while (summary.cases < cases && performance.now() < end) {
    const current = seed + summary.cases++;
    if (trace) console.error(`seed ${current}`);
    const result = await runCase(current);
    if ('fault' in result) summary.failures.push(result.fault);
    else if (result.outcome === 'result') summary.results++;
    else summary.errors[result.outcome] = (summary.errors[result.outcome] ?? 0) + 1;
  }
  return summary;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      cases: { type: 'string', default: 'Infinity' },
      seconds: { type: 'string', default: '10' },
      trace: { type: 'boolean', default: false },
    },
  });
  const { failures, ...counts } = await fuzz({
    seed: Number(values.seed),
    cases: Number(values.cases),
    seconds: Number(values.seconds),
    trace: values.trace,
  });
  console.log(counts);
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
