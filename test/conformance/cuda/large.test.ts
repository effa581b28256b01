/**
 * Indices that pass 2^31, in the build whose engine is emulated (npm run test:emulated); skipped elsewhere. On a GPU with the
 * memory for it the checks have their own (test/conformance/checks/large.ts).
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import t from 'tap';

const { available, reason, devices } = deviceInfo().cuda;
const emulated = available && /emulated/.test(devices[0].name);
const missing = available ? false : `CUDA is not available: ${reason}`;

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
