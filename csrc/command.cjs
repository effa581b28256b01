#!/usr/bin/env node
// `npx gld-loss build`: compiles the addon and its engines for this machine, where the package carries no binary that fits.
//
// A command and not an install script, because package managers warn of those or block them even where nothing is to be
// built. For the same reason binding.gyp lies in the package only while node-gyp reads it: npm takes one at the root of a
// package for an install script.
const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { delimiter, dirname, join } = require('node:path');

const root = dirname(__dirname);
const binding = join(root, 'binding.gyp');
const text = "{'includes': ['csrc/binding.gypi']}\n";

/** The program of that name on the PATH, links followed; undefined where there is none. */
function onPath(name) {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  const program = found.find((path) => existsSync(path));
  return program === undefined ? undefined : realpathSync(program);
}

/** The script of node-gyp: the one that the package manager names, the one that is installed, or the one inside npm. */
function nodeGyp() {
  const npm = onPath('npm');
  const inside = npm && join(dirname(npm), '../node_modules/node-gyp/bin/node-gyp.js');
  return [process.env.npm_config_node_gyp, onPath('node-gyp'), inside].find((path) => path && existsSync(path));
}

/** Puts the prebuilt engine for GPUs beside what was built, which goes before the prebuilt library and has none. */
function keepCuda() {
  const name = 'libgld_cuda.so';
  const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`, name);
  if (existsSync(prebuilt)) copyFileSync(prebuilt, join(root, 'build/Release', name));
}

function build(more) {
  const script = nodeGyp();
  if (script === undefined) {
    console.error('gld-loss: node-gyp was not found; it comes with npm, or from `npm install --global node-gyp`');
    return 1;
  }
  // One with our text is left over from a build that was killed.
  const lent = !existsSync(binding) || readFileSync(binding, 'utf8') === text;
  if (lent) writeFileSync(binding, text);
  try {
    const env = { JOBS: String(availableParallelism()), ...process.env };
    const child = spawnSync(process.execPath, [script, 'rebuild', ...more], { cwd: root, env, stdio: 'inherit' });
    if (child.error) throw child.error;
    if (child.status === 0) keepCuda();
    return child.status ?? 1;
  } finally {
    if (lent) rmSync(binding);
  }
}

const usage = 'Usage: gld-loss build [options of node-gyp]\nCompiles the native library for this machine.';
const [command, ...more] = process.argv.slice(2);
if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
  console.log(usage);
} else if (command === 'build') {
  process.exitCode = build(more);
} else {
  console.error(usage);
  process.exitCode = 2;
}
