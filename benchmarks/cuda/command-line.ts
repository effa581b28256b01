/** From process.argv to what is to be done. */
import { parseArgs } from 'node:util';
import { patterns, UsageError } from '../select.js';

export const phases = [
  'stages',
  'options',
  'sizes',
  'hostile',
  'repeat',
  'calls',
  'large',
  'accuracy',
  'sanitizer',
  'timings',
  'profile',
] as const;
export type Phase = (typeof phases)[number];

export const helpText = `Checks the CUDA engine on this machine's GPU, then measures it.

usage: npm run check:cuda -- [options]

  --device NAME     cuda (default), cuda:1, ..., or cpu: the CPU engine in a GPU's place
  --only LIST       some of: ${phases.join(', ')}
  --no-timings      everything but timings and profile
  --quick           a selection of the checks, and short timings
  --seconds N       ends after about so long; what is left is reported as skipped (default: 570)
  --out FILE        where the results go (default: benchmarks/results/cuda-<gpu>.json)
  --help            this text
`;

export interface Settings {
  device: string;
  phases: Phase[];
  quick: boolean;
  seconds: number;
  out?: string;
  /** As the record's environment tells it. */
  selection: string;
}

/** Part of a run, in a process of its own: its results are lines of JSON. */
export interface Part {
  part: Phase;
  device: string;
  quick: boolean;
  seconds: number;
  /** Of the profile: the one that is run. */
  case?: string;
}

export type Command = { do: 'help' } | { do: 'run'; settings: Settings } | ({ do: 'part' } & Part);

const options = {
  device: { type: 'string' },
  only: { type: 'string', multiple: true },
  'no-timings': { type: 'boolean' },
  quick: { type: 'boolean' },
  seconds: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean' },
  // For the processes that a run starts.
  part: { type: 'string' },
  case: { type: 'string' },
} as const;

function parse(args: string[]) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function phase(name: string): Phase {
  if ((phases as readonly string[]).includes(name)) return name as Phase;
  throw new UsageError(`--only: expected some of ${phases.join(', ')}, got '${name}'`);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--seconds: expected a positive number, got '${text}'`);
}

/** @throws UsageError that names the option, what was expected and what came */
export function parseCommandLine(args: string[]): Command {
  const values = parse(args);
  if (values.help) return { do: 'help' };
  const device = values.device ?? 'cuda';
  if (!/^(cpu|cuda(:\d+)?)$/.test(device))
    throw new UsageError(`--device: expected cuda, cuda:<number> or cpu, got '${device}'`);
  const quick = values.quick ?? false;
  const seconds = count(values.seconds ?? '570');
  if (values.part !== undefined) {
    return {
      do: 'part',
      part: phase(values.part),
      device,
      quick,
      seconds,
      ...(values.case !== undefined && { case: values.case }),
    };
  }
  const names = patterns(values.only ?? []);
  const asked = names.length === 0 ? [...phases] : phases.filter((name) => names.map(phase).includes(name));
  const chosen = values['no-timings'] ? asked.filter((name) => name !== 'timings' && name !== 'profile') : asked;
  const words = [
    quick ? 'quick' : '',
    names.length > 0 ? `--only ${names.join(',')}` : '',
    values['no-timings'] ? '--no-timings' : '',
  ];
  return {
    do: 'run',
    settings: {
      device,
      quick,
      seconds,
      phases: chosen,
      selection: words.filter((word) => word).join(' ') || 'full',
      ...(values.out !== undefined && { out: values.out }),
    },
  };
}
