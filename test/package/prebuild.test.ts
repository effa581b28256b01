// The tarball that would be published: it holds what it should, and installs and runs without network, compiler or
// install scripts, and builds from source where it is asked to.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { gldLoss, deviceInfo } from 'gld-loss';
import { Consumer, cleanEnvironment, lossScript, type Outcome } from '../../tools/consumer.js';
import { binaries, run } from '../../tools/support.js';

const esm = `import { gldLoss, deviceInfo } from 'gld-loss';${lossScript}`;
const cjs = `const { gldLoss, deviceInfo } = require('gld-loss');${lossScript}`;
const only = { PREBUILDS_ONLY: '1' };

const folder = t.testdir();
run('tsx', ['tools/prebuilds.ts', '--pack', folder], {
  env: cleanEnvironment(),
  stdio: ['ignore', 'ignore', 'inherit'],
});
const tarball = join(folder, String(readdirSync(folder).find((name) => name.endsWith('.tgz'))));

interface Printed {
  loss: number;
  gradients: Record<string, number>;
  device: ReturnType<typeof deviceInfo>;
}

/** What the same script prints in this process, which may run another build of the same sources. */
function here(): Printed {
  let printed = '';
  const log = { log: (text: string) => void (printed = text) };
  new Function('gldLoss', 'deviceInfo', 'console', lossScript)(gldLoss, deviceInfo, log);
  return JSON.parse(printed);
}

function check(t: Test, title: string, { status, stdout, stderr }: Outcome): void {
  t.equal(status, 0, `${title}: ${stderr}`);
  const printed: Printed = JSON.parse(stdout);
  const expected = here();
  const close = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.abs(b);
  t.ok(close(printed.loss, expected.loss), `${title}: loss ${printed.loss}, here ${expected.loss}`);
  for (const [name, sum] of Object.entries(expected.gradients)) {
    t.ok(close(printed.gradients[name] ?? NaN, sum), `${title}: gradient of ${name}`);
  }
  t.equal(printed.device.version, expected.device.version);
  t.same(printed.device.cpu.built, expected.device.cpu.built, `${title}: all engines came along`);
}

t.test('what is in it', async (t) => {
  const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).split('\n');
  const platform = `package/prebuilds/${process.platform}-${process.arch}`;
  const engines = binaries(process.arch).slice(1);
  const expected = [
    'package.json',
    'README.md',
    'LICENSE',
    'NOTICE',
    'CMakeLists.txt',
    'csrc/binding.gypi',
    'csrc/command.cjs',
    'csrc/engine.h',
    'csrc/sources.json',
    'dist/esm/index.js',
    'dist/esm/native.cjs',
    'dist/cjs/index.js',
    'dist/cjs/native.cjs',
    'dist/cjs/adapters/tfjs.d.ts',
  ].map((path) => `package/${path}`);
  for (const path of [
    ...expected,
    ...engines.map((name) => `${platform}/${name}`),
    `${platform}/gld-loss.glibc.node`,
  ]) {
    t.ok(listed.includes(path), path);
  }
  const foreign = /^package\/(dist|docs|csrc|prebuilds|package\.json|README\.md|LICENSE|NOTICE|CMakeLists\.txt)/;
  t.same(
    listed.filter((path) => path !== '' && !foreign.test(path)),
    [],
    'and nothing else',
  );
});

t.test('installed without network or compiler, and without a word about scripts', async (t) => {
  const consumer = new Consumer(tarball);
  t.teardown(() => consumer.remove());
  const programs = t.testdir();
  const find = (name: string) => execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  for (const name of ['npm', 'sh']) symlinkSync(find(name), join(programs, name));
  symlinkSync(process.execPath, join(programs, 'node'));
  // The second time there is a lockfile, by which npm goes about scripts in another way.
  for (const command of ['install', 'ci', 'rebuild']) {
    const { status, stdout, stderr } = consumer.npm([command, '--foreground-scripts'], { PATH: programs });
    t.same({ status, stderr }, { status: 0, stderr: '' }, command);
    t.notMatch(stdout, /gyp/, `${command} runs no script`);
  }
  t.notOk(existsSync(consumer.installed('build')), 'nothing was compiled');
  check(t, 'import', consumer.node('loss.mjs', esm, only));
  check(t, 'require', consumer.node('loss.cjs', cjs, only));
});

t.test('the command that builds from source', async (t) => {
  const consumer = new Consumer(tarball);
  t.teardown(() => consumer.remove());
  t.equal(consumer.npm(['install']).status, 0);
  const usage = consumer.npm(['exec', '--', 'gld-loss']);
  t.match(usage, { status: 2, stderr: /Usage: gld-loss build/ });
  // In node-gyp's place a program that tells what it was called for: the real one compiles for minutes (npm run test:source).
  const gyp = join(t.testdir(), 'node-gyp.cjs');
  const script = `const binding = fs.readFileSync('binding.gyp', 'utf8');
    console.log(JSON.stringify({ argv: process.argv.slice(2), binding }));
    process.exitCode = binding.includes('csrc/binding.gypi') ? 7 : 1;`;
  writeFileSync(gyp, `const fs = require('node:fs');${script}`);
  const run = `const { spawnSync } = require('node:child_process');
    const { status, stdout } = spawnSync('node_modules/.bin/gld-loss', ['build', '--verbose'], { encoding: 'utf8' });
    console.log(JSON.stringify({ status, ...JSON.parse(stdout) }));`;
  const built = consumer.node('build.cjs', run, { npm_config_node_gyp: gyp });
  t.equal(built.status, 0, built.stderr);
  t.match(JSON.parse(built.stdout), { status: 7, argv: ['rebuild', '--verbose'] }, 'its exit code is that of node-gyp');
  t.notOk(existsSync(consumer.installed('binding.gyp')), 'and what npm would take for an install script is gone again');
});
