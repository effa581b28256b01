// Every reason why the native library may not load, brought about for real in a process of its own; and where the message
// names a cure that can be tried here, that it helps.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { deviceInfo, type GldLoadReason } from 'gld-loss';
import t from 'tap';
import { hash } from '../../lib/schema.js';
import { importing, Installed, platform, type Report, type Start } from './installed.js';

/** Brings a cause about; gives how to start the process, or the report of one. */
type Spoil = (project: Installed) => unknown;

const other = process.arch === 'arm64' ? { name: 'x64', machine: 62 } : { name: 'arm64', machine: 183 };
const model = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
const readAll = [model, '--allow-fs-read=*'];

/** Starts the package in a worker. */
const inWorker = (options: string) =>
  importing(`
    import { isMainThread, Worker } from 'node:worker_threads';
    if (isMainThread) {
      await new Promise((resolve) => new Worker(new URL(import.meta.url), ${options}).on('exit', resolve));
      process.exit();
    }`);

/** Overwrites bytes of a file, or puts those that `change` returns in their place. */
function patch(file: string, change: (bytes: Buffer) => unknown): void {
  const bytes = readFileSync(file);
  const changed = change(bytes);
  writeFileSync(file, Buffer.isBuffer(changed) ? changed : bytes);
}

const ofOtherMachine = (bytes: Buffer) => void bytes.writeUInt16LE(other.machine, 18);
const truncated = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);

/** Makes a library that needs another one, which has the given name and may have versions. */
function needing(project: Installed, file: string, soname: string, version?: string): void {
  const library = project.path('library.so');
  const script = project.path('versions');
  if (version) writeFileSync(script, `${version} { global: *; };`);
  const versioned = version ? [`-Wl,--version-script=${script}`] : [];
  project.compile(library, 'int gld_probe(void) { return 0; }', '-nostdlib', `-Wl,-soname,${soname}`, ...versioned);
  const source = 'int gld_probe(void); int gld_engine_query(void) { return gld_probe(); }';
  project.compile(file, source, '-nostdlib', '-Wl,--no-as-needed', library, ...(version ? [] : ['-lc']));
}

const moved = (project: Installed, ...names: string[]) => {
  for (const name of names.slice(1)) mkdirSync(project.package('prebuilds', name));
  renameSync(project.prebuilt(), project.package('prebuilds', names[0] ?? ''));
};

/** Puts the prebuilt files where a local build has them. */
function toBuild(project: Installed): void {
  mkdirSync(project.package('build'));
  renameSync(project.prebuilt(), project.package('build/Release'));
  rmSync(project.package('prebuilds'), { recursive: true });
}

/** An empty folder in the project. */
function folder(project: Installed, ...parts: string[]): string {
  const path = project.path(...parts);
  mkdirSync(path, { recursive: true });
  return path;
}

