/**
 * The CUDA engine through the public API, against the float64 reference: the checks of npm run check:cuda, and indices that
 * pass 2^31. Where a GPU is, or in the build whose engine is emulated (npm run test:emulated); skipped elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import t from 'tap';
import type { CheckRecord } from '../../../benchmarks/cuda/record.js';
import { checkCuda } from '../../support/check-cuda.js';

const { available, reason, devices } = deviceInfo().cuda;
const emulated = available && /emulated/.test(devices[0].name);
const missing = available ? false : `CUDA is not available: ${reason}`;

t.test('the checks', { skip: missing }, async (t) => {
  const file = join(t.testdir(), 'results.json');
  const seconds = ['--seconds', '3000'];
  const { status, stderr } = checkCuda([
    '--quick',
    '--only',
    'stages,options,sizes,hostile,repeat,calls',
    '--out',
    file,
    ...seconds,
  ]);
  t.equal(status, 0, stderr);
  const { checks } = JSON.parse(readFileSync(file, 'utf8')) as CheckRecord;
  for (const { group, name, passed, failures, worst, cases } of checks) {
    t.ok(passed, `${group}: ${name}, ${cases} comparisons`, { failures, worst });
  }
});

// An emulated device can have more memory than there is, as long as little of it is written to.
const large = missing || (emulated ? false : 'npm run check:cuda has its own on a GPU');

t.test('indices that pass 2^31', { skip: large }, async (t) => {
  const file = fileURLToPath(new URL('../../support/children/large-indices.ts', import.meta.url));
  const env = { ...process.env, GLD_EMULATED_SPARSE: String(2 ** 30), GLD_EMULATED_MEMORY: String(2 ** 45) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, file], {
    env,
    encoding: 'utf8',
  });
  t.equal(status, 0, stdout + stderr);
  for (const line of stdout.trim().split('\n')) t.comment(line);
});
