/**
 * npm run check:cuda on a stand-in for a GPU: memory, streams and errors of the emulated runtime, the CPU engine for kernels.
 * And on faulty ones: each fault is found by the check that is there for it.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t from 'tap';
import type { CheckRecord } from '../../../benchmarks/cuda/record.js';
import { standIn } from '../../../tools/stand-in.js';
import { checkCuda } from '../../support/check-cuda.js';

const prebuild: Record<string, string> = standIn(process.env.GLD_LOSS_PREBUILD);

function check(folder: string, args: string[], env: { [name: string]: string } = {}) {
  const file = join(folder, 'results.json');
  const { status, stdout, stderr } = checkCuda(['--device', 'cuda', '--out', file, ...args], { ...prebuild, ...env });
  const record = JSON.parse(readFileSync(file, 'utf8')) as CheckRecord;
  return { status, stdout, stderr, record };
}

t.test('a quick run', async (t) => {
  const { status, stderr, record } = check(t.testdir(), ['--quick']);
  t.equal(status, 0, stderr);
  t.match(record.environment.device, { kind: 'emulated', name: /stand-in/, capability: /^\d+\.\d+$/ });
  t.ok(record.checks.every(({ passed }) => passed));
  const skipped = record.checks.filter((one) => one.skipped !== undefined && one.group !== 'large');
  t.same([...new Set(skipped.map((one) => one.skipped))], ['it does not compute these'], 'what only the CPU computes');
  t.same([...new Set(record.accuracy.map(({ precision }) => precision))], ['float32', 'tf32', 'bf16']);
  t.same(
    record.timings.filter((one) => one.case === 'cifar').map(({ variant, precision }) => `${variant} ${precision}`),
    ['device float32', 'device tf32', 'device bf16', 'host float32'],
  );
  t.match(record.absent, { pytorch: String, sanitizer: String, profile: String });
});

/** The failures of a run, as text. */
const said = ({ checks }: CheckRecord) =>
  checks
    .filter(({ passed }) => !passed)
    .flatMap(({ failures, worst }) => [
      ...failures,
      ...worst.filter(({ error, limit }) => !(error <= limit)).map(({ name }) => name),
    ])
    .join('\n');

for (const [fault, parts, finding] of [
  ['value', 'options', /gradient/],
  ['beyond', 'options', /out\.\w+: memory of \d+ elements was written to 0 bytes after its end/],
  ['input', 'options', /student\.logits was changed/],
  ['random', 'repeat', /other bits from/],
  ['crash', 'stages', /ended with SIGABRT in 'pool'/],
] as const) {
  t.test(`a fault: ${fault}`, async (t) => {
    const { status, record } = check(t.testdir(), ['--quick', '--only', parts], { GLD_STAND_IN_FAULT: fault });
    t.equal(status, 1);
    t.match(said(record), finding);
  });
}

t.test('a part that crashes leaves the others alone', async (t) => {
  const { record } = check(t.testdir(), ['--quick', '--only', 'repeat,calls'], { GLD_STAND_IN_FAULT: 'crash' });
  t.same(
    record.checks.filter(({ name }) => name.startsWith('the process of')).map(({ group }) => group),
    ['repeat', 'calls'],
  );
});

t.test('compute-sanitizer', async (t) => {
  // A program of that name which runs the rest of its command line and then says what is asked of it.
  const folder = t.testdir();
  const program = join(folder, 'compute-sanitizer');
  const write = (summary: string, code = 0, runs = false) => {
    writeFileSync(
      program,
      [
        '#!/bin/sh',
        'if [ "$1" = --version ]; then echo "NVIDIA (R) Compute Sanitizer"; echo "Version 2025.3.1"; exit 0; fi',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a parameter of the shell's
        ...(runs ? ['while [ "${1#--}" != "$1" ]; do shift 2; done', '"$@" || exit 5'] : []),
        `echo "========= Invalid __global__ write of size 4 bytes"`,
        `echo "${summary}"`,
        `exit ${code}`,
        '',
      ].join('\n'),
    );
    chmodSync(program, 0o755);
  };
  const env = { PATH: `${folder}${delimiter}${process.env.PATH}` };
  const results = t.testdir({ a: {}, b: {}, c: {} });
  write('========= ERROR SUMMARY: 0 errors', 0, true);
  const clean = check(join(results, 'a'), ['--only', 'sanitizer'], env);
  t.equal(clean.status, 0, clean.stderr);
  t.match(clean.record.environment.versions, { 'compute-sanitizer': '2025.3.1' });
  t.same(
    clean.record.checks.map(({ name }) => name.split(':')[0]),
    [
      'memcheck, stages',
      'memcheck, options',
      'memcheck, sizes',
      'racecheck, stages',
      'initcheck, stages',
      'initcheck, options',
    ],
  );
  t.ok(
    clean.record.checks.every(({ cases }) => cases > 0),
    'the checks ran under it',
  );
  write('========= ERROR SUMMARY: 2 errors', 9);
  const found = check(join(results, 'b'), ['--only', 'sanitizer'], env);
  t.equal(found.status, 1);
  t.match(said(found.record), /2 errors\n=+ Invalid __global__ write/);
  write('nothing');
  t.match(said(check(join(results, 'c'), ['--only', 'sanitizer'], env).record), /no summary/);
});

t.test('the profiler', async (t) => {
  const folder = t.testdir({ bin: {}, out: {} });
  const head = 'Total Time (ns),Instances,Name';
  writeFileSync(
    join(folder, 'bin/nsys'),
    [
      '#!/bin/sh',
      'case $1 in',
      '--version) echo "NVIDIA Nsight Systems version 2025.5.1";;',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a parameter of the shell's
      'profile) shift; while [ "${1#-}" != "$1" ]; do [ "$1" = -o ] && shift; shift; done; exec "$@";;',
      `stats) printf '%s\\n' '${head}' '40000,20,rows';;`,
      'esac',
      '',
    ].join('\n'),
    { mode: 0o755 },
  );
  const env = { PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` };
  const { status, stderr, record } = check(join(folder, 'out'), ['--quick', '--only', 'profile'], env);
  t.equal(status, 0, stderr);
  t.match(record.kernels, [{ case: 'cifar', kernels: [{ name: 'rows', launches: 1 }] }]);
});

t.test('without a GPU it says so and ends', async (t) => {
  const { status, stderr } = checkCuda(['--only', 'stages'], { ...prebuild, GLD_EMULATED_DEVICES: '0' });
  t.equal(status, 1);
  t.match(stderr, /^(CUDA is not available: .+|there is no GPU 0)\n$/, 'in one line');
});
