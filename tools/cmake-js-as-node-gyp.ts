#!/usr/bin/env tsx
// Stands in for node-gyp when prebuildify builds (--node-gyp): prebuildify has no cmake-js backend of its own.
//
// prebuildify calls `<this> rebuild --target=... --devdir=... --arch=... --release` in its working folder, then takes,
// strips and moves what it finds in build/Release there. That folder is a staging one (see prebuilds.ts), so the build
// in build/ stays as it is and is only copied.
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parts, readState } from './state.js';
import { at, binaries, cudaEngine, run, tool } from './support.js';

tool(() => {
  const { values } = parseArgs({ options: { arch: { type: 'string' } }, strict: false });
  const arch = String(values.arch ?? process.arch);
  if (arch !== process.arch)
    throw new Error(`cannot build for ${arch} on ${process.arch}: run this on an ${arch} machine`);
  // What is published is built without options.
  const { options = [] } = readState(at(parts.native.record)) ?? {};
  run('tsx', options.length > 0 ? ['tools/build-native.ts'] : ['tools/ensure-built.ts', 'native']);
  const staged = resolve('build/Release');
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  const built = existsSync(at('build/Release', cudaEngine)) ? [cudaEngine] : [];
  for (const name of [...binaries(arch), ...built]) copyFileSync(at('build/Release', name), join(staged, name));
});
