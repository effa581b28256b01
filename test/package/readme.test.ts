// What the README promises: its code runs and prints what it says, its commands are those of the clean-machine set-up, its
// tables are complete, and its error messages are those that come.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSide, GldLoss, gldLoss, type GldError } from 'gld-loss';
import manifest from 'gld-loss/package.json' with { type: 'json' };
import t, { type Test } from 'tap';
import ts from 'typescript';
import { helpText as benchmarksHelp } from '../../benchmarks/command-line.js';
import { study } from '../../examples/distill/study.js';
import { studies } from '../../examples/paper/studies.js';
import { helpText } from '../../examples/training/command-line.js';
import { groupsOf } from '../../examples/training/command.js';
import { root } from '../../tools/support.js';
import { wrongCalls } from '../calls/wrong-calls/index.js';
import { right } from '../calls/wrong-calls/inputs.js';

// What is not public has no declarations there.
const inside = (name: string) => import(`../../dist/esm/${name}.js`);
const { options: read } = (await inside('check')) as typeof import('../../lib/check.js');
const { tables } = (await inside('options')) as typeof import('../../lib/options.js');

const text = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = text('README.md');

const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, code]) => code);

/** The cells of every table row between two headings, without code marks around a whole cell. */
function rows(from: string, to: string): string[][] {
  const [, section = ''] = readme.split(`\n${from}\n`);
  return section
    .split(`\n${to}\n`)[0]
    .split('\n')
    .filter((line) => /^\|(?!---)/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    );
}

/** What a block says that it prints: the comment after each console.log. */
const promised = (code: string) =>
  [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)].map(([, comment]) => comment);

const examples = blocks('ts');

