// Puts a copy of the built addon beside a stand-in for the CUDA engine (test/native/stand_in), which needs no GPU, for tests of
// the addon and lib. Usage: tsx tools/stand-in.ts; the copy is found with GLD_LOSS_PREBUILD=build-stand-in.
import { copyFileSync, mkdirSync } from 'node:fs';
import { at, binaries, newest, run, tool } from './support.js';

tool(() => {
  const [from, to] = [at('build/Release'), at('build-stand-in/build/Release')];
  const engine = `${to}/libgld_cuda.so`;
  const sources = [at('test/native/stand_in'), at('csrc/engine.h'), at('tools/stand-in.ts'), `${from}/.complete`];
  if (newest(engine) > newest(...sources)) return;
  mkdirSync(to, { recursive: true });
  for (const name of binaries(process.arch)) copyFileSync(`${from}/${name}`, `${to}/${name}`);
  run('g++', [
    '-std=c++17', '-O1', '-g1', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden', '-fno-gnu-unique', '-pthread',
    '-Wl,-z,nodelete', '-o', engine, at('test/native/stand_in/engine.cpp'), '-ldl',
  ]);
});
