/** What is made of csrc/call.def: lib/schema.ts, and what a new option has to touch to get from JavaScript to an engine. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { definition, expectFresh, schemaOf } from '../../tools/schema.js';
import { at, sources } from '../../tools/support.js';

const execute = promisify(execFile);

t.test('lib/schema.ts is of call.def as it is', async (t) => {
  t.doesNotThrow(expectFresh);
});

t.test('lines that cannot be read are refused', async (t) => {
  const text = readFileSync(definition, 'utf8');
  for (const line of ['GLD_OPTION(double, half,', 'GLD_OPTION(double, half, half, true)'])
    t.throws(() => schemaOf(`${text}\n${line}\n`), /call\.def/, line);
});

/** A copy of csrc and lib with one option more: a line in call.def, a row in the table of options. */
function withMadeUpOption(folder: string): void {
  for (const part of ['csrc', 'lib', 'package.json']) cpSync(at(part), join(folder, part), { recursive: true });
  const insert = (file: string, before: string, line: string) => {
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes(before)) throw new Error(`${file} has no ${before}`);
    writeFileSync(join(folder, file), text.replace(before, `${line}\n${before}`));
  };
  insert('csrc/call.def', 'GLD_OPTION(double, beta,', 'GLD_OPTION(double, made_up, "madeUp", value >= 0)');
  insert('lib/options.ts', '  ...labels,\n  grid,', "  madeUp: number(0, 0, 'a number of at least 0'),");
  writeFileSync(join(folder, 'lib/schema.ts'), schemaOf(readFileSync(join(folder, 'csrc/call.def'), 'utf8')));
}

/** Compiles the addon of such a copy, and an engine that reports the option, as a build of the package has them. */
async function build(folder: string): Promise<void> {
  const [level] = Object.keys(sources().levels[process.arch]);
  const release = join(folder, 'build/Release');
  mkdirSync(release, { recursive: true });
  const flags = ['-std=c++17', '-O0', '-fPIC', `-I${join(folder, 'csrc')}`];
  const ofAddon = [
    ...['node_modules/node-addon-api', 'node_modules/node-api-headers/include'].map((path) => `-isystem${at(path)}`),
    ...['GLD_VERSION="0"', 'NAPI_VERSION=9', 'NODE_ADDON_API_CPP_EXCEPTIONS_ALL'].map((name) => `-D${name}`),
    '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  ];
  const objects: string[] = [];
  const waiting = sources().addon.map((source, i) => async () => {
    const object = join(folder, `${i}.o`);
    await execute('g++', [...flags, ...ofAddon, '-c', join(folder, source), '-o', object]);
    objects.push(object);
  });
  const compile = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compile));
  await execute('g++', ['-shared', '-pthread', '-o', join(release, 'gld_loss.node'), ...objects, '-ldl']);
  const engine = [at('test/native/made_up/engine.cpp'), '-o', join(release, `libgld_cpu_${level}.so`)];
  await execute('g++', [...flags, `-DGLD_LEVEL_NAME="${level.replaceAll('_', '-')}"`, '-shared', ...engine]);
}

t.test('a new option travels to the engine by one line of call.def and one row of the table', async (t) => {
  const folder = t.testdir();
  withMadeUpOption(folder);
  await build(folder);
  const program = `
    import { gldLoss, gldLossAsync, GldLoss } from './lib/index.js';
    const side = { logits: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] } };
    const inputs = { teacher: side, student: side };
    const refusal = (() => { try { gldLoss(inputs, { madeUp: -1 }); } catch ({ message }) { return message; } })();
    console.log(JSON.stringify([
      gldLoss(inputs).loss,
      gldLoss(inputs, { madeUp: 0.25 }).loss,
      (await gldLossAsync(inputs, { madeUp: 0.5 })).loss,
      new GldLoss({ madeUp: 0.75 }).compute(inputs).loss,
      refusal,
    ]));`;
  writeFileSync(join(folder, 'program.ts'), program);
  const env = { ...process.env, GLD_LOSS_PREBUILD: folder, GLD_LOSS_CPU_LEVEL: '' };
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', join(folder, 'program.ts')], { env });
  t.same(JSON.parse(stdout), [0, 0.25, 0.5, 0.75, 'madeUp: expected a number of at least 0, got -1']);
});
