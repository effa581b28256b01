/** From process.argv to what is to be done. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { cases, memoryName } from './cases.js';
import { contenderNames, type ContenderName, wayNames } from './contenders/names.js';
import type { Settings } from './run.js';
import { patterns, select, UsageError } from './select.js';

export const helpText = `Measures gld-loss against other ways to compute the same, and against the machine's limits.

usage: npm run bench -- [options]

  --quick            fewer cases, contenders and repetitions
  --case PATTERN     cases by name, such as imagenet or relation/*; may be repeated, or a list with commas
  --contender NAME   contenders by name, likewise: ${contenderNames.join(', ')}
  --python PATH      a Python with PyTorch to compare with; may be repeated (default: the first that is found)
  --threads N,N,...  numbers of threads (default: 1 and all)
  --out DIR          folder for the results (default: runs/benchmarks-<time>)
  --list             names of the cases and contenders, and no run
  --compare A B      two results.json files next to each other, and no run
  --report FILE      tables, plots and page of a results.json, and no run
  --help             this text
`;

export type Command =
  | { do: 'help' }
  | { do: 'list' }
  | { do: 'compare'; files: [string, string] }
  | { do: 'report'; file: string; directory: string }
  | { do: 'run'; settings: Settings; directory: string };

const options = {
  quick: { type: 'boolean' },
  case: { type: 'string', multiple: true },
  contender: { type: 'string', multiple: true },
  python: { type: 'string', multiple: true },
  threads: { type: 'string', multiple: true },
  out: { type: 'string' },
  list: { type: 'boolean' },
  compare: { type: 'boolean' },
  report: { type: 'string' },
  help: { type: 'boolean' },
} as const;

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function threadCounts(values: readonly string[]): number[] {
  const all = availableParallelism();
  if (values.length === 0) return [...new Set([1, all])];
  return [
    ...new Set(
      patterns(values).map((text) => {
        const count = Number(text);
        if (Number.isInteger(count) && count >= 1 && count <= all) return count;
        throw new UsageError(`--threads: expected integers from 1 to ${all}, got '${text}'`);
      }),
    ),
  ].sort((a, b) => a - b);
}

function pythons(values: readonly string[]): string[] {
  if (values.includes('')) throw new UsageError("--python: expected the path of an interpreter, got ''");
  return [...new Set(values)];
}

/** A folder that sorts by time, such as 2026-11-24-151622. */
function stamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
}

/** @throws UsageError that names the option, what was expected and what came */
export function parseCommandLine(argv: string[], now = new Date()): Command {
  const { values, positionals } = parse(argv);
  if (values.help) return { do: 'help' };
  if (values.list) return { do: 'list' };
  if (values.compare) {
    if (positionals.length !== 2) throw new UsageError(`--compare: expected two files, got ${positionals.length}`);
    return { do: 'compare', files: positionals as [string, string] };
  }
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}': expected an option such as --quick`);
  const directory = values.out ?? `runs/benchmarks-${stamp(now)}`;
  if (values.report !== undefined) return { do: 'report', file: values.report, directory };
  const quick = values.quick ?? false;
  const offered = quick ? cases.filter((on) => on.quick) : cases;
  const wanted = { case: patterns(values.case ?? []), contender: patterns(values.contender ?? []) };
  const names = select('case', [...offered.map(({ name }) => name), ...(quick ? [] : [memoryName])], wanted.case);
  // A quick run has one way of PyTorch: to compile alone would take longer than everything else of it.
  const unasked: ContenderName[] = quick && wanted.contender.length === 0 ? wayNames.slice(1) : [];
  const leftOut = Object.fromEntries(
    unasked.map((name) => [name, 'not part of a quick run unless --contender names it']),
  );
  const contenders = select('contender', contenderNames, wanted.contender).filter((name) => !(name in leftOut));
  const filters = (['case', 'contender'] as const).flatMap((what) => wanted[what].map((one) => `--${what} ${one}`));
  return {
    do: 'run',
    directory,
    settings: {
      cases: offered.filter(({ name }) => names.includes(name)),
      memory: names.includes(memoryName),
      contenders: contenderNames.filter((name) => contenders.includes(name)),
      leftOut,
      pythons: pythons(values.python ?? []),
      threads: threadCounts(values.threads ?? []),
      quick,
      selection: [quick ? 'quick' : filters.length === 0 ? 'full' : '', ...filters].filter((part) => part).join(' '),
    },
  };
}