const causes: [name: string, spoil: Spoil, reason: GldLoadReason, message: RegExp, never?: RegExp][] = [
  [
    'the permission model, without addons',
    () => ({ flags: readAll }),
    'permission',
    new RegExp(`permission model \\(${model}\\).*Add --allow-addons\\.`),
    /--no-addons|--allow-fs-read/,
  ],
  [
    'the permission model, without the folder',
    ({ path, package: installed }) => {
      const readable = [
        path('main.mjs'),
        installed('dist/*'),
        installed('package.json'),
        path('node_modules/node-gyp-build/*'),
      ];
      return { flags: [model, '--allow-addons', ...readable.map((file) => `--allow-fs-read=${file}`)] };
    },
    'permission',
    /permission model \(--\S+\).* Add --allow-fs-read=\S+gld-loss\/\*/,
    /--allow-addons/,
  ],
  [
    '--no-addons',
    () => ({ flags: ['--no-addons'] }),
    'no-addons',
    /--no-addons \(in process\.execArgv\).*Start it without\./,
    /permission/,
  ],
  ['NODE_OPTIONS=--no-addons', () => ({ env: { NODE_OPTIONS: '--no-addons' } }), 'no-addons', /\(in NODE_OPTIONS\)/],
  [
    '--no-addons with the permission model',
    () => ({ flags: [...readAll, '--allow-addons', '--no-addons'] }),
    'no-addons',
    /Start it without\./,
    /permission/,
  ],
  [
    '--no-addons with a permission model that forbids them too',
    () => ({ flags: [...readAll, '--no-addons'] }),
    'no-addons',
    /Start it without and, since its permission model is on, with --allow-addons\./,
  ],
  [
    "a worker's execArgv",
    (project) => project.run(inWorker(`{ execArgv: ['--no-addons'] }`)),
    'no-addons',
    /\(in process\.execArgv\)/,
  ],
  [
    "a worker's env",
    (project) => project.run(inWorker(`{ env: { NODE_OPTIONS: '--no-addons' } }`)),
    'no-addons',
    /\(in NODE_OPTIONS\)/,
  ],
  [
    'an environment that was taken away after the start',
    (project) => project.run(importing('delete process.env.NODE_OPTIONS;'), { env: { NODE_OPTIONS: '--no-addons' } }),
    'no-addons',
    /by its command line, a configuration file or a program that embeds it/,
  ],
  [
    "binaries of another machine's node_modules",
    (project) => moved(project, 'darwin-arm64', 'win32-x64'),
    'platform',
    new RegExp(`for darwin-arm64, win32-x64 and this is ${platform}.*Delete node_modules and install here`),
  ],
  [
    'an addon for another processor',
    (project) => patch(project.addon, ofOtherMachine),
    'platform',
    new RegExp(`gld-loss\\.glibc\\.node is for linux-${other.name}; this is ${platform}`),
  ],
  [
    'engines for another processor',
    (project) => project.engines.forEach((file) => patch(file, ofOtherMachine)),
    'platform',
    new RegExp(`libgld_cpu_\\w+\\.so is for linux-${other.name}; this is ${platform}`),
  ],
  [
    'a 32-bit addon of another byte order',
    (project) =>
      patch(project.addon, (bytes) => {
        bytes.set([1, 2], 4);
        bytes.writeUInt16BE(8, 18);
      }),
    'platform',
    /is for linux-machine8;/,
  ],
  [
    'an addon of macOS',
    (project) => patch(project.addon, (bytes) => void bytes.writeUInt32LE(0xfeedfacf)),
    'platform',
    /is for darwin;/,
  ],
  [
    'an addon of Windows',
    (project) => patch(project.addon, (bytes) => void bytes.write('MZ')),
    'platform',
    /for win32;/,
  ],
  [
    'npm_config_arch',
    () => ({ env: { npm_config_arch: other.name } }),
    'platform',
    new RegExp(`npm_config_platform and npm_config_arch ask for linux-${other.name}`),
  ],
  [
    'a system that is not supported',
    (project) => {
      moved(project, 'linux-x64-of-old');
      return project.run(importing(`Object.defineProperty(process, 'platform', { value: 'freebsd' });`));
    },
    'platform',
    /runs on linux-x64 and linux-arm64; this is freebsd-/,
  ],
  [
    'an addon for musl',
    (project) => needing(project, project.addon, 'libc.musl-x86_64.so.1'),
    'libc',
    /made for musl; this Node\.js runs on glibc.*npx gld-loss build/,
  ],
  [
    'a prebuilt folder with an addon for musl alone',
    (project) => renameSync(project.addon, project.prebuilt('gld-loss.musl.node')),
    'libc',
    /has gld-loss\.musl\.node, for another C library/,
  ],
  ['LIBC=musl', () => ({ env: { LIBC: 'musl' } }), 'libc', /has gld-loss\.glibc\.node.*LIBC is set to musl/],
  [
    'an addon for a newer glibc',
    (project) => needing(project, project.addon, 'libc.so.6', 'GLIBC_2.99'),
    'glibc',
    /needs GLIBC_2\.99, which this system \(glibc 2\.\d+\) lacks.*npx gld-loss build/,
  ],
  [
    'engines for a newer glibc',
    (project) => project.engines.forEach((file) => needing(project, file, 'libc.so.6', 'GLIBC_2.99')),
    'glibc',
    /libgld_cpu_\w+\.so needs GLIBC_2\.99/,
  ],
  [
    'nothing built',
    (project) => rmSync(project.package('prebuilds'), { recursive: true }),
    'missing',
    /has no binary for.*npx gld-loss build/,
  ],
  ['an empty prebuilt folder', (project) => rmSync(project.addon), 'missing', /has no binary for.*npx gld-loss build/],
  [
    'no node-gyp-build',
    ({ path }) => rmSync(path('node_modules/node-gyp-build'), { recursive: true }),
    'missing',
    /dependency node-gyp-build cannot be loaded.*Install gld-loss with a package manager/,
  ],
  [
    'no engines',
    (project) => project.engines.forEach((file) => rmSync(file)),
    'missing',
    /No engine \(libgld_cpu_\*\.so\) lies beside \S+gld-loss\.glibc\.node\. Install the package again/,
  ],
  [
    'no engines, and one that was asked for',
    (project) => {
      project.engines.forEach((file) => rmSync(file));
      return { env: { GLD_LOSS_CPU_LEVEL: deviceInfo().cpu.level } };
    },
    'missing',
    /No engine/,
  ],
  [
    'a link to nothing',
    (project) => {
      rmSync(project.addon);
      symlinkSync('nothing', project.addon);
    },
    'missing',
    /gld-loss\.glibc\.node is not there/,
  ],
  [
    'a shared library that the system lacks',
    (project) => needing(project, project.addon, 'libnowhere.so.1'),
    'missing',
    /needs libnowhere\.so\.1/,
  ],
  [
    'a build that PREBUILDS_ONLY passes over',
    (project) => {
      toBuild(project);
      return { env: { PREBUILDS_ONLY: '1' } };
    },
    'missing',
    /passed over because PREBUILDS_ONLY is set/,
  ],
  [
    'GLD_LOSS_PREBUILD names nothing',
    ({ path }) => ({ env: { GLD_LOSS_PREBUILD: path('nowhere') } }),
    'missing',
    /GLD_LOSS_PREBUILD names \S+nowhere, which does not exist.*folder that holds build\/ or prebuilds\//,
  ],
  [
    'GLD_LOSS_PREBUILD names a file',
    (project) => ({ env: { GLD_LOSS_PREBUILD: project.addon } }),
    'missing',
    /GLD_LOSS_PREBUILD names \S+, which is not a folder/,
  ],
  [
    'GLD_LOSS_PREBUILD names the folder itself',
    (project) => ({ env: { GLD_LOSS_PREBUILD: project.prebuilt() } }),
    'missing',
    /GLD_LOSS_PREBUILD names \S+, which has no binary for \S+\. Name the folder that holds/,
  ],
  [
    'GLD_LOSS_PREBUILD names prebuilds/',
    (project) => ({ env: { GLD_LOSS_PREBUILD: project.package('prebuilds') } }),
    'missing',
    /GLD_LOSS_PREBUILD names \S+prebuilds, which is a prebuilds\/ folder\. Name the folder that it lies in/,
  ],
  [
    'GLD_LOSS_PREBUILD names the folder of another addon',
    (project) => {
      const elsewhere = folder(project, 'elsewhere', 'build', 'Release');
      copyFileSync(project.addon, join(elsewhere, 'sharp.node'));
      return { env: { GLD_LOSS_PREBUILD: project.path('elsewhere') } };
    },
    'missing',
    /GLD_LOSS_PREBUILD names \S+elsewhere, which has no binary for/,
  ],
  [
    'GLD_LOSS_PREBUILD names a folder for other platforms',
    (project) => {
      folder(project, 'elsewhere', 'prebuilds', 'win32-x64');
      return { env: { GLD_LOSS_PREBUILD: project.path('elsewhere') } };
    },
    'platform',
    /GLD_LOSS_PREBUILD names \S+elsewhere, which has binaries for win32-x64/,
  ],
  [
    'half an addon',
    (project) => patch(project.addon, truncated),
    'damaged',
    /glibc\.node is not .* all of it \(\d+ bytes\)/,
  ],
  ['half an engine', (project) => project.engines.forEach((file) => patch(file, truncated)), 'damaged', /libgld_cpu/],
  ['an empty file', (project) => writeFileSync(project.addon, ''), 'damaged', /\(0 bytes\).*Install the package again/],
  [
    'a file that stands for the addon',
    (project) => writeFileSync(project.addon, 'version https://git-lfs.github.com/spec/v1\n'),
    'damaged',
    /is not a native library/,
  ],
  [
    'an addon of another version',
    (project) =>
      patch(project.addon, (bytes) =>
        Buffer.from(bytes.toString('latin1').replaceAll(hash, hash.replaceAll(/./g, 'f')), 'latin1'),
      ),
    'version',
    /of another version than the package.*was made of another csrc\/call\.def/s,
  ],
  [
    'an addon of something else',
    (project) =>
      project.compile(
        project.addon,
        'int node_api_module_get_api_version_v1(void) { return 8; }' +
          'void* napi_register_module_v1(void* env, void* exports) { return exports; }',
      ),
    'version',
    /of another version than the package/,
  ],
  [
    'engines of another version',
    (project) => {
      const source = 'static const int engine[64] = {1}; const void* gld_engine_query(void) { return engine; }';
      for (const file of project.engines) project.compile(file, source);
    },
    'version',
    /of another version than the package/,
  ],
  [
    'an addon that is none',
    (project) => project.compile(project.addon, 'int nothing;'),
    'unknown',
    new RegExp(`The cause is not known\\. This is Node\\.js ${process.version} on ${platform}`),
  ],
  [
    'the same on an old Node.js',
    (project) => {
      project.compile(project.addon, 'int nothing;');
      const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.9.0' } });`;
      return project.run(importing(versions));
    },
    'node',
    /needs Node\.js 20\.17 or newer/,
  ],
];

