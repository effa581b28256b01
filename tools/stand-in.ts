/**
 * Puts a copy of a built addon beside a stand-in for the CUDA engine (test/native/stand_in), which needs no GPU, for tests
 * of the addon and of lib. A sanitizer's build gives a stand-in with the same sanitizer.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { readState, sameState, stateOf } from './state.js';
import { at, binaries, cudaEngine, root, run } from './support.js';

/** Builds it unless it is there, made of the same sources; returns the folder to name in GLD_LOSS_PREBUILD. */
export function standIn(prebuild = at('.')): string {
  const configuration = existsSync(`${prebuild}/build/Debug/.complete`) ? 'Debug' : 'Release';
  const from = `${prebuild}/build/${configuration}`;
  const folder = at(`build-stand-in/${configuration === 'Debug' ? prebuild.split('/').at(-1) : 'plain'}`);
  const to = `${folder}/build/${configuration}`;
  const engine = `${to}/${cudaEngine}`;
  const source = 'test/native/stand_in/engine.cpp';
  const addon = relative(root, `${from}/.complete`);
  const made = [source, 'test/native/engines.h', 'test/native/simt', 'csrc', 'tools/stand-in.ts', addon];
  const state = stateOf({ sources: made, native: true });
  const record = `${folder}/.complete`;
  if (existsSync(engine) && sameState(readState(record), state)) return folder;
  mkdirSync(to, { recursive: true });
  // Two test files may do this at the same time: each file appears whole.
  const own = (path: string) => `${path}.${process.pid}`;
  const files = binaries(process.arch);
  for (const name of files) {
    copyFileSync(`${from}/${name}`, own(`${to}/${name}`));
    renameSync(own(`${to}/${name}`), `${to}/${name}`);
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
      `-DGLD_CPU_ENGINE="${files[1]}"`,
      '-Wl,-z,nodelete',
      ...(sanitize ? [`-fsanitize=${sanitize}`] : []),
      '-o',
      own(engine),
      at(source),
      '-ldl',
    ],
    { env: { ...process.env, LD_PRELOAD: '' } },
  );
  renameSync(own(engine), engine);
  writeFileSync(record, JSON.stringify(state));
  return folder;
}
