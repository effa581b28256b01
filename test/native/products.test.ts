/**
 * The CUDA engine's products, classifier, centred rows and relation by themselves, against float64, their kernels run by the
 * emulator (test/native/simt): on a device with tensor cores and on one before them, with threads in different orders.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { at } from '../../tools/support.js';

const run = promisify(execFile);
const folder = t.testdir();
const program = `${folder}/check`;

const files = (path: string, wanted: RegExp) =>
  readdirSync(at(path))
    .filter((name) => wanted.test(name))
    .map((name) => at(path, name));
const parts = ['product', 'classifier', 'centred', 'relation'];
const sources = [
  ...files('csrc/cuda', /^(runtime|views|product|classifier|centred|relation.*)\.(cu|cpp)$/),
  ...files('test/native/products', /\.cpp$/),
  at('test/native/simt/simt.cpp'),
  at('test/native/simt/runtime.cpp'),
];
const flags = [
  '-std=c++17',
  '-O2',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-unknown-pragmas',
  '-DGLD_EMULATED',
  '-isystem',
  at('test/native/simt'),
  '-I',
  at('csrc'),
];

t.before(async () => {
  const objects = sources.map((_, i) => `${folder}/${i}.o`);
  const waiting = sources.map((source, i) => ['-x', 'c++', '-c', source, '-o', objects[i]]);
  const compile = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await run('g++', [...flags, ...next]);
  };
  await Promise.all([compile(), compile()]);
  await run('g++', [...objects, '-o', program, '-pthread']);
});

for (const [arch, seed] of [
  ['80', '1'],
  ['75', '2'],
] as const) {
  for (const part of parts) {
    t.test(`${part} on compute capability ${arch[0]}.${arch[1]}`, async (t) => {
      const env = { ...process.env, GLD_EMULATED_ARCH: arch, GLD_EMULATED_SEED: seed };
      const { status, stdout, stderr } = spawnSync(program, [part], { env, encoding: 'utf8' });
      t.equal(status, 0, stdout + stderr);
    });
  }
}
