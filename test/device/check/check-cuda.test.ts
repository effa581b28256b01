/** npm run check:cuda without a GPU: its parts, and whole runs with the CPU engine in a GPU's place. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { coverPairs } from '../../conformance/cover.js';
import { Judge } from '../../conformance/judge.js';
import { choices } from '../../conformance/generator.js';
import { parseCommandLine, phases } from '../../../benchmarks/cuda/command-line.js';
import { listen, type Message } from '../../../benchmarks/cuda/parts.js';
import { parseKernels } from '../../../benchmarks/cuda/profile.js';
import type { CheckRecord, Limits, Timing } from '../../../benchmarks/cuda/record.js';
import { errorCount } from '../../../benchmarks/cuda/sanitizer.js';
import { columns, summary } from '../../../benchmarks/cuda/summary.js';
import { holdOnHost, openTarget } from '../../conformance/target.js';
import { floorOf, productRate } from '../../../benchmarks/cuda/timings/floor.js';
import { UsageError } from '../../../benchmarks/select.js';
import { present } from '../../../tools/present.js';
import { at } from '../../../tools/support.js';
import { checkCuda } from '../../support/check-cuda.js';

t.test('every two values of different options meet', async (t) => {
  const all = choices({ ...openTarget('cpu'), precisions: ['float32', 'tf32', 'bf16'], halfGradients: true });
  const names = Object.keys(all) as (keyof typeof all)[];
  const rows = coverPairs(all, 3);
  let missing = 0;
  for (const [at, a] of names.entries()) {
    for (const b of names.slice(at + 1)) {
      for (const one of all[a])
        for (const two of all[b]) if (!rows.some((row) => row[a] === one && row[b] === two)) missing++;
    }
  }
  t.equal(missing, 0);
  t.ok(rows.length < 60, `${rows.length} combinations`);
  t.same(coverPairs(all, 3), rows, 'the same seed gives the same');
  t.notSame(coverPairs(all, 4), rows, 'another seed others');
});

t.test('the judge', async (t) => {
  const judged = (...errors: number[]) => {
    const judge = new Judge();
    for (const error of errors) judge.add('loss', error, 1e-6, String(error));
    return judge.findings();
  };
  t.match(judged(1e-7, 5e-7, 2e-7), { passed: true, cases: 3, worst: [{ error: 5e-7, where: '5e-7' }] });
  t.match(judged(1e-7, 2e-6), { passed: false });
  t.match(judged(NaN, 1e-7), { passed: false, worst: [{ error: NaN }] });
  t.match(judged(Infinity, NaN), { passed: false });
  t.match(judged(), { passed: false, failures: ['nothing was compared'] });
  const judge = new Judge();
  for (let i = 0; i < 9; i++) judge.ok(false, `number ${i}`);
  judge.ok(true, 'fine');
  t.match(judge.findings(), { passed: false, cases: 10, failures: { length: 6, 5: 'and 4 more' } });
});

t.test('margins tell what was written to', async (t) => {
  const damaged = (change: (bytes: Uint8Array) => void) => {
    const held = holdOnHost(Float32Array.of(1, 2, 3), { shape: [3], dtype: 'float32' });
    const { buffer } = held.read();
    change(new Uint8Array(buffer));
    return held.damage();
  };
  t.equal(
    damaged(() => undefined),
    undefined,
  );
  t.equal(
    damaged((bytes) => bytes.fill(0, 4096, 4096 + 12)),
    undefined,
    'its own elements may change',
  );
  t.match(
    damaged((bytes) => (bytes[4096 + 12] = 0)),
    /0 bytes after its end/,
  );
  t.match(
    damaged((bytes) => (bytes[4095] = 0)),
    /1 bytes before its begin/,
  );
  t.match(
    damaged((bytes) => (bytes[bytes.length - 1] = 0)),
    /4095 bytes after its end/,
  );
  const held = holdOnHost(Uint16Array.of(7), { shape: [1], dtype: 'float16' });
  t.same(Array.from(held.read()), [7], 'an odd number of 16-bit elements');
});

t.test('the command line', async (t) => {
  t.match(parseCommandLine([]), {
    do: 'run',
    settings: { device: 'cuda', quick: false, phases: [...phases], selection: 'full' },
  });
  t.match(parseCommandLine(['--quick', '--no-timings', '--only', 'sizes,stages,timings', '--device', 'cuda:1']), {
    settings: {
      device: 'cuda:1',
      quick: true,
      phases: ['stages', 'sizes'],
      selection: 'quick --only sizes,stages,timings --no-timings',
    },
  });
  t.match(parseCommandLine(['--help']), { do: 'help' });
  for (const [args, said] of [
    [['--only', 'nothing'], /--only: expected some of stages.*got 'nothing'/],
    [['--device', 'gpu'], /--device: expected cuda/],
    [['--seconds', '-1'], /--seconds/],
    [['--fast'], /fast/],
    [['extra'], /extra/],
  ] as const) {
    try {
      parseCommandLine([...args]);
      t.fail(`${args.join(' ')} is no command line`);
    } catch (error) {
      t.ok(error instanceof UsageError && said.test(error.message), String(error));
    }
  }
});

t.test('floors', async (t) => {
  const limits: Limits = {
    copyBytesPerSecond: 1e12,
    productFlopsPerSecond: { float32: 5e13, tf32: 3e14, bf16: 8e14 },
    graphSeconds: 1e-6,
    measuredBy: 'nobody',
  };
  t.equal(productRate(limits, 'float32'), 1e14, 'three TF32 products each are the faster way');
  t.equal(
    productRate({ ...limits, productFlopsPerSecond: { ...limits.productFlopsPerSecond, tf32: 1e14 } }, 'float32'),
    5e13,
  );
  t.equal(productRate(limits, 'bf16'), 8e14);
  const task = {
    operation: 'pool',
    mode: 'gradients',
    sizes: { n: 2, m: 10, K: 0, C: 4, H: 8, W: 8, grid: 2 },
  } as const;
  // The map is read and written, the rows are written and read, in float32.
  const bytes = 4 * 2 * (2 * 4 * 64 + 10 * 4);
  t.match(floorOf(task, 'tf32', limits, undefined), { bytes, flops: 0, bound: 'bytes', seconds: bytes / 1e12 + 1e-6 });
});

t.test('what a sanitizer says', async (t) => {
  t.equal(errorCount('text\n========= ERROR SUMMARY: 0 errors\n'), 0);
  t.equal(errorCount('========= RACECHECK SUMMARY: 3 hazards displayed (3 errors, 0 warnings)\n'), 3);
  t.equal(errorCount('no such thing'), undefined);
});

t.test('what the profiler says', async (t) => {
  const csv = [
    'Processing [report.sqlite] with [cuda_gpu_kern_sum.py]...',
    '',
    'Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name',
    '75.0,600000,20,30000.0,30000.0,29000,31000,10.0,"void rows<float, 4>(int, ""a"")"',
    '25.0,200000,40,5000.0,5000.0,4000,6000,10.0,pool',
    '',
  ].join('\n');
  t.same(
    parseKernels(csv).map((one) => ({ ...one, seconds: Number(one.seconds.toPrecision(6)) })),
    [
      { name: 'void rows<float, 4>(int, "a")', seconds: 3e-5, launches: 1 },
      { name: 'pool', seconds: 1e-5, launches: 2 },
    ],
  );
  t.same(parseKernels('no report'), []);
});

t.test('a part that ends badly is told from one that ends well', async (t) => {
  const heard: Message[] = [];
  const run = (script: string, seconds = 20) =>
    listen([process.execPath, '-e', script], seconds, (message) => void heard.push(message));
  const begun = `process.stdout.write('{"gld":{"begun":"it"}}\\n');`;
  t.match(await run(`${begun} console.log('other text')`), { trouble: undefined, last: 'it', output: /other text/ });
  t.same(heard, [{ begun: 'it' }]);
  t.match(await run(`${begun} process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 9000)`), {
    trouble: 'ended with SIGSEGV',
    last: 'it',
  });
  t.match(await run('process.exit(3)'), { trouble: 'ended with 3', last: 'its begin' });
  t.match(await run(`${begun} setTimeout(() => {}, 9000)`, 0.3), { trouble: /took longer than/ });
});

t.test('the summary', async (t) => {
  t.equal(
    columns([
      ['a', '1'],
      ['bcd', '22'],
    ]),
    'a     1\nbcd  22',
  );
  const timing = (contender: string, seconds: number[]): Timing => ({
    case: 'cifar',
    title: '',
    contender,
    variant: 'device',
    precision: 'float32',
    seconds,
  });
  const record = {
    format: 1,
    absent: { sanitizer: 'it is not installed' },
    accuracy: [],
    kernels: [
      {
        case: 'cifar',
        kernels: [
          { name: 'rows<float>', seconds: 3e-5, launches: 1 },
          { name: 'pool', seconds: 1e-5, launches: 2 },
        ],
      },
    ],
    timings: [
      { ...timing('gld-loss', [1e-4, 1e-4]), floor: { bytes: 1, flops: 1, seconds: 5e-5, bound: 'bytes' } },
      timing('pytorch', [2e-3, 2e-3]),
      { ...timing('pytorch-compile', []), skipped: 'no compiler' },
    ],
    checks: [{ group: 'sizes', name: 'all', passed: false, cases: 7, seconds: 1, worst: [], failures: ['that'] }],
    environment: { device: { kind: 'gpu', name: 'Some GPU' }, seconds: 12 },
  } as unknown as CheckRecord;
  const text = summary(record);
  t.match(text, /^Some GPU, 12 s$/m);
  t.match(text, /sizes +1 FAILED +7 +1\.00 s/);
  t.match(text, /cifar: gld-loss device float32 +100 µs +50 % +20\.0×/);
  t.match(text, /cifar: kernels, 40\.0 µs a call.*\nrows<float> +30\.0 µs +75 %/);
  t.match(text, /sanitizer: it is not installed\n {2}cifar: pytorch-compile device: no compiler/);
  t.match(text, /0 of 1 checks passed, 1 FAILED$/);
});

t.test("a quick run with the CPU engine in a GPU's place", async (t) => {
  const file = join(t.testdir(), 'results.json');
  const { status, stdout, stderr } = checkCuda(['--device', 'cpu', '--quick', '--out', file]);
  t.equal(status, 0, stderr);
  const record = JSON.parse(readFileSync(file, 'utf8')) as CheckRecord;
  t.match(record, { format: 1, environment: { selection: 'quick', device: { kind: 'cpu' } } });
  t.same(
    [...new Set(record.checks.map(({ group }) => group))],
    ['stages', 'options', 'sizes', 'hostile', 'repeat', 'calls'],
  );
  t.ok(
    record.checks.every(({ passed, cases, skipped }) => passed && (cases > 0 || skipped !== undefined)),
    stdout,
  );
  t.ok(record.accuracy.length >= 3 && record.accuracy.every(({ loss, gradient }) => loss < 1e-6 && gradient < 1e-5));
  const ours = record.timings.filter(({ contender }) => contender === 'gld-loss');
  t.ok(
    ours.length >= 7 && ours.every(({ seconds, error }) => seconds.length > 0 && present(error?.gradients) < 1e-5),
    'timings with errors',
  );
  t.match(record.absent, { sanitizer: 'compute-sanitizer is for GPUs', profile: /kernels of a GPU/ });
  t.match(stdout.trimEnd(), /checks passed\nwritten to .*results\.json$/, 'the table is the last thing printed');
  // Where there is a PyTorch, it was timed with the same inputs, and its results are the same.
  const others = record.timings.filter(({ contender }) => contender !== 'gld-loss');
  t.ok(
    others.every(({ skipped, error }) => skipped !== undefined || present(error).loss < 1e-5),
    'contenders',
  );
  t.ok('pytorch' in record.absent || record.limits !== undefined, 'and the limits were measured with it');
});

t.test('dist/ and build/ are all that it needs', async (t) => {
  const folder = t.testdir();
  for (const part of ['dist', 'build/check']) cpSync(at(part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, 'build/Release'));
  for (const name of readdirSync(at('build/Release')).filter((file) => /\.(node|so)$/.test(file))) {
    copyFileSync(at('build/Release', name), join(folder, 'build/Release', name));
  }
  copyFileSync(at('package.json'), join(folder, 'package.json'));
  const { NODE_OPTIONS: _options, NODE_PATH: _path, GLD_LOSS_PREBUILD: _prebuild, ...env } = process.env;
  const args = ['run', 'check:cuda', '--', '--device', 'cpu', '--quick', '--only', 'options,calls'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, env, encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stdout, /7 of 7 checks passed/);
});