const isReport = (result: Start | Report): result is Report => 'code' in result || 'version' in result;

for (const [name, spoil, reason, message, never] of causes) {
  t.test(name, async (t) => {
    const project = new Installed(t);
    const result = spoil(project) ?? {};
    const report = isReport(result) ? result : project.run(importing(), result);
    t.match(report, { code: 'ERR_GLD_LOAD', reason });
    t.match(report.message, message);
    if (never) t.notMatch(report.message?.split('\n')[0], never);
    t.ok(report.cause, "the loader's own error is kept");
  });
}

t.test('nothing is wrong', async (t) => {
  const project = new Installed(t);
  t.ok(project.run().version, 'prebuilt');
  t.ok(
    project.run(importing(), { env: { NODE_OPTIONS: '--no-addons' }, flags: ['--addons'] }).version,
    '--addons wins',
  );
  const elsewhere = { GLD_LOSS_PREBUILD: project.package(), LIBC: 'glibc' };
  renameSync(project.package('dist'), `${folder(project, 'node_modules/moved')}/dist`);
  copyFileSync(project.package('package.json'), project.path('node_modules/moved/package.json'));
  const script = importing().replace("'gld-loss'", "'./node_modules/moved/dist/esm/index.js'");
  t.ok(project.run(script, { env: elsewhere }).version, 'GLD_LOSS_PREBUILD');
  const relative = { ...elsewhere, GLD_LOSS_PREBUILD: 'node_modules/gld-loss' };
  t.ok(project.run(script, { env: relative }).version, 'GLD_LOSS_PREBUILD, relative');
  toBuild(project);
  t.ok(project.run(script, { env: relative }).version, 'built');
});

