/**
 * The device engine behind its door (csrc/engine.h), without JavaScript, on the build whose engine is emulated (npm run
 * test:emulated): random calls of every stage against the CPU engine in float64, each queued, captured and replayed with the
 * same bits; streams, refusals, cancelling and memory; and the emulator by itself.
 *
 * The random calls of test/native/cuda are a generator of their own beside test/conformance/generator.ts, because they ask
 * what no call of the API can: outputs with strides and of 16 bits in every stage, each stage captured and replayed, and
 * errors counted element by element in roundings of the terms of that element.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { deviceInfo } from 'gld-loss';
import t, { type Test } from 'tap';
import { at, sources } from '../../../tools/support.js';

const folder = t.testdir();
const { available, devices } = deviceInfo().cuda;
const emulated = available && /emulated/.test(devices[0].name);
const build = `${process.env.GLD_LOSS_PREBUILD}/build/Release`;
const engine = `${build}/libgld_cuda.so`;
const cpu = `${build}/libgld_cpu_${deviceInfo().cpu.level.replaceAll('-', '_')}.so`;
const skip = emulated && existsSync(engine) ? false : 'only in npm run test:emulated';

function compile(name: string, files: string[], flags: string[] = []): string {
  const all = [
    '-std=c++17',
    '-O1',
    '-g1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wno-unknown-pragmas',
    '-I',
    at('csrc'),
    ...flags,
  ];
  execFileSync(
    'g++',
    [...all, '-x', 'c++', ...files.map((file) => at(file)), '-o', `${folder}/${name}`, '-pthread', '-ldl'],
    {
      env: { ...process.env, LD_PRELOAD: '' },
    },
  );
  return `${folder}/${name}`;
}

function passes(t: Test, program: string, args: string[], env: Record<string, string> = {}): void {
  const { status, stdout, stderr } = spawnSync(program, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  t.equal(status, 0, stdout + stderr);
  for (const line of stdout.trim().split('\n')) t.comment(line);
}

t.test('the emulator', async (t) => {
  const { simt } = sources();
  const program = compile(
    'check',
    ['test/native/simt/check.cpp', 'csrc/cuda/runtime.cpp', ...simt],
    ['-DGLD_EMULATED', '-isystem', at('test/native/simt')],
  );
  for (const seed of ['1', '2', '3']) passes(t, program, [], { GLD_EMULATED_SEED: seed });
});

t.test('calls are compared by all that they consist of', async (t) => {
  passes(t, compile('same_call', ['test/native/cuda/same_call.cpp']), []);
});

t.test('streams', { skip }, async (t) => {
  const program = compile('streams', ['test/native/cuda/streams.cpp']);
  passes(t, program, [engine]);
  passes(t, program, [engine], { GLD_EMULATED_MEMORY: String(16 << 20) });
});

t.test('stages', { skip }, async (t) => {
  const program = compile('compare', ['test/native/cuda/compare.cpp']);
  const calls = { pool: 150, classifier: 40, cross_entropy: 60, normalized_kd: 40, relation: 12, gld: 20 };
  for (const [stage, count] of Object.entries(calls)) {
    for (const [arch, seed] of [
      ['80', '1'],
      ['75', '2'],
    ] as const) {
      passes(t, program, [engine, cpu, stage, String(count), seed], {
        GLD_EMULATED_ARCH: arch,
        GLD_EMULATED_SEED: seed,
      });
    }
  }
});
