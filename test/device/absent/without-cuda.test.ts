/**
 * Machines without CUDA, and with a broken one: the package loads, the CPU works, deviceInfo() says what is the matter, and
 * so does whoever asks for a GPU. Loading the package loads no driver.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deviceInfo } from 'gld-loss';
import t from 'tap';
import { standIn } from '../../../tools/stand-in.js';

const { available, reason } = deviceInfo().cuda;
t.comment(available ? 'CUDA is available here' : `no CUDA here: ${reason}`);

const environment = standIn(process.env.GLD_LOSS_PREBUILD);
const folder = environment.GLD_LOSS_PREBUILD;
const configuration = readdirSync(join(folder, 'build'))[0];

/** A copy of the build with another libgld_cuda.so, or none; returns what to set for it to be found. */
function buildWith(name: string, place: (engine: string) => void): { GLD_LOSS_PREBUILD: string } {
  const copy = join(t.testdirName, name);
  const into = join(copy, 'build', configuration);
  mkdirSync(into, { recursive: true });
  for (const file of readdirSync(join(folder, 'build', configuration))) {
    copyFileSync(join(folder, 'build', configuration, file), join(into, file));
  }
  place(join(into, 'libgld_cuda.so'));
  return { GLD_LOSS_PREBUILD: copy };
}

function compile(source: string): (engine: string) => void {
  return (engine) => {
    rmSync(engine);
    const file = `${engine}.cpp`;
    writeFileSync(file, source);
    execFileSync('g++', ['-shared', '-fPIC', '-o', engine, file], { env: { ...process.env, LD_PRELOAD: '' } });
  };
}

t.testdir({});

const script = `
  import { readFileSync } from 'node:fs';
  const { CudaTensor, deviceInfo, GldLoss, gldLoss, gldLossAsync, pool } = await import('gld-loss');
  const loaded = () => readFileSync('/proc/self/maps', 'utf8').includes('libgld_cuda');
  const logits = { data: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i * i)), shape: [2, 5, 4] };
  const inputs = { teacher: { logits }, student: { logits: { ...logits, data: logits.data.map(Math.cos) } } };
  const code = async (call) => {
    try {
      await call();
      return 'no error';
    } catch ({ code, argument, message }) {
      return { code, argument, message };
    }
  };
  const { loss } = gldLoss(inputs);
  const atFirst = loaded();
  const pointer = { device: 'cuda', ptr: 4096n, shape: [2, 5, 4], dtype: 'float32' };
  console.log(JSON.stringify({
    atFirst,
    cuda: deviceInfo().cuda,
    finite: Number.isFinite(loss),
    auto: gldLoss(inputs, { device: 'auto', precision: 'tf32' }).loss === loss,
    errors: [
      await code(() => gldLoss(inputs, { device: 'cuda' })),
      await code(() => gldLossAsync(inputs, { device: 'cuda:0' })),
      await code(() => new GldLoss({ device: 'cuda' })),
      await code(() => gldLoss({ ...inputs, teacher: { logits: pointer } })),
      await code(() => CudaTensor.from(logits)),
      await code(() => CudaTensor.empty([4])),
      await code(() => pool({ features: { ...pointer, shape: [1, 2, 5, 4] } }, { device: 'cuda' })),
    ],
  }));`;

interface Printed {
  atFirst: boolean;
  cuda: { available: boolean; reason?: string; devices: unknown[] };
  finite: boolean;
  auto: boolean;
  errors: ({ code: string; argument: string; message: string } | 'no error')[];
}

function inChild(environment: Record<string, string>): Printed {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  if (child.status !== 0) throw new Error(`exit ${child.status ?? child.signal}: ${child.stderr}`);
  return JSON.parse(child.stdout) as Printed;
}

const machines: [name: string, environment: () => Record<string, string>, reason: RegExp][] = [
  [
    'no engine in the build',
    () => buildWith('none', (engine) => rmSync(engine)),
    /^this build of gld-loss has no CUDA engine \(libgld_cuda\.so beside gld_loss\.node\)$/,
  ],
  [
    'an engine that is no library',
    () => buildWith('broken', (engine) => writeFileSync(engine, 'no library')),
    /^libgld_cuda\.so does not load: .*(invalid ELF header|file too short)/,
  ],
  [
    'an engine without its function',
    () => buildWith('empty', compile('int nothing;')),
    /^libgld_cuda\.so does not load: it is of another version than this addon$/,
  ],
  [
    'an engine of another version',
    () =>
      buildWith(
        'other',
        compile('static const int engine[64] = {1}; extern "C" const void* gld_engine_query() { return engine; }'),
      ),
    /^libgld_cuda\.so does not load: it is of another version than this addon$/,
  ],
  [
    'no GPU',
    () => ({ ...environment, GLD_EMULATED_DEVICES: '0', CUDA_VISIBLE_DEVICES: '7' }),
    /^cudaErrorNoDevice: no CUDA device is visible, CUDA_VISIBLE_DEVICES is '7'$/,
  ],
];
if (!available) machines.push(['this machine', () => ({}), /./]);
machines.push(['CUDA_VISIBLE_DEVICES empty', () => ({ CUDA_VISIBLE_DEVICES: '' }), /./]);

for (const [name, environment, expected] of machines) {
  t.test(name, async (t) => {
    const { atFirst, cuda, finite, auto, errors } = inChild(environment());
    t.comment(cuda.reason ?? '');
    // An emulated engine has devices whatever the driver thinks.
    if (name.startsWith('CUDA_VISIBLE') && cuda.available) return void t.pass('the engine is emulated');
    t.equal(atFirst, false, 'not loaded by a call on the CPU');
    t.match(cuda, { available: false, devices: [] });
    t.match(cuda.reason, expected);
    t.ok(finite && auto, 'the CPU computes');
    for (const error of errors) {
      t.match(error, { code: 'ERR_GLD_DEVICE' });
      const { message } = error as { message: string };
      t.ok(message.endsWith(`which is not available: ${cuda.reason}`), message);
    }
    t.same(
      errors.map((error) => (error as { argument: string }).argument),
      ['device', 'device', 'device', 'teacher.logits', 'device', 'device', 'device'],
    );
  });
}
