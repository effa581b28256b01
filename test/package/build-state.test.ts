/**
 * Whether a build is still good, and that a checkout builds again wherever it lies: moved, copied, with times that say
 * nothing, after a configuration that failed. The copies are real checkouts but for one program of one line, which is
 * what they build.
 */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t from 'tap';
import { cleanEnvironment } from '../../tools/consumer.js';
import { digest } from '../../tools/logged.js';
import { isBuilt, parts, stateOf } from '../../tools/state.js';
import { at, binaries, root } from '../../tools/support.js';

const longAgo = new Date('2001-01-01');

t.test('a build is good as long as its sources are the same', async (t) => {
  const folder = relative(root, t.testdir({ 'a.cpp': 'a', in: { 'b.cpp': 'b' }, out: { product: '', record: '' } }));
  const path = (name: string) => at(folder, name);
  const part = {
    sources: [`${folder}/a.cpp`, `${folder}/in`],
    products: () => [`${folder}/out/product`],
    record: `${folder}/out/record`,
    native: true,
  };
  const record = (state: object) => writeFileSync(path('out/record'), JSON.stringify(state));
  t.notOk(isBuilt(part), 'an empty record');
  const state = stateOf(part);
  record(state);
  t.ok(isBuilt(part));
  utimesSync(path('a.cpp'), new Date(), new Date());
  utimesSync(path('out/record'), longAgo, longAgo);
  t.ok(isBuilt(part), 'whatever the times');

  writeFileSync(path('in/b.cpp'), 'other');
  utimesSync(path('in/b.cpp'), longAgo, longAgo);
  t.notOk(isBuilt(part), 'another content with an older time');
  writeFileSync(path('in/b.cpp'), 'b');
  t.ok(isBuilt(part));
  writeFileSync(path('in/c.h'), '');
  t.notOk(isBuilt(part), 'one file more');
  rmSync(path('in/c.h'));
  renameSync(path('out/product'), path('out/other'));
  t.notOk(isBuilt(part), 'without a product');
  renameSync(path('out/other'), path('out/product'));
  record({ ...state, machine: 'linux-x64, glibc 2.17' });
  t.notOk(isBuilt(part), 'on another machine');
  record(state);
  t.ok(
    isBuilt({ ...part, sources: [...part.sources, `${folder}/nothing`] }),
    'a folder that is not there is no source',
  );
  rmSync(path('out/record'));
  t.notOk(isBuilt(part), 'after an interrupted build');
});

t.test('what a build shows', async (t) => {
  const lines = [
    'Not searching for unused variables given on the command line.',
    '-- Detecting CXX compile features',
    '-- gld-loss 0.1.0: no CUDA engine, as no nvcc was found',
    '[1/8] Building CXX object a.o',
    '[2/8] Building CXX object b.o',
    'b.cpp:7: warning: unused',
    '[3/8] Building CXX object c.o',
    '[ 62%] Building CXX object d.o',
    '[8/8] Linking CXX shared module a.so',
    'ninja: no work to do.',
  ];
  const shown = (terminal: boolean) => {
    let written = '';
    const { line, end } = digest((text) => (written += text), terminal);
    lines.forEach(line);
    end();
    return written;
  };
  t.equal(
    shown(false),
    [
      'gld-loss 0.1.0: no CUDA engine, as no nvcc was found',
      'gld-loss: 2 of 8 compiled or linked',
      'b.cpp:7: warning: unused',
      'gld-loss: 62 % compiled or linked',
      'gld-loss: 8 of 8 compiled or linked',
      '',
    ].join('\n'),
  );
  const clear = '\r\x1b[2K';
  const step = (count: string) => `${clear}gld-loss: ${count} compiled or linked`;
  t.equal(
    shown(true),
    `gld-loss 0.1.0: no CUDA engine, as no nvcc was found\n${step('1 of 8')}${step('2 of 8')}${clear}` +
      `b.cpp:7: warning: unused\n${step('3 of 8')}${step('62 %')}${step('8 of 8')}${clear}`,
    'one line on a terminal, gone at the end',
  );
});