t.test('code: strict TypeScript', async (t) => {
  const folder = t.testdir();
  const files = examples.map((code, i) => {
    const file = join(folder, `${i}.ts`);
    writeFileSync(file, code);
    return file;
  });
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: ['node'],
    strict: true,
    skipLibCheck: true, // tfjs's own declarations need DOM types that it does not bring along
    noEmit: true,
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, start, messageText }) =>
        `${file?.text.slice(start, (start ?? 0) + 40)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  t.same(messages, []);
});

function runs(t: Test, code: string): void {
  const file = join(t.testdir(), 'example.ts');
  writeFileSync(file, code);
  const child = spawnSync(process.execPath, ['--import', 'tsx', file], { cwd: root, encoding: 'utf8' });
  t.equal(child.status ?? child.signal, 0, child.stderr);
  const printed = child.stdout.split('\n').filter((line) => line !== '');
  const expected = promised(code);
  t.ok(expected.length === 0 || printed.length >= expected.length, 'prints at least what it says');
  t.ok(
    printed.every((line, i) => line === expected[Math.min(i, expected.length - 1)]),
    `prints ${printed.join(' / ')}`,
  );
}

t.test('code: runs', async (t) => {
  t.ok(examples.length >= 7);
  for (const [i, code] of examples.entries()) t.test(`block ${i + 1}`, async (t) => runs(t, code));
});

t.test('commands: two lines, with the system packages of .ci/run', async (t) => {
  const packages = (script: string) => /apt-get install -y ([\w -]+?)(?= &&|\n)/.exec(script)?.[1].split(' ').sort();
  const [start, test] = blocks('sh');
  t.match(start, /^apt-get update && [^\n]* && npm ci --ignore-scripts && npm start\n$/);
  t.equal(test, start.replace('npm start', 'npm test'));
  t.same(packages(start), packages(text('.ci/run')));
  t.match(text('.ci/run'), 'npm ci --ignore-scripts');
  const tarballs = [...readme.matchAll(/gld-loss-[\d.]+\.tgz/g)].map(String);
  t.same([...new Set(tarballs)], [`gld-loss-${manifest.version}.tgz`], 'the tarball has the version of the package');
});

t.test('the main job: every option that is named exists', async (t) => {
  const named = rows('## The main job', '### Results').flatMap(([cell]) => cell.match(/(?<=--)[a-z-]+/g) ?? []);
  const jobOptions = Object.assign({}, ...Object.values(groupsOf(study))) as object;
  t.ok(named.length > 10);
  for (const name of named) t.ok(Object.hasOwn(jobOptions, name), `--${name}`);
});

t.test('durations: what was measured, and no promises', async (t) => {
  const main = helpText(study.help, groupsOf(study));
  const helps = Object.values(studies).map((of) => helpText(of.help, groupsOf(of)));
  for (const help of [main, ...helps, benchmarksHelp]) {
    t.notMatch(help, /(?<![:\d])\d+ (second|minute|hour|day)s?\b|\b(a|an) (minute|hour|day)\b/, 'no round numbers');
    for (const [, time] of help.matchAll(/(?<!\d)(\d+:\d\d)\b/g))
      t.match(readme, `${time} minutes`, 'the README has it too');
  }
  t.match(main, /\d+:\d\d/, 'the main job says how long it has taken');
  const minutes = ['epyc', 'xeon'].map((machine) => {
    const { environment } = JSON.parse(text(`benchmarks/results/${machine}-2-cores/results.json`)) as {
      environment: { seconds: number };
    };
    return Math.round(environment.seconds / 60);
  });
  t.match(
    text('CONTRIBUTING.md'),
    `the benchmark suite: ${minutes[0]} minutes on the EPYC and ${minutes[1]} on the Xeon`,
  );
});

t.test('the table of options is complete, with the defaults of the code', async (t) => {
  const table = rows('## Options', '### Choosing β').slice(1);
  const { relation, ...others } = tables.gldLossAsync;
  void relation;
  const names = [...Object.keys(others), 'relation.method', 'relation.metric', 'relation.reduction'];
  t.same(
    table
      .map(([name]) => name)
      .filter((name) => name !== '')
      .sort(),
    names.sort(),
  );
  const defaults = read(tables.gldLossAsync, {}) as Record<string, unknown>;
  for (const [name, value] of table) {
    if (name === '' || value === 'none' || value === 'all') continue;
    const [outer, inner] = name.split('.');
    const actual = inner === undefined ? defaults[outer] : (defaults[outer] as Record<string, unknown>)[inner];
    // The grid's default depends on the inputs: it has none where both sides are logits.
    t.same(new Function(`return (${value})`)(), name === 'grid' ? 2 : actual, name);
  }
});

t.test('errors: every code under its class, and messages that come', async (t) => {
  const source = text('lib/errors.ts');
  for (const [type, next] of [
    ['TypeError', 'RangeErrors:'],
    ['RangeError', 'Plain Errors:'],
  ]) {
    const codes = [...source.matchAll(new RegExp(`(ERR_GLD_\\w+): ${type},`, 'g'))].map(([, code]) => code);
    t.same(
      rows(`${type}s:`, next)
        .slice(1)
        .map(([code]) => code)
        .sort(),
      codes.sort(),
      type,
    );
  }
  t.same(
    rows('Plain Errors:', '## Worker threads')
      .slice(1)
      .map(([code]) => code),
    ['ERR_GLD_CUDA', 'ERR_GLD_LOAD', 'ERR_GLD_NATIVE'],
  );
  const [, reasons = ''] = /type GldLoadReason =([^;]+);/.exec(source) ?? [];
  t.ok(reasons);
  const load = rows('Plain Errors:', '## Worker threads').find(([code]) => code === 'ERR_GLD_LOAD');
  for (const [, reason] of reasons.matchAll(/'([\w-]+)'/g))
    t.match(load?.[1], String(reason), 'a reason to fail to load');

  const disposed = new GldLoss();
  disposed.dispose();
  const calls = wrongCalls.map(([, given]) => () => {
    const { inputs, options } = { inputs: right(), options: undefined, ...given };
    gldLoss(inputs as never, options as never);
  });
  const [logits, output] = [2, 0.5].map((value) => ({ data: new Float32Array(40).fill(value), shape: [4, 10] }));
  const others = [() => void disposed.compute(right()), () => void checkSide({ logits }, output, { name: 'teacher' })];
  const messages = new Set(
    [...calls, ...others].map((call) => {
      try {
        return call();
      } catch (error) {
        const { code, message } = error as GldError;
        return `${code} ${message}`;
      }
    }),
  );
  for (const [code, message] of [
    ...rows('TypeErrors:', 'RangeErrors:').slice(1),
    ...rows('RangeErrors:', 'Plain Errors:').slice(1),
  ]) {
    t.ok(messages.has(`${code} ${message}`), `${code}: ${message}`);
  }
});
