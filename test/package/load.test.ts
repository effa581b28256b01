// Every published entry point loads in both module formats, and the environment steers what is loaded.
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import * as gld from 'gld-loss';
import { jaxGld, jaxStep } from 'gld-loss/jax';
import { surrogateGld } from 'gld-loss/surrogate';
import { Distiller, registerGradients, tfjsGld } from 'gld-loss/tfjs';
import manifest from 'gld-loss/package.json' with { type: 'json' };

const require = createRequire(import.meta.url);

const functions = [
  'CudaTensor',
  'GldLoss',
  'checkSide',
  'classify',
  'crossEntropy',
  'deviceInfo',
  'gldLoss',
  'gldLossAsync',
  'gldPreset',
  'gldSchedule',
  'loadEngine',
  'normalizedKd',
  'pool',
  'relation',
] as const;

/** A level that no machine of this architecture has. */
const impossible = process.arch === 'arm64' ? 'x86-64-v3' : 'neon';

interface Failure {
  name: string;
  code: string;
  message: string;
}

/** Runs deviceInfo() in a child process with extra environment variables; gives its value or the error. */
function inChild(environment: Record<string, string>): { info?: gld.DeviceInfo; failure?: Failure } {
  const script = `
    try {
      const { deviceInfo } = await import('gld-loss');
      console.log(JSON.stringify({ info: deviceInfo() }));
    } catch ({ name, code, message }) {
      console.log(JSON.stringify({ failure: { name, code, message } }));
    }`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  if (child.status !== 0) throw new Error(`exit ${child.status ?? child.signal}: ${child.stderr}`);
  return JSON.parse(child.stdout);
}

t.test('entry points', async (t) => {
  for (const name of functions) t.type(gld[name], 'function', name);
  for (const adapter of [Distiller, registerGradients, tfjsGld, jaxGld, jaxStep, surrogateGld])
    t.type(adapter, 'function', adapter.name);
  t.equal(manifest.name, 'gld-loss');

  const paths = Object.keys(manifest.exports);
  t.same(paths, ['.', './tfjs', './jax', './surrogate', './package.json'], 'no entry point without a test');
  for (const path of paths) {
    const specifier = `gld-loss${path.slice(1)}`;
    const isJson = path.endsWith('.json');
    const imported = await import(specifier, isJson ? { with: { type: 'json' } } : {});
    const required = require(specifier);
    if (isJson) t.same(imported.default, required, specifier);
    else {
      const names = (module: object) => Object.keys(module).filter((name) => !/^(default|module\.exports)$/.test(name));
      t.same(names(imported).sort(), names(required).sort(), `${specifier} exports the same by import and by require`);
    }
  }
});

for (const thread of ['main', 'worker']) {
  t.test(`an import loads nothing; after a failure, the next call tries again: ${thread}`, async (t) => {
    const child = fileURLToPath(new URL('../support/children/lazy.mjs', import.meta.url));
    const printed = execFileSync(process.execPath, [child, thread], { encoding: 'utf8' });
    const { missing, ...then } = JSON.parse(printed) as { missing: Record<string, string> };
    for (const [name, outcome] of Object.entries(missing)) t.equal(outcome, 'ERR_GLD_LOAD missing', name);
    t.same(then, { before: false, wrongVariable: 'ERR_GLD_OPTION', right: 'none', after: true, threads: 2 });
  });
}

t.test('deviceInfo', async (t) => {
  const { version, cpu, cuda } = gld.deviceInfo();
  t.equal(version, manifest.version);
  t.ok(cpu.available.includes(cpu.level), 'the chosen level is available');
  t.ok(
    cpu.available.every((level) => cpu.built.includes(level)),
    'what is available was built',
  );
  const levels = process.arch === 'arm64' ? ['neon'] : ['x86-64-v2', 'x86-64-v3', 'x86-64-v4'];
  t.same([...cpu.built].sort(), levels, 'every level was built');
  t.ok(Number.isInteger(cpu.threads) && cpu.threads >= 1);
  t.equal(cuda.available, cuda.devices.length > 0);
  t.equal(cuda.available, cuda.reason === undefined, 'says why there is no CUDA');
});

t.test('GLD_LOSS_CPU_LEVEL', async (t) => {
  for (const level of gld.deviceInfo().cpu.available) {
    t.equal(inChild({ GLD_LOSS_CPU_LEVEL: level }).info?.cpu.level, level, `${level} can be forced`);
  }
  for (const level of ['avx9', impossible]) {
    const { failure } = inChild({ GLD_LOSS_CPU_LEVEL: level });
    t.match(failure?.code, /^ERR_GLD_/, level);
    t.match(failure?.message, 'GLD_LOSS_CPU_LEVEL', 'names the variable');
    t.match(failure?.message, level, 'names what was asked for');
    for (const available of gld.deviceInfo().cpu.available) t.match(failure?.message, available, 'lists what there is');
  }
});

t.test('GLD_LOSS_THREADS', async (t) => {
  t.equal(inChild({ GLD_LOSS_THREADS: '3' }).info?.cpu.threads, 3);
  for (const value of ['0', '-1', '1.5', 'many']) {
    const { failure } = inChild({ GLD_LOSS_THREADS: value });
    t.equal(failure?.code, 'ERR_GLD_OPTION', value);
    t.match(failure?.message, 'GLD_LOSS_THREADS');
  }
});