/** A checkout of this one's sources outside of it, in a folder whose name needs care. */
function checkout(folder: string, ...more: string[]): string {
  const place = join(folder, 'a checkout é');
  const parts = [
    'benchmarks',
    'csrc',
    'lib',
    'test/conformance',
    'test/reference',
    'test/support',
    'tools',
    'CMakeLists.txt',
    'package.json',
  ];
  const settings = ['base', 'esm', 'cjs', 'check'].map((name) => `tsconfig.${name}.json`);
  for (const part of [...parts, ...settings, ...more]) cpSync(at(part), join(place, part), { recursive: true });
  symlinkSync(at('node_modules'), join(place, 'node_modules'));
  return place;
}

function run(place: string, program: string, args: string[] = [], environment: NodeJS.ProcessEnv = {}) {
  const tsx = at('node_modules/.bin/tsx');
  const env = { ...cleanEnvironment(), ...environment };
  const child = spawnSync(tsx, [program, ...args], { cwd: place, encoding: 'utf8', env });
  return { status: child.status, text: child.stdout + child.stderr };
}

t.test('a checkout that was moved or copied builds again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gld-loss-moved-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const first = checkout(folder);
  const target = `gld_limits_${binaries(process.arch)[1].replace(/^libgld_cpu_|\.so$/g, '')}`;
  const source = (place: string) => join(place, 'benchmarks/native/limits.cpp');
  const returns = (place: string, value: number) => writeFileSync(source(place), `int main() { return ${value}; }\n`);
  const build = (place: string, environment = {}) =>
    run(place, 'tools/build-native.ts', ['--cuda', 'off', '--target', target], environment);
  const log = (place: string) => readFileSync(join(place, 'build/build.log'), 'utf8');
  const check = (place: string, expected: number, title: string) => {
    const { status, text } = build(place);
    t.equal(status, 0, `${title}: ${text}`);
    t.match(text, /^gld-loss .*no CUDA engine, as GLD_CUDA is OFF$/m);
    t.notMatch(text, /^\[|^-- /m, 'progress in place of what the programs print');
    t.equal(spawnSync(join(place, 'build/benchmarks', target)).status, expected, title);
  };

  returns(first, 3);
  check(first, 3, 'built');
  check(first, 3, 'built again');
  t.notMatch(log(first), 'Building', 'which compiles nothing');
  returns(first, 4);
  utimesSync(source(first), longAgo, longAgo);
  check(first, 4, 'a source that changed and is older than what was made of it');

  const second = join(folder, 'moved');
  renameSync(first, second);
  check(second, 4, 'moved');
  t.notMatch(readFileSync(join(second, 'build/CMakeCache.txt'), 'utf8'), first);

  returns(second, 5);
  const third = join(folder, 'copied');
  cpSync(second, third, { recursive: true, verbatimSymlinks: true });
  rmSync(second, { recursive: true });
  check(third, 5, 'changed and then copied without its times');

  const failed = build(third, { CXX: '/nowhere/c++' });
  t.equal(failed.status, 1, 'a configuration that fails');
  t.match(failed.text, /\/nowhere\/c\+\+[\s\S]*All that it said is in build\/build\.log/, 'says why');
  check(third, 5, 'and the next that does not');

  writeFileSync(source(third), 'int main() { return nothing; }\n');
  const broken = build(third);
  t.equal(broken.status, 1, 'a source that does not compile');
  t.match(broken.text, /limits\.cpp:1:\d+: error: [\s\S]*nothing/, 'what the compiler said is passed on');
  returns(third, 6);
  check(third, 6, 'and mended');
});

t.test('a copy of what is built needs no build', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gld-loss-copied-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const native = isBuilt(parts.native);
  if (!native) t.comment('the plain native build is not there in this mode');
  const place = checkout(folder, 'dist', 'build/check');
  mkdirSync(join(place, 'build/Release'), { recursive: true });
  const products = native ? [...binaries(process.arch), '.complete'] : [];
  for (const name of products) cpSync(at('build/Release', name), join(place, 'build/Release', name));
  const asked = native ? [] : ['ts'];
  t.same(run(place, 'tools/ensure-built.ts', asked), { status: 0, text: '' });

  appendFileSync(join(place, 'lib/errors.ts'), '// changed\n');
  utimesSync(join(place, 'lib/errors.ts'), longAgo, longAgo);
  const built = run(place, 'tools/ensure-built.ts', asked);
  t.match(built, { status: 0, text: /^gld-loss: building lib\/ to dist\/.*\n$/ }, 'another source does, however old');
  t.same(run(place, 'tools/ensure-built.ts', asked), { status: 0, text: '' });
});
