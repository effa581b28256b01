/**
 * Puts a copy of a built addon beside a stand-in for the CUDA engine: its host code, over the emulated runtime, with the CPU
 * engine for kernels (test/native/stand_in). For tests of the addon and of lib, without a GPU. A sanitizer's build gives a
 * stand-in with the same sanitizer.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { readState, sameState, stateOf } from './state.js';
import { at, binaries, cudaEngine, root, run, sources } from './support.js';

/** Builds it unless it is there, made of the same sources; returns the environment that has it, with two devices of 1 GiB. */
export function standIn(prebuild = at('.')) {
  const configuration = existsSync(`${prebuild}/build/Debug/.complete`) ? 'Debug' : 'Release';
  const from = `${prebuild}/build/${configuration}`;
  const folder = at(`build-stand-in/${configuration === 'Debug' ? prebuild.split('/').at(-1) : 'plain'}`);
  const to = `${folder}/build/${configuration}`;
  const engine = `${to}/${cudaEngine}`;
  const environment = { GLD_LOSS_PREBUILD: folder, GLD_EMULATED_DEVICES: '2', GLD_EMULATED_MEMORY: String(2 ** 30) };
  const addon = relative(root, `${from}/.complete`);
  const own = ['test/native/stand_in', 'test/native/engines.h', 'test/native/simt'];
  const made = [...own, 'csrc', 'tools/stand-in.ts', addon];
  const state = stateOf({ sources: made, native: true });
  const record = `${folder}/.complete`;
  if (existsSync(engine) && sameState(readState(record), state)) return environment;
  mkdirSync(to, { recursive: true });
  // Two test files may do this at the same time: each file appears whole.
  const mine = (path: string) => `${path}.${process.pid}`;
  const files = binaries(process.arch);
  const { cuda, simt } = sources();
  for (const name of files) {
    copyFileSync(`${from}/${name}`, mine(`${to}/${name}`));
    renameSync(mine(`${to}/${name}`), `${to}/${name}`);
  }
  const sanitize = /^GLD_SANITIZE:STRING=(.+)$/m.exec(readFileSync(`${prebuild}/build/CMakeCache.txt`, 'utf8'))?.[1];
  run(
    'g++',
    [
      '-std=c++17',
      '-O1',
      '-g1',
      '-Wall',
      '-Wextra',
      '-fPIC',
      '-shared',
      '-fvisibility=hidden',
      '-fno-gnu-unique',
      '-pthread',
      '-DGLD_EMULATED',
      '-isystem',
      at('test/native/simt'),
      '-DGLD_EMULATED_NAME="stand-in"',
      `-DGLD_CPU_ENGINE="${files[1]}"`,
      '-Wl,-z,nodelete',
      ...(sanitize ? [`-fsanitize=${sanitize}`] : []),
      '-o',
      mine(engine),
      ...[...cuda.filter((name) => name.endsWith('.cpp')), ...simt, 'test/native/stand_in/work.cpp'].map((name) =>
        at(name),
      ),
      '-ldl',
    ],
    { env: { ...process.env, LD_PRELOAD: '' } },
  );
  renameSync(mine(engine), engine);
  writeFileSync(record, JSON.stringify(state));
  return environment;
}
