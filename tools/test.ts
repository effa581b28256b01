// Runs the tests with tap and ends with one line that counts them. Arguments it does not know go to tap:
//   npm test                 everything, against build/
//   npm test -- test/loss    a folder with those in it, or a file; several of them too
// Modes (npm run test:prebuild, test:asan, test:tsan, test:emulated) run the same tests against another build of the same
// sources; test:quick and test:asan-soon are selections. A selection is a
// list of folders.
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at, root, run } from './support.js';

type Environment = Record<string, string>;

/** What a mode adds: variables for the tests, arguments for tap, and the folders to run when nothing is named. */
interface Mode {
  environment: Environment;
  options?: string[];
  folders?: readonly string[];
}

/** The library's own tests that need nothing but its binaries: those in test/device build engines that stand in for others. */
const library = [
  'test/reference',
  'test/stages',
  'test/loss',
  'test/calls',
  'test/fuzz',
  'test/async',
  'test/lifetime',
  'test/adapters',
  'test/package',
  'test/docs',
  'test/conformance',
  'test/native',
] as const;

const everything = ['test', 'pages/test', 'examples/test', 'benchmarks/test'] as const;

/** Of every subject the folders that take seconds, in about a minute: what a contributor runs after each change. */
const quick = [
  'test/reference/facts',
  'test/stages',
  'test/loss',
  'test/calls',
  'test/fuzz',
  'test/async',
  'test/adapters/generic',
  'test/conformance/cpu/calls',
  'test/device/absent',
  'test/native/formulas',
  'test/docs',
  'pages/test',
  'examples/test/data',
  'benchmarks/test/report',
] as const;

/** What reads and writes memory in every way there is, for a sanitizer in a run that is to end soon. */
const sanitizedSoon = ['test/stages', 'test/loss', 'test/calls', 'test/fuzz', 'test/async'] as const;

/** Path of a runtime library of the compiler, for LD_PRELOAD. */
const runtime = (name: string) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

function sanitized(sanitize: string, folder: string, preload: string[], environment: Environment): Mode {
  run('tsx', ['tools/ensure-built.ts', 'ts']);
  run('tsx', ['tools/build-native.ts', '--sanitize', sanitize, '--out', folder]);
  // node itself is not instrumented, so the runtime has to be there before the addon is loaded.
  const load = { GLD_LOSS_PREBUILD: at(folder), LD_PRELOAD: preload.map(runtime).join(' ') };
  return { environment: { ...environment, ...load }, options: ['--timeout=3600'] };
}

function asan(): Mode {
  return sanitized('address,undefined', 'build-asan', ['libasan.so', 'libubsan.so', 'libstdc++.so'], {
    // node and V8 keep what they allocate until exit, which the leak checker cannot tell from a leak. What is freed
    // stays in quarantine: less of it than the default, so that test/lifetime/memory can tell that from a leak too.
    ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=32',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
}

const modes: Record<string, () => Mode> = {
  build: () => {
    run('tsx', ['tools/ensure-built.ts']);
    return { environment: {} };
  },
  quick: () => {
    run('tsx', ['tools/ensure-built.ts']);
    return { environment: {}, folders: quick };
  },
  prebuild: () => {
    run('tsx', ['tools/ensure-built.ts', 'ts']);
    run('tsx', ['tools/prebuilds.ts']);
    return { environment: { PREBUILDS_ONLY: '1' }, folders: library };
  },
  emulated: () => {
    run('tsx', ['tools/ensure-built.ts', 'ts']);
    run('tsx', ['tools/build-native.ts', '--emulated', '--out', 'build-emulated']);
    // The CUDA engine and calls on a GPU, here two whose kernels run on the CPU.
    const environment = { GLD_LOSS_PREBUILD: at('build-emulated'), GLD_EMULATED_DEVICES: '2' };
    return { environment, options: ['--timeout=3600'], folders: ['test/device/gpu', 'test/conformance/cuda'] };
  },
  asan,
  'asan-soon': () => ({ ...asan(), folders: sanitizedSoon }),
  tsan: () => ({
    ...sanitized('thread', 'build-tsan', ['libtsan.so', 'libstdc++.so'], {
      // node is not instrumented: what it does with memory is left out, what it does with locks and threads is seen.
      TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1',
    }),
    // Where several threads work: whole losses, equal bits for any number of threads, fuzzing, async, abort, workers.
    folders: ['test/loss', 'test/calls', 'test/fuzz', 'test/async', 'test/lifetime'],
  }),
};

/** Passes on one line per test file, every failed assertion with its details, and every skipped test. */
function brief(): (line: string) => void {
  let details = false;
  return (line) => {
    const starts = /^\s*---$/.test(line);
    if (/^\s*(ok|not ok) /.test(line)) details = false;
    if (/^\s*not ok /.test(line)) details = true;
    const wanted = details || (/^(ok|#)/.test(line) && !line.startsWith('# Subtest')) || / # SKIP/.test(line);
    if (wanted) console.log(line);
    if (details && !starts && /^\s*\.\.\.$/.test(line)) details = false;
  };
}

async function tap(args: string[], environment: Environment): Promise<number> {
  const terminal = process.stdout.isTTY === true;
  const set = Object.entries(environment).map(([name, value]) => `--test-env=${name}=${value}`);
  const results = '.tap/results.tap';
  const reporter = terminal ? ['--reporter=base', `--output-file=${results}`] : ['--reporter=tap'];
  const child = spawn(at('node_modules/.bin/tap'), [...reporter, ...set, ...args], {
    cwd: root,
    stdio: ['ignore', terminal ? 'inherit' : 'pipe', 'inherit'],
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  let counts = '';
  const note = (line: string) => {
    if (/^# \{ total: /.test(line)) counts = line;
  };
  if (child.stdout) {
    const print = brief();
    for await (const line of createInterface({ input: child.stdout })) {
      print(line);
      note(line);
    }
  }
  const code = await exit;
  if (terminal) readFileSync(at(results), 'utf8').split('\n').forEach(note);
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(counts)?.[1] ?? 0);
  // A run that failed without a failed assertion (nothing ran, tap itself broke) still counts as one failure.
  const failed = Math.max(count('fail'), code === 0 ? 0 : 1);
  console.log(`${count('pass')} passed, ${failed} failed`);
  return failed === 0 && count('pass') > 0 ? 0 : 1;
}

/** A folder's tests, those of folders in it too; a file as it is, and so an option of tap. */
function testsAt(argument: string): string[] {
  if (argument.startsWith('-') || !statSync(at(argument), { throwIfNoEntry: false })?.isDirectory()) return [argument];
  return readdirSync(at(argument), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules/'))
    .map((name) => join(argument, name))
    .sort();
}

const [first = '', ...rest] = process.argv.slice(2);
const named = Object.hasOwn(modes, first);
try {
  const args = named ? rest : process.argv.slice(2);
  const { environment, options = [], folders = everything } = modes[named ? first : 'build']();
  const chosen = args.every((argument) => argument.startsWith('-')) ? folders : [];
  process.exitCode = await tap([...options, ...[...args, ...chosen].flatMap(testsAt)], environment);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