t.test('the flags that a message names are enough', async (t) => {
  const project = new Installed(t);
  const { path, package: installed } = project;
  const readable = ['main.mjs', 'node_modules/node-gyp-build/*'].map((name) => path(name));
  readable.push(installed('dist/*'), installed('package.json'));
  const reads = readable.map((file) => `--allow-fs-read=${file}`);
  const withoutDependency = reads.filter((flag) => !flag.includes('node-gyp-build'));
  for (const given of [readAll, [model, ...reads], [model, ...withoutDependency]]) {
    const { message = '' } = project.run(importing(), { flags: given });
    const [, named = ''] = /Add (.*)\.\n/.exec(message) ?? [];
    t.match(named, '--allow-addons');
    t.ok(project.run(importing(), { flags: [...given, ...named.split(' ')] }).version, named);
  }
});

const dropping = Number(process.versions.node.split('.')[0]) < 26 && 'this Node.js cannot drop permissions';
t.test('a permission that was dropped', { skip: dropping }, async (t) => {
  const project = new Installed(t);
  const report = project.run(importing(`process.permission.drop('addon');`), { flags: [...readAll, '--allow-addons'] });
  t.match(report, { code: 'ERR_GLD_LOAD', reason: 'permission' });
  t.match(report.message, /Add --allow-addons, and do not drop that permission\./);
});

// Root may read everything, so that somebody else has to try.
const user = process.getuid?.() === 0 ? { uid: 65534 } : {};
const runs = spawnSync(process.execPath, ['-v'], user).status === 0;
const hidden: [name: string, files: (project: Installed) => string[], message: RegExp][] = [
  ['the addon', (project) => [project.addon], /gld-loss\.glibc\.node may not be read/],
  ['the engines', (project) => project.engines, /libgld_cpu_\w+\.so may not be read/],
  ['the folder', (project) => [project.prebuilt()], /gld-loss may not be read by this user/],
];
for (const [name, files, message] of hidden) {
  t.test(`${name} may not be read`, { skip: !runs && 'another user cannot run this Node.js' }, async (t) => {
    const project = new Installed(t);
    writeFileSync(project.path('main.mjs'), importing());
    t.ok(project.run('', user).version, 'it can at first');
    for (const file of files(project)) chmodSync(file, 0);
    const report = project.run('', user);
    t.match(report, { code: 'ERR_GLD_LOAD', reason: 'unreadable' });
    t.match(report.message, message);
    chmodSync(project.prebuilt(), 0o755);
  });
}

const { available, built } = deviceInfo().cpu;
const all = available.length === built.length && 'this processor has every level';
t.test('a processor that has none of the levels', { skip: all }, async (t) => {
  const project = new Installed(t);
  for (const level of available) rmSync(project.prebuilt(`libgld_cpu_${level.replaceAll('-', '_')}.so`));
  const report = project.run();
  t.match(report, { code: 'ERR_GLD_LOAD', reason: 'processor' });
  t.match(report.message, /This processor can run none of the levels that are there: /);
});
